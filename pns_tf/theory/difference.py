"""How far two ReLU networks can be apart on the input box, proven cell by cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.theory.activations import CELLS, ROUNDING, cells_of_box

Arrays = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]
AT_ONCE = 256  # cells; bounds the memory


def largest_difference(network: Arrays, other: Arrays, cells: int = CELLS) -> np.ndarray:
    """An upper bound of abs(f(x) − g(x)) for x in [−1, 1]^d, for each output.

    On each cell of a grid every neuron is followed as an affine function of the input and a
    remainder. Where no neuron changes sign, both networks are affine and the bound is exact; a
    neuron that does adds at most half of its ReLU's distance from the line through its ends. So it
    tightens as cells get smaller, which errors of single parameters, added up, do not.

    Args:
        network: kernels ``(fan_in, fan_out)`` and biases of f, linear in the last layer.
        other: the same of g.
        cells: at most so many.

    Returns:
        ``(outputs,)``, in exact arithmetic but for rounding that float64 could add.

    Example:
        >>> one = [np.array([[1.0, -1.0]]), np.ones((2, 1))], [np.zeros(2), np.zeros(1)]  # abs(x)
        >>> zero = [np.zeros((1, 1))], [np.zeros(1)]
        >>> largest_difference(one, zero).round(3)
        array([1.])
    """
    low, high = cells_of_box(len(network[0][0]), cells)
    largest = np.zeros(len(network[1][-1]))
    for first in range(0, len(low), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        centre, radius = (low[part] + high[part]) / 2, (high[part] - low[part]) / 2
        (a, slope_a, off_a), (b, slope_b, off_b) = (
            _affine(*arrays, centre, radius) for arrays in (network, other)
        )
        apart = np.abs(a - b) + np.einsum("cdn,cd->cn", np.abs(slope_a - slope_b), radius)
        largest = np.maximum(largest, (apart + off_a + off_b).max(axis=0))
    return largest


def _affine(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    centre: np.ndarray,
    radius: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs at the centres ``(cells, outputs)``, their slopes, and what they may be off by."""
    value = centre
    slope = np.broadcast_to(np.eye(centre.shape[1]), (len(centre), *[centre.shape[1]] * 2))
    off = np.zeros_like(centre)
    last = len(kernels) - 1
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        kernel = np.asarray(kernel, np.float64)
        spread = np.einsum("cdn,cd->cn", np.abs(slope), radius)
        lost = ROUNDING * ((np.abs(value) + spread) @ np.abs(kernel) + np.abs(bias))
        value, slope, off = value @ kernel + bias, slope @ kernel, off @ np.abs(kernel) + lost
        if layer == last:
            break
        spread = np.einsum("cdn,cd->cn", np.abs(slope), radius) + off
        low, high = np.minimum(value - spread, 0.0), np.maximum(value + spread, 0.0)
        part = np.divide(high, high - low, out=np.zeros_like(high), where=high > low)
        half = -part * low / 2  # φ(z) lies between part × z and that plus twice this
        value, slope, off = part * value + half, part[:, None, :] * slope, part * off + half
    return value, slope, off
