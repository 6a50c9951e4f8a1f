"""How large a target's activations can become on the input box [−1, 1]^d."""

from __future__ import annotations

import numpy as np

from pns_tf.seeding import generator
from pns_tf.tasks.task import Target

CELLS = 4096  # about so many pieces is the input box cut into
ROUNDING = 1e-9  # added to each bound, relative: more than float64 can lose


def activation_bounds(target: Target, cells: int = CELLS) -> list[np.ndarray]:
    """Upper bounds of abs(x^(l)) on each cell of a grid over the input box, by interval arithmetic.

    An activation is nowhere in its cell larger than this. One cell for the whole box would already
    be sound; small ones make it tight, because intervals forget that summands can cancel.

    Args:
        target: the network.
        cells: at most so many; one for the whole box if it has too many dimensions to be cut.

    Returns:
        For each layer of weights what goes into it, ``(cells, neurons)``; the box itself first.

    Example:
        >>> import tasks
        >>> [float(x.max().round(6)) for x in activation_bounds(tasks.get("relu").target(4))]
        [1.0, 1.0, 1.0]
    """
    low, high = cells_of_box(target.shape[0], cells)
    bounds = [np.maximum(np.abs(low), np.abs(high))]
    for kernel, bias in zip(target.kernels[:-1], target.biases[:-1], strict=True):
        centre = (low + high) / 2 @ kernel + bias
        radius = (high - low) / 2 @ np.abs(kernel)
        radius += ROUNDING * (np.maximum(np.abs(low), np.abs(high)) @ np.abs(kernel) + np.abs(bias))
        low, high = np.maximum(centre - radius, 0.0), np.maximum(centre + radius, 0.0)
        bounds.append(high)
    return bounds


def largest_norms(target: Target, cells: int = CELLS) -> np.ndarray:
    """Upper bounds of sup ‖x^(l−1)‖₁ over the input box, one for each layer of weights.

    Example:
        >>> import tasks
        >>> largest_norms(tasks.get("circle").target(3)).round(1)
        array([ 2. , 11.2])
    """
    return np.array([bound.sum(axis=1).max() for bound in activation_bounds(target, cells)])


def sampled_norms(target: Target, samples: int = 100_000, seed: int = 0) -> np.ndarray:
    """Largest ‖x^(l−1)‖₁ among random points of the input box: never above `largest_norms`."""
    h = generator(seed, "activations").uniform(-1.0, 1.0, (samples, target.shape[0]))
    norms = [np.abs(h).sum(axis=1).max()]
    for kernel, bias in zip(target.kernels[:-1], target.biases[:-1], strict=True):
        h = np.maximum(h @ kernel + bias, 0.0)
        norms.append(h.sum(axis=1).max())
    return np.array(norms)


def cells_of_box(dimensions: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corners of the cells, ``(cells, dimensions)`` each."""
    per_side = max(int(cells ** (1.0 / dimensions) + 1e-9), 1)
    if per_side == 1:
        return -np.ones((1, dimensions)), np.ones((1, dimensions))
    edges = np.linspace(-1.0, 1.0, per_side + 1)
    index = np.indices((per_side,) * dimensions).reshape(dimensions, -1).T
    return edges[index], edges[index + 1]
