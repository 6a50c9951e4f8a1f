"""Weights that are kept or pruned together: n of m in a row, and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pns_tf.checks import InputError, choice, integer
from pns_tf.masks import Mask
from pns_tf.pruning.thresholds import keep_highest, keep_highest_of_each, kept_count

POOLINGS = ("mean", "max")
# By the names that the layers have in both lines of Keras, with the classes derived from them.
TRANSPOSED = {"Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}  # kernels end with inputs
SUMMING_NO_INPUTS = {"Embedding", "DepthwiseConv1D", "DepthwiseConv2D"}


class Pattern(Protocol):
    """A rule of the threshold functions: which weights are kept together."""

    def masks(
        self,
        scores: Sequence[np.ndarray],
        sparsity: float,
        scope: str,
        *,
        within: Mask,
        rng: np.random.Generator,
        axes: Sequence[int | None] = (),
    ) -> Mask:
        """As `pns_tf.pruning.thresholds.masks_at_sparsity`."""

    def check(
        self,
        names: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        axes: Sequence[int | None],
        final_sparsity: float | None,
    ) -> None:
        """Raises `InputError` for weights and schedules that the pattern does not fit.

        Args:
            names, shapes: of the weights to be pruned.
            axes: along which their layers sum inputs, ``None`` for those that do not.
            final_sparsity: of the schedule, if it is known.
        """


@dataclass(frozen=True)
class NofM:
    """At most ``n`` of every ``m`` weights in a row along the input axis are kept, such as 2:4.

    That is what sparse tensor cores take, and TF-MOT's ``sparsity_m_by_n``, which counts zeros. The
    input axis of a dense kernel is its first, that of a convolution its last but one. A last group
    of fewer than m weights also keeps up to n. While a schedule is below its final sparsity, the
    exact number that it asks for is pruned, lowest scores first, among those that go in the end.

    Args:
        n: weights kept.
        m: weights in a group.

    Raises:
        ValueError: unless 0 < n < m.

    Example:
        >>> scores = [np.array([[1.0], [4.0], [3.0], [2.0]])]
        >>> masks = NofM(2, 4).masks(
        ...     scores, 0.5, "local", within=pns_tf.Mask.ones_like(scores), rng=rng
        ... )
        >>> masks[0].ravel().astype(int)
        array([0, 1, 1, 0])
    """

    n: int = 2
    m: int = 4

    def __post_init__(self):
        integer("n of NofM", self.n, minimum=1)
        integer("m of NofM", self.m, minimum=2)
        if self.n >= self.m:
            raise InputError(f"n of NofM must be below m, got {self.n} of {self.m}")

    @property
    def sparsity(self) -> float:
        """The sparsity of full groups."""
        return 1 - self.n / self.m

    def check(self, names, shapes, axes, final_sparsity):
        """See `Pattern`."""
        if final_sparsity is not None and abs(final_sparsity - self.sparsity) > 1e-6:
            raise InputError(
                f"{self.n} of {self.m} weights kept is sparsity {self.sparsity:g}: expected a "
                f"schedule that ends there, got {final_sparsity:g}"
            )
        without = [name for name, axis in zip(names, axes, strict=True) if axis is None]
        if without:
            raise InputError(
                f"{self.n} of {self.m} weights are counted along the inputs that a layer sums, and "
                f"{', '.join(without)} sums none: leave its layer out (skip)"
            )

    def masks(self, scores, sparsity, scope, *, within, rng, axes=()):
        """See `pns_tf.pruning.thresholds.masks_at_sparsity`."""
        axes = axes or [-2] * len(scores)
        goes = [
            alive & ~self._highest(np.asarray(score), alive, axis, rng)
            for score, alive, axis in zip(scores, within, axes, strict=True)
        ]
        if sparsity > self.sparsity + 1e-6:
            raise InputError(
                f"{self.n} of {self.m} weights kept is sparsity {self.sparsity:g}, but the "
                f"schedule asks for {sparsity:g}"
            )
        if sparsity >= self.sparsity - 1e-6:
            return Mask([a & ~g for a, g in zip(within, goes, strict=True)], within.names)
        among = Mask(goes)
        if scope == "global":
            surplus = max(within.kept - kept_count(within.size, sparsity), 0)
            stay = keep_highest(scores, max(among.kept - surplus, 0), within=among, rng=rng)
        else:
            counts = [
                max(g.sum() - max(a.sum() - kept_count(a.size, sparsity), 0), 0)
                for a, g in zip(within, goes, strict=True)
            ]
            stay = keep_highest_of_each(scores, counts, within=among, rng=rng)
        kept = [(a & ~g) | s for a, g, s in zip(within, goes, stay, strict=True)]
        return Mask(kept, within.names)

    def _highest(self, score, alive, axis, rng) -> np.ndarray:
        """The n highest of each group."""
        if np.isnan(score).any():
            raise InputError("scores must be numbers, got NaN")
        moved = np.moveaxis(np.where(alive, score, -np.inf), axis, -1)
        missing = -moved.shape[-1] % self.m
        padding = [(0, 0)] * (moved.ndim - 1) + [(0, missing)]
        groups = np.pad(moved, padding, constant_values=-np.inf)
        groups = groups.reshape(*moved.shape[:-1], -1, self.m)
        ties = rng.random(groups.shape)
        order = np.lexsort((ties, groups), axis=-1)[..., -self.n :]
        kept = np.zeros(groups.shape, bool)
        np.put_along_axis(kept, order, True, axis=-1)
        kept = kept.reshape(*moved.shape[:-1], -1)[..., : moved.shape[-1]]
        return np.moveaxis(kept, -1, axis) & alive


@dataclass(frozen=True)
class Blocks:
    """Blocks of the last two axes are kept or pruned as a whole, as by TF-MOT's ``block_size``.

    The score of a block is the mean or the maximum of the scores in it, and the schedule's sparsity
    is that of blocks: exactly so many are kept. Blocks at the edges may be smaller.

    Args:
        shape: rows and columns of a block; of a dense kernel, inputs and outputs.
        pooling: "mean" or "max".

    Raises:
        ValueError: sizes below 1, or an unknown pooling.

    Example:
        >>> scores = [np.array([[1.0, 1.0, 0.0, 3.0]])]
        >>> masks = Blocks((1, 2)).masks(
        ...     scores, 0.5, "local", within=pns_tf.Mask.ones_like(scores), rng=rng
        ... )
        >>> masks[0].astype(int)
        array([[0, 0, 1, 1]])
    """

    shape: tuple[int, int] = (4, 1)
    pooling: str = "mean"

    def __post_init__(self):
        if not isinstance(self.shape, tuple | list) or len(self.shape) != 2:
            raise InputError(f"shape of Blocks must be two numbers, got {self.shape!r}")
        for size in self.shape:
            integer("shape of Blocks", size, minimum=1)
        choice("pooling", self.pooling, POOLINGS)

    def check(self, names, shapes, axes, final_sparsity):
        """See `Pattern`."""
        flat = [name for name, shape in zip(names, shapes, strict=True) if len(shape) < 2]
        if flat:
            raise InputError(f"blocks have two axes, {', '.join(flat)} has one: leave biases dense")

    def masks(self, scores, sparsity, scope, *, within, rng, axes=()):
        """See `pns_tf.pruning.thresholds.masks_at_sparsity`."""
        pooled, alive = [], []
        for score, array in zip(scores, within, strict=True):
            if np.isnan(score).any():
                raise InputError("scores must be numbers, got NaN")
            blocks = self._blocks(np.asarray(score, np.float64), np.nan)
            pool = np.nanmean if self.pooling == "mean" else np.nanmax
            pooled.append(pool(blocks, axis=(-3, -1)))
            alive.append(self._blocks(array, False).any(axis=(-3, -1)))
        blocks_alive = Mask(alive)
        if scope == "global":
            count = kept_count(blocks_alive.size, sparsity)
            kept = keep_highest(pooled, count, within=blocks_alive, rng=rng)
        else:
            counts = [kept_count(array.size, sparsity) for array in alive]
            kept = keep_highest_of_each(pooled, counts, within=blocks_alive, rng=rng)
        rows, columns = self.shape
        wide = [np.repeat(np.repeat(k, rows, axis=-2), columns, axis=-1) for k in kept]
        cut = [w[..., : a.shape[-2], : a.shape[-1]] for w, a in zip(wide, within, strict=True)]
        return Mask([c & a for c, a in zip(cut, within, strict=True)], within.names)

    def _blocks(self, array: np.ndarray, missing: Any) -> np.ndarray:
        """``(…, inputs, outputs)`` as ``(…, i, rows, j, columns)``."""
        rows, columns = self.shape
        high, wide = -array.shape[-2] % rows, -array.shape[-1] % columns
        padding = [(0, 0)] * (array.ndim - 2) + [(0, high), (0, wide)]
        padded = np.pad(array, padding, constant_values=missing)
        lead, (height, width) = padded.shape[:-2], padded.shape[-2:]
        return padded.reshape(*lead, height // rows, rows, width // columns, columns)


def check_pattern(pattern: object) -> None:
    """Raises `InputError` unless it is a pattern, or ``None``."""
    if pattern is not None and not (hasattr(pattern, "masks") and hasattr(pattern, "check")):
        raise InputError(f"pattern must be NofM(2, 4), Blocks((4, 1)) or the like, got {pattern!r}")


def input_axis(layer: Any, weight: str | None, rank: int) -> int | None:
    """The axis of a weight along which its layer sums its inputs; ``None`` if it sums none.

    Args:
        layer: of tf_keras or Keras 3.
        weight: its name in the layer, such as "kernel".
        rank: number of its axes.

    Example:
        >>> input_axis(keras.layers.Conv2D(3, 2), "kernel", 4)
        2
        >>> input_axis(keras.layers.EinsumDense("abc,cde->abde", (2, 3)), "kernel", 3)
        0
    """
    if rank < 2:
        return None
    kinds = {kind.__name__ for kind in type(layer).__mro__}
    if kinds & SUMMING_NO_INPUTS or weight == "depthwise_kernel":
        return None
    if kinds & TRANSPOSED:
        return rank - 1
    if "EinsumDense" in kinds:
        operands, result = layer.equation.replace(" ", "").split("->")
        kernel = operands.split(",")[1]
        summed = [axis for axis, letter in enumerate(kernel) if letter not in result]
        return summed[-1] if summed else None
    return rank - 2
