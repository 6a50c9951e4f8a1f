"""How a number of parameters is spread over the layers of a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.checks import InputError, choice, integer

DISTRIBUTIONS = ("erk", "uniform")


def layer_counts(
    shapes: Sequence[tuple[int, ...]], count: int, distribution: str = "erk"
) -> list[int]:
    """Spreads exactly ``count`` parameters over layers.

    * "uniform": every layer has the same density;
    * "erk" (Erdős–Rényi-Kernel): the density of a layer is proportional to the sum of its kernel's
      dimensions divided by their product, so that small layers stay denser.

    Layers that would get more parameters than they have are kept whole, and the rest is spread
    over the others. Fractions are rounded by the largest remainder.

    Args:
        shapes: of the kernels, bias not counted: a layer ``(…, fan-in, fan-out)`` has
            fan-out biases besides.
        count: of all layers together, biases counted.
        distribution: "erk" or "uniform".

    Returns:
        The number of parameters of each layer, biases counted.

    Raises:
        ValueError: an unknown distribution, or more parameters than there are.

    Reference: Evci et al., Rigging the Lottery, ICML 2020, arXiv 1911.11134; Mocanu et al. 2018.

    Example:
        >>> layer_counts([(2, 10), (10, 10), (10, 4)], 60)
        [19, 24, 17]
        >>> layer_counts([(2, 10), (10, 10), (10, 4)], 60, "uniform")
        [10, 36, 14]
    """
    sizes = np.array([np.prod(shape) + shape[-1] for shape in shapes], dtype=float)
    count = integer("count", count, minimum=0)
    if count > sizes.sum():
        raise InputError(f"count must be at most the {sizes.sum():.0f} parameters, got {count}")
    if choice("distribution", distribution, DISTRIBUTIONS) == "uniform":
        wanted = sizes.copy()
    else:
        wanted = sizes * [sum(shape) / np.prod(shape) for shape in shapes]
    wanted = _filled(wanted, sizes, count)
    counts = np.floor(wanted + 1e-9).astype(int)
    remainders = np.where(counts < sizes, wanted - counts, -1.0)
    for layer in np.argsort(-remainders, kind="stable")[: count - counts.sum()]:
        counts[layer] += 1
    return counts.tolist()


def _filled(wanted: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """Scales ``wanted`` to the sum ``count`` where no layer gets more than its size."""
    full = np.zeros(len(sizes), bool)
    while True:
        left = count - sizes[full].sum()
        scaled = np.where(full, sizes, wanted * left / max(wanted[~full].sum(), 1e-300))
        over = ~full & (scaled > sizes)
        if not over.any():
            return scaled
        full |= over
