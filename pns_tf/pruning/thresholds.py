"""From scores to masks: thresholds that know nothing of pruners (larger scores are kept)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pns_tf.checks import InputError, choice, integer, number
from pns_tf.masks import Mask

if TYPE_CHECKING:
    from pns_tf.pruning.patterns import Pattern

SCHEDULES = ("exponential", "linear")
SCOPES = ("global", "local")


def global_masks(
    scores: Sequence[np.ndarray],
    density: float,
    *,
    within: Mask | None = None,
    rng: np.random.Generator,
) -> Mask:
    """Keeps the round(density × count) highest scores of all arrays together.

    Args:
        scores: one array for each weight; signed and infinite scores are welcome.
        density: fraction to keep, in (0, 1].
        within: parameters still alive; no other is kept, so fewer may be left than asked for.
        rng: breaks ties.

    Returns:
        The `Mask`, in the scores' shapes, with the names of ``within``.

    Raises:
        ValueError: density out of range, NaN scores, or ``within`` of other shapes.

    Example:
        >>> scores = [np.array([[3.0, 1.0]]), np.array([2.0, 0.0])]
        >>> [array.astype(int).tolist() for array in global_masks(scores, 0.5, rng=rng)]
        [[[1, 0]], [1, 0]]
    """
    count = round(_checked_density(density) * sum(np.size(score) for score in scores))
    return keep_highest(scores, count, within=within, rng=rng)


def local_masks(
    scores: Sequence[np.ndarray],
    density: float,
    *,
    within: Mask | None = None,
    rng: np.random.Generator,
) -> Mask:
    """Keeps the round(density × size) highest scores of each array by itself, as TF-MOT does.

    A kernel and the bias beside it have a threshold each. Arguments, errors and result are those of
    `global_masks`.

    Example:
        >>> scores = [np.array([[3.0, 1.0]]), np.array([2.0, 0.0])]
        >>> [array.astype(int).tolist() for array in local_masks(scores, 0.5, rng=rng)]
        [[[1, 0]], [1, 0]]
    """
    density = _checked_density(density)
    counts = [round(density * np.size(score)) for score in scores]
    return keep_highest_of_each(scores, counts, within=within, rng=rng)


def masks_from_scores(
    scores: Sequence[np.ndarray],
    density: float,
    scope: str,
    *,
    within: Mask | None = None,
    rng: np.random.Generator,
) -> Mask:
    """`global_masks` or `local_masks`, as ``scope`` says."""
    to_masks = global_masks if choice("scope", scope, SCOPES) == "global" else local_masks
    return to_masks(scores, density, within=within, rng=rng)


def masks_at_sparsity(
    scores: Sequence[np.ndarray],
    sparsity: float,
    scope: str,
    *,
    within: Mask,
    rng: np.random.Generator,
    pattern: Pattern | None = None,
    axes: Sequence[int | None] = (),
) -> Mask:
    """The masks of a network that is pruned step by step while it is trained, by TF-MOT's counts.

    Args:
        scores: one array for each weight.
        sparsity: the fraction that a schedule wants pruned by now; `kept_count` are kept.
        scope: "global" or "local".
        within: parameters still alive; no other is kept.
        rng: breaks ties.
        pattern: a rule for which weights are kept together, see `pns_tf.pruning.patterns`.
        axes: of each array the axis along which its layer sums inputs, for the pattern.

    Example:
        >>> scores = [np.array([[3.0, 1.0]]), np.array([2.0, 0.0])]
        >>> masks = masks_at_sparsity(
        ...     scores, 0.5, "global", within=pns_tf.Mask.ones_like(scores), rng=rng
        ... )
        >>> [array.astype(int).tolist() for array in masks]
        [[[1, 0]], [1, 0]]
    """
    choice("scope", scope, SCOPES)
    if pattern is not None:
        return pattern.masks(scores, sparsity, scope, within=within, rng=rng, axes=axes)
    if scope == "global":
        return keep_highest(scores, kept_count(within.size, sparsity), within=within, rng=rng)
    counts = [kept_count(array.size, sparsity) for array in within]
    return keep_highest_of_each(scores, counts, within=within, rng=rng)


def kept_count(size: int, sparsity: float) -> int:
    """TF-MOT's number of weights to keep, in its float32 arithmetic: at least 1."""
    kept = np.float32(size) * (np.float32(1) - np.float32(sparsity))
    return max(int(np.rint(kept)), 1)


