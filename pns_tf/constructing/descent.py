"""Coordinate descent over subsets, one or two pools at a time, for many neurons at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pns_tf.constructing.subsets import count, subsets

SILENT = 0.01  # weight of errors where the target neuron is silent; only far ones matter there
DRIFT = 0.3  # of a parameter is what a scale costs that is e times as large as is wanted
TABLE = 4000  # subsets of one pool that are tried
PAIRED = 2  # elements of a subset at most where pools are chosen in pairs


@dataclass(frozen=True, eq=False)
class Wanted:
    """A target neuron, and what its copies may read.

    Attributes:
        signals: what the pools' neurons compute, ``(samples, places)``; a bias is a signal of 1.
        pools: places of each pool.
        ideal: what each pool is to add, weight × feature, ``(samples, pools)``; z is their sum.
        worth: of each sample, see `pns_tf.constructing.sensitivity`, ``(samples,)``.
        prices: parameters that it takes to use a place, ``(places,)``.
        price: cost of one parameter, in the units of errors.
        largest: elements of a subset at most.
        linear: whether no ReLU follows.
        size: λ that is wanted if others would do as well; 0 for any.
    """

    signals: np.ndarray
    pools: list[np.ndarray]
    ideal: np.ndarray
    worth: np.ndarray
    prices: np.ndarray
    price: float
    largest: int
    linear: bool
    size: float = 0.0

    @property
    def z(self) -> np.ndarray:
        """The target neuron's sum, ``(samples,)``."""
        return self.ideal.sum(axis=1)

    @property
    def tables(self) -> list[np.ndarray]:
        """Subsets of each pool."""
        return [subsets(len(pool), fitting(len(pool), self.largest)) for pool in self.pools]


def fitting(pool: int, largest: int) -> int:
    """The same, or fewer elements if there are more than `TABLE` subsets of so many."""
    while largest > 1 and count(pool, largest) > TABLE:
        largest -= 1
    return largest


