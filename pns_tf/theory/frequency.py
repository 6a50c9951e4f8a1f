"""Monte Carlo: how often random hosts do hold a copy of a target, to be compared with the bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import binomtest
from tqdm import tqdm

from pns_tf.checks import choice, integer
from pns_tf.seeding import generator
from pns_tf.theory.existence import INITS
from pns_tf.theory.unit_target import UnitTarget


@dataclass(frozen=True)
class Frequency:
    """How often a copy was found.

    Attributes:
        found: hosts that hold a copy.
        hosts: hosts that were drawn.
        low: lower end of the 95 % confidence interval (Clopper and Pearson).
        high: its upper end.
    """

    found: int
    hosts: int
    low: float
    high: float


def frequency(
    unit: UnitTarget, width: int, hosts: int, init: str = "uniform", seed: int = 0
) -> Frequency:
    """Draws hosts and counts those that hold a copy of the target with all errors allowed.

    Hosts are drawn divided by their σ, which no longer matters then: uniform on [−1, 1] or standard
    normal. Shows a bar, as it can take long.

    Raises:
        ValueError: a value out of range.

    Example:
        >>> import tasks
        >>> from pns_tf.theory.unit_target import unit_target
        >>> unit = unit_target(tasks.get("relu").target(3), epsilon=0.5, bound="proven")
        >>> frequency(unit, width=100, hosts=50).found
        47
    """
    width = integer("width", width, minimum=1)
    choice("init", init, INITS)
    rng = generator(seed, f"frequency of copies, {init}")
    sizes = [unit.target.shape[0], *[width] * (unit.target.depth - 2), unit.target.shape[-1]]
    shapes = list(pairwise(sizes))
    found = 0
    numbers = range(integer("hosts", hosts, minimum=1))
    for _ in tqdm(numbers, unit="host", leave=False, disable=None):
        found += find_copy(unit, *draw(rng, init, shapes)) is not None
    interval = binomtest(found, hosts).proportion_ci(0.95)
    return Frequency(found, hosts, float(interval.low), float(interval.high))


def find_copy(
    unit: UnitTarget, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> list[np.ndarray] | None:
    """Looks for a copy of the target whose parameters are all within the allowed errors.

    Layer by layer each target neuron gets a host neuron of its own, by a maximum matching; in the
    last hidden layer the outgoing weights must be right as well. Other choices in the layers before
    are not tried, so a copy may be missed, but what is found is one.

    Args:
        unit: from `unit_target`.
        kernels: the host's, divided by σ.
        biases: the host's, divided by Πσ.

    Returns:
        For each layer of weights the host neuron of each target neuron; ``None`` if there is none.
    """
    target, errors = unit.target, unit.errors
    neurons, sources = [], np.arange(target.shape[0])
    for layer in range(len(kernels) - 1):
        fits = _within(target.biases[layer], biases[layer][None], errors[layer])
        for weights, drawn in zip(target.kernels[layer], kernels[layer][sources], strict=True):
            fits &= _within(weights, drawn[None], errors[layer])
        if layer == len(kernels) - 2:
            for weights, drawn in zip(target.kernels[-1].T, kernels[-1].T, strict=True):
                fits &= _within(weights, drawn[None], errors[-1])
        sources = maximum_bipartite_matching(csr_array(fits), perm_type="column")
        if (sources < 0).any():
            return None
        neurons.append(sources)
    ends = [(target.biases[-1], biases[-1]), (target.kernels[-1], kernels[-1][sources])]
    off = [np.abs(drawn - wanted)[wanted != 0] for wanted, drawn in ends]
    if any((part > errors[-1]).any() for part in off):
        return None
    return [*neurons, np.arange(target.shape[-1])]


def _within(wanted: np.ndarray, drawn: np.ndarray, error: float) -> np.ndarray:
    """Which host neurons offer which target neurons a value that is near enough."""
    return (np.abs(drawn - wanted[:, None]) <= error) | (wanted[:, None] == 0)


def draw(
    rng: np.random.Generator, init: str, shapes: Sequence[tuple[int, int]]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Kernels of these shapes and their biases, divided by their σ.

    Example:
        >>> kernels, biases = draw(np.random.default_rng(0), "uniform", [(1, 5), (5, 2)])
        >>> [bias.shape for bias in biases]
        [(5,), (2,)]
    """

    def values(*shape: int) -> np.ndarray:
        return rng.uniform(-1.0, 1.0, shape) if init == "uniform" else rng.standard_normal(shape)

    return [values(*shape) for shape in shapes], [values(shape[1]) for shape in shapes]
