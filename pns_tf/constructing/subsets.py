"""Subset sums: which few of some random numbers add up to a given one."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from pns_tf.checks import InputError

MOST = 200_000  # subsets of one pool; more would not fit beside each other for all neurons
CHUNK = 2**21  # sums at once


def count(pool: int, largest: int) -> int:
    """How many subsets of a pool have at most so many elements, the empty one counted.

    Example:
        >>> count(8, 3)
        93
    """
    return sum(comb(pool, size) for size in range(min(pool, largest) + 1))


def check_count(pool: int, largest: int, what: str) -> int:
    """Returns `count`, or raises ``InputError`` if there are more subsets than fit."""
    found = count(pool, largest)
    if found > MOST:
        raise InputError(
            f"{what} makes {found:,} subsets of at most {largest}, {MOST:,} fit: take fewer "
            "copies or a smaller largest_subset"
        )
    return found


@lru_cache(maxsize=64)
def subsets(pool: int, largest: int) -> np.ndarray:
    """All subsets of a pool, of few elements first: bool ``(subsets, pool)``.

    Raises:
        ValueError: so many that they do not fit.

    Example:
        >>> subsets(3, 1).astype(int).tolist()
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    found = check_count(pool, largest, f"a pool of {pool}")
    chosen = np.zeros((found, pool), bool)
    row = 1
    for size in range(1, min(pool, largest) + 1):
        places = np.array(list(combinations(range(pool), size)))
        rows = np.arange(row, row + len(places))
        chosen[rows[:, None], places] = True
        row += len(places)
    chosen.flags.writeable = False
    return chosen


def best_errors(
    targets: np.ndarray, candidates: np.ndarray, largest: int | None = None
) -> np.ndarray:
    """By how much the best subset sum misses each target.

    Args:
        targets: ``(instances,)``.
        candidates: ``(instances, pool)``, a pool for each.
        largest: elements of a subset at most, ``None`` for all.

    Returns:
        min over the subsets of abs(sum − target), ``(instances,)``.

    Example:
        >>> best_errors(np.array([0.5]), np.array([[0.3, 0.1, 0.9]])).round(3)
        array([0.1])
    """
    return errors_by_size(targets, candidates, largest)[:, -1]


def fewest_elements(errors: np.ndarray, tolerance: float) -> np.ndarray:
    """Elements of the smallest subset whose sum is within a tolerance; −1 where there is none.

    Args:
        errors: of `errors_by_size`.
        tolerance: that abs(sum − target) may have.

    Example:
        >>> found = errors_by_size(np.array([0.4, 7.0]), np.array([[0.3, 0.1, 0.9]] * 2))
        >>> fewest_elements(found, 0.01)
        array([ 2, -1])
    """
    hit = errors <= tolerance
    return np.where(hit.any(axis=1), hit.argmax(axis=1), -1)


def errors_by_size(
    targets: np.ndarray, candidates: np.ndarray, largest: int | None = None
) -> np.ndarray:
    """The best errors with at most 0, 1, … elements, ``(instances, 1 + largest)``."""
    targets, candidates = np.asarray(targets, float), np.asarray(candidates, float)
    pool = candidates.shape[1]
    largest = pool if largest is None else min(pool, largest)
    best = np.empty((len(targets), 1 + largest))
    step = max(CHUNK // count(pool, largest), 1)
    for start in range(0, len(targets), step):
        part = slice(start, start + step)
        for size, sums in enumerate(_sums(candidates[part], largest)):
            sums -= targets[part]
            best[part, size] = np.abs(sums, out=sums).min(axis=0)
    return np.minimum.accumulate(best, axis=1)


def _sums(candidates: np.ndarray, largest: int) -> list[np.ndarray]:
    """Of all subsets with 0, 1, … elements, ``(subsets, instances)`` each."""
    instances, pool = candidates.shape
    sums = [np.zeros((1, instances))]
    sums += [np.empty((comb(pool, size), instances)) for size in range(1, largest + 1)]
    filled = [1] + [0] * largest
    for number, candidate in enumerate(candidates.T, start=1):
        for size in range(min(number, largest), 0, -1):  # those with it: one smaller, and it
            without, end = filled[size - 1], filled[size] + filled[size - 1]
            np.add(sums[size - 1][:without], candidate, out=sums[size][filled[size] : end])
            filled[size] = end
    return sums