def warn_of_empty(before: Mask, after: Mask, step: int) -> None:
    """Warns of kernels that a pruning leaves nothing of, by name."""
    empty = [
        name
        for name, was, kept in zip(before.names, before, after, strict=True)
        if was.ndim > 1 and was.any() and not kept.any()
    ]
    if empty:
        warnings.warn(
            f"pruning at step {step} leaves nothing of {', '.join(empty)}: what only they carry is "
            "cut off. Keep more, prune in smaller steps, or use scope='local', which keeps at "
            "least one weight of each layer",
            stacklevel=3,
        )


def keep_highest(
    scores: Sequence[np.ndarray],
    count: int,
    *,
    within: Mask | None = None,
    rng: np.random.Generator,
) -> Mask:
    """Keeps exactly the ``count`` highest scores of all arrays together, ties at random.

    Where fewer parameters are alive in ``within``, all of these are kept. The other arguments are
    those of `global_masks`. Takes O(n): the threshold is found by partition, not by sorting.
    """
    scores = [np.asarray(score) for score in scores]
    alive = _alive(scores, within)
    flat = np.concatenate([score.ravel() for score in scores])
    if np.isnan(flat).any():
        raise InputError("scores must be numbers, got NaN")
    return alive.shaped(_highest(flat, integer("count", count, minimum=0), alive.flat, rng))


def keep_highest_of_each(
    scores: Sequence[np.ndarray],
    counts: Sequence[int],
    *,
    within: Mask | None = None,
    rng: np.random.Generator,
) -> Mask:
    """Keeps ``counts[i]`` of array ``i``; otherwise like `keep_highest`."""
    alive = _alive(scores, within)
    masks = [
        keep_highest([score], count, within=Mask([array]), rng=rng)[0]
        for score, count, array in zip(scores, counts, alive, strict=True)
    ]
    return Mask(masks, within.names if within is not None else None)


def density_steps(density: float, rounds: int, schedule: str = "exponential") -> list[float]:
    """Densities after each of K rounds of pruning, the last one ``density`` itself.

    Exponential: ρ^{k/K}. Linear: 1 − (1 − ρ) k/K.

    Args:
        density: ρ, in (0, 1].
        rounds: K, at least 1.
        schedule: "exponential" or "linear".

    Raises:
        ValueError: a value out of range.

    Example:
        >>> density_steps(0.25, 2), density_steps(0.5, 2, "linear")
        ([0.5, 0.25], [0.75, 0.5])
    """
    density, rounds = _checked_density(density), integer("rounds", rounds, minimum=1)
    fractions = [k / rounds for k in range(1, rounds + 1)]
    if choice("schedule", schedule, SCHEDULES) == "linear":
        return [(1 - fraction) + density * fraction for fraction in fractions]
    return [density**fraction for fraction in fractions]


def _checked_density(density: float) -> float:
    return number("density", density, 0.0, 1.0, low_excluded=True)


def _alive(scores: Sequence[np.ndarray], within: Mask | None) -> Mask:
    if within is None:
        return Mask.ones_like(scores)
    shapes, alive = [np.shape(s) for s in scores], [array.shape for array in within]
    if shapes != alive:
        raise InputError(f"within must have the scores' shapes {shapes}, got {alive}")
    return within


def _highest(
    scores: np.ndarray, count: int, alive: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    candidates = scores if alive.all() else scores[alive]
    if count >= candidates.size:
        return alive.copy()
    if count == 0:
        return np.zeros_like(alive)
    position = candidates.size - count
    threshold = np.partition(candidates, position)[position]
    kept = alive & (scores > threshold)
    tied = np.flatnonzero(alive & (scores == threshold))
    missing = count - np.count_nonzero(kept)
    kept[rng.choice(tied, missing, replace=False, shuffle=False)] = True
    return kept
