"""Which parameters of a host neuron make it a copy of a target neuron, for many of them at once.

A copy of scale λ computes λ φ(z), z the target neuron's sum. It reads from pools: of each feature
of the target, the host neurons that compute it, with scales of their own. In each pool a subset is
taken, so that all sums together come near λ z where that matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.constructing.descent import Descent, Wanted, drift, pool_powers, sample_weights

SWEEPS = 2  # over the pools, for all neurons
CLOSE = 2  # times as many as are wanted are looked at closely, but at least
FEWEST = 16  # so many
PAIR_SWEEPS = 10  # for these, and one more for each `MORE` pools
MORE = 2
CHUNK = 2**18  # numbers in one table


@dataclass(frozen=True, eq=False)
class Choices:
    """The best masks found for some host neurons.

    Attributes:
        neurons: numbers among those offered, ``(choices,)``.
        scales: λ, ``(choices,)``.
        masks: bool ``(choices, places)``.
        errors: what the copy's error costs, to second order, ``(choices,)``.
        costs: that, and its parameters' price, ``(choices,)``.
    """

    neurons: np.ndarray
    scales: np.ndarray
    masks: np.ndarray
    errors: np.ndarray
    costs: np.ndarray


def choose(
    wanted: Wanted, offered: np.ndarray, keep: int, starts: int, rng: np.random.Generator
) -> Choices:
    """The best choice for each of the offered neurons, the cheapest first.

    Subsets are chosen by `Descent`, from scales with which one subset is exact for the pool that
    matters most. What seems best is improved by pairs of pools.

    Args:
        wanted: what is to be computed.
        offered: the host's weights from each place to each neuron, ``(places, neurons)``.
        keep: how many choices are wanted.
        starts: scales that are tried for each neuron.
        rng: pairs the pools.
    """
    close = max(CLOSE * keep, FEWEST)
    largest = max(len(table) for table in wanted.tables)
    step = max(CHUNK // (starts * max(largest, len(offered))), 1)
    found = [
        _screened(wanted, offered[:, first : first + step].T, first, starts, close)
        for first in range(0, offered.shape[1], step)
    ]
    neurons, scales, masks, costs = (np.concatenate(part) for part in zip(*found, strict=True))
    best = np.argsort(costs, kind="stable")[:close]
    neurons, masks = neurons[best], masks[best]
    descent = Descent(wanted, offered[:, neurons].T, scales[best])
    descent.chosen = masks
    if len(wanted.pools) > 1:
        for _ in range(PAIR_SWEEPS + len(wanted.pools) // MORE):
            descent.pair_sweep(rng)
            descent.sweep()
    errors, scales = _exact(wanted, descent.values * descent.chosen, descent.scales)
    costs = errors + wanted.price * (descent.chosen @ wanted.prices + drift(wanted, scales))
    best = _first_of_each(neurons, costs)
    best = best[np.argsort(costs[best], kind="stable")]
    best = best[np.isfinite(costs[best])][:keep]
    return Choices(neurons[best], scales[best], descent.chosen[best], errors[best], costs[best])


def _screened(
    wanted: Wanted, values: np.ndarray, first: int, starts: int, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Numbers from ``first`` on, scales, masks and costs of the best tries."""
    scales, rows = _starts(wanted, values, starts)
    descent = Descent(wanted, values[rows], scales)
    descent.begin()
    for _ in range(SWEEPS):
        descent.sweep()
    costs = descent.costs
    # A single neuron, as an output is, may keep all its tries.
    best = _first_of_each(rows, costs) if len(values) > 1 else np.argsort(costs, kind="stable")
    best = best[np.argsort(costs[best], kind="stable")][:most]
    best = best[np.isfinite(costs[best])]
    return rows[best] + first, descent.scales[best], descent.chosen[best], costs[best]


def _exact(wanted: Wanted, values: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Errors with ReLU, of copies with these values at their places, and their best scales."""
    computed, z = wanted.signals @ values.T, wanted.z
    if not wanted.linear:
        computed, z = np.maximum(computed, 0.0), np.maximum(z, 0.0)
    worth = wanted.worth / len(z)
    product = (worth * z) @ computed
    fits = product > 0
    best = np.where(fits, (worth @ computed**2) / np.where(fits, product, 1.0), scales)
    off = worth @ (computed / best - z[:, None]) ** 2
    return np.where(fits, off, np.inf), best


def _starts(wanted: Wanted, values: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales, and the neuron that each is tried for: ``(tries,)`` both."""
    q = sample_weights(wanted)
    powers = pool_powers(wanted, q)
    main = int(np.argmax(powers))
    pool = wanted.pools[main]
    gains = (q * wanted.ideal[:, main]) @ wanted.signals[:, pool] / powers[main]
    tries = (values[:, pool] * gains) @ wanted.tables[main].T.astype(float)
    ranked = -np.sort(-np.where(tries > 0, tries, -np.inf), axis=1)
    if ranked.shape[1] > most:  # from the largest scales down, evenly
        count = np.maximum(np.isfinite(ranked).sum(axis=1, keepdims=True), 1)
        places = (np.linspace(0, 1, most) * (count - 1)).round().astype(int)
        ranked = np.take_along_axis(ranked, places, axis=1)
    rows, columns = np.nonzero(np.isfinite(ranked))
    return ranked[rows, columns], rows


def _first_of_each(rows: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Place of the lowest cost of each row."""
    order = np.lexsort((costs, rows))
    return order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