class Descent:
    """Masks of some neurons, improved pool by pool.

    The cost of a mask is E w (Σ_i v_i h_i / λ − z)² + price × parameters: v the host's weights, h
    the signals, w what a sample is worth.

    Args:
        wanted: what the neurons are to compute.
        values: the host's weights from each place, ``(neurons, places)``.
        scales: λ to begin with, ``(neurons,)``.

    Attributes:
        chosen: the masks, bool ``(neurons, places)``.
        scales: λ as it fits them best.
    """

    def __init__(self, wanted: Wanted, values: np.ndarray, scales: np.ndarray):
        self.wanted, self.values, self.scales = wanted, values, scales.copy()
        self.chosen = np.zeros(values.shape, bool)
        z, q = wanted.z, sample_weights(wanted)
        weighted = wanted.signals * q[:, None]
        self._gram = wanted.signals.T @ weighted
        self._aim, self._power = z @ weighted, float(q @ z**2)
        self._ideal = wanted.ideal.T @ weighted
        self._order = np.argsort(-pool_powers(wanted, q), kind="stable")
        self._tables = wanted.tables
        self._terms = [
            _terms(table, self._gram[np.ix_(pool, pool)])
            for pool, table in zip(wanted.pools, self._tables, strict=True)
        ]

    def begin(self) -> None:
        """The first sweep, in which pools not yet chosen count as exact."""
        slope = np.zeros(self.values.shape)  # ⟨signal, Σ v h − λ z⟩
        for number in self._order:
            slope -= self.scales[:, None] * self._ideal[number]
            self._choose(number, slope)
            self._add(number, slope)
        self._fit_scales()

    def sweep(self) -> None:
        """Each pool once, all others as they are."""
        slope = (self.values * self.chosen) @ self._gram - self.scales[:, None] * self._aim
        for number in self._order:
            self._add(number, slope, -1.0)
            self._choose(number, slope)
            self._add(number, slope)
        self._fit_scales()

    def pair_sweep(self, rng: np.random.Generator) -> None:
        """Pools two by two, in random pairs; neurons are few, as subsets are tried in pairs."""
        slope = (self.values * self.chosen) @ self._gram - self.scales[:, None] * self._aim
        order = rng.permutation(len(self._order))
        for pair in zip(order[::2], order[1::2], strict=False):
            for number in pair:
                self._add(number, slope, -1.0)
            self._choose_pair(*pair, slope)
            for number in pair:
                self._add(number, slope)
        self._fit_scales()

    @property
    def costs(self) -> np.ndarray:
        """Of each neuron, infinite without a positive λ; ``(neurons,)``."""
        computed = self.values * self.chosen
        product = computed @ self._aim
        size = np.einsum("np,np->n", computed @ self._gram, computed)
        errors = (size / self.scales - 2 * product) / self.scales + self._power
        prices = self.wanted.price * (
            self.chosen @ self.wanted.prices + drift(self.wanted, self.scales)
        )
        return np.where(product > 0, errors + prices, np.inf)

    def _add(self, number: int, slope: np.ndarray, sign: float = 1.0) -> None:
        pool = self.wanted.pools[number]
        slope += (sign * self.values[:, pool] * self.chosen[:, pool]) @ self._gram[pool]

    def _table(self, number: int, slope: np.ndarray, first: int | None = None) -> np.ndarray:
        """Cost of each subset of a pool, or of the first ones, ``(neurons, subsets)``."""
        pool, table = self.wanted.pools[number], self._tables[number][:first]
        v = self.values[:, pool]
        one, two = _pairs(len(pool))
        terms = np.hstack([v[:, one] * v[:, two], v * slope[:, pool]])
        terms /= self.scales[:, None] ** 2
        cost = terms @ self._terms[number][:, :first]
        cost += self.wanted.price * (table @ self.wanted.prices[pool])
        return cost

    def _choose(self, number: int, slope: np.ndarray) -> None:
        best = np.argmin(self._table(number, slope), axis=1)
        self.chosen[:, self.wanted.pools[number]] = self._tables[number][best]

    def _choose_pair(self, one: int, two: int, slope: np.ndarray) -> None:
        """Small subsets of both, where these are better than what is chosen."""
        pools = self.wanted.pools[one], self.wanted.pools[two]
        place = np.concatenate(pools)
        counts = [count(len(pool), min(PAIRED, self.wanted.largest)) for pool in pools]
        tables = [self._tables[n][:size] for n, size in zip((one, two), counts, strict=True)]
        sums = [
            self.values[:, None, pool] * table for pool, table in zip(pools, tables, strict=True)
        ]
        cross = sums[0] @ self._gram[np.ix_(*pools)] @ sums[1].transpose(0, 2, 1)
        cost = 2 * cross / self.scales[:, None, None] ** 2
        cost += self._table(one, slope, counts[0])[:, :, None]
        cost += self._table(two, slope, counts[1])[:, None, :]
        flat = cost.reshape(len(cost), cost.shape[1] * cost.shape[2])
        best = np.argmin(flat, axis=1)
        now = self.values[:, place] * self.chosen[:, place]
        square = np.sum((now @ self._gram[np.ix_(place, place)]) * now, axis=1)
        there = (square + 2 * np.sum(now * slope[:, place], axis=1)) / self.scales**2
        there += self.wanted.price * (self.chosen[:, place] @ self.wanted.prices[place])
        better = flat[np.arange(len(cost)), best] < there
        rows = np.unravel_index(best, cost.shape[1:])
        for pool, table, row in zip(pools, tables, rows, strict=True):
            new = np.where(better[:, None], table[row], self.chosen[:, pool])
            self.chosen[:, pool] = new

    def _fit_scales(self) -> None:
        computed = self.values * self.chosen
        product = computed @ self._aim
        size = np.einsum("np,np->n", computed @ self._gram, computed)
        fits = product > 0
        self.scales = np.where(fits, size / np.where(fits, product, 1.0), self.scales)


def drift(wanted: Wanted, scales: np.ndarray) -> np.ndarray:
    """What scales of another size than is wanted cost, in parameters."""
    if not wanted.size:
        return np.zeros(len(scales))
    return DRIFT * np.abs(np.log(scales / wanted.size))


def sample_weights(wanted: Wanted) -> np.ndarray:
    """What errors count in each sample; they add up to a mean."""
    silent = np.where(wanted.linear | (wanted.z > 0), 1.0, SILENT)
    return wanted.worth * silent / len(wanted.worth)


def pool_powers(wanted: Wanted, q: np.ndarray) -> np.ndarray:
    """How much of the sum each pool is to give, ``(pools,)``."""
    return np.einsum("sp,s->p", wanted.ideal**2, q)


@lru_cache(maxsize=64)
def _pairs(places: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of both of each pair of places, a place with itself too."""
    return np.triu_indices(places)


def _terms(table: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """What products of weights, and weights times slopes, count in each subset's cost.

    Returns:
        ``(pairs + places, subsets)``.
    """
    t, (one, two) = table.T.astype(float), _pairs(len(gram))
    twice = np.where(one == two, 1.0, 2.0)
    return np.vstack([t[one] * t[two] * (gram[one, two] * twice)[:, None], 2.0 * t])
