"""Subset sums: which few of some random numbers add up to a given one."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np

from pns_tf.checks import InputError

MOST = 200_000  # subsets of one pool; more would not fit beside each other for all neurons
CHUNK = 2**23  # sums at once


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
    return _by_size(targets, candidates, largest)[1][:, -1]


def fewest_elements(
    targets: np.ndarray, candidates: np.ndarray, tolerance: float, largest: int | None = None
) -> np.ndarray:
    """Elements of the smallest subset whose sum is within a tolerance; −1 where there is none.

    Example:
        >>> fewest_elements(np.array([0.4, 7.0]), np.array([[0.3, 0.1, 0.9]] * 2), 0.01)
        array([ 2, -1])
    """
    sizes, errors = _by_size(targets, candidates, largest)
    hit = errors <= tolerance
    return np.where(hit.any(axis=1), sizes[hit.argmax(axis=1)], -1)


def _by_size(
    targets: np.ndarray, candidates: np.ndarray, largest: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, and the best errors with at most so many elements ``(instances, sizes)``."""
    targets, candidates = np.asarray(targets, float), np.asarray(candidates, float)
    pool = candidates.shape[1]
    chosen = subsets(pool, pool if largest is None else largest)
    sizes = chosen.sum(axis=1)
    starts = np.flatnonzero(np.diff(sizes, prepend=-1))
    best = np.empty((len(targets), len(starts)))
    step = max(CHUNK // len(chosen), 1)
    for start in range(0, len(targets), step):
        part = slice(start, start + step)
        off = np.abs(candidates[part] @ chosen.T.astype(float) - targets[part, None])
        best[part] = np.minimum.reduceat(off, starts, axis=1)
    return sizes[starts], np.minimum.accumulate(best, axis=1)
