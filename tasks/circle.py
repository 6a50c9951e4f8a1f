"""circle: which of four rings holds the point, solved by squaring with ten knots a coordinate."""

import numpy as np

from pns_tf.checks import number
from pns_tf.tasks import Task, piecewise_linear

THRESHOLDS = np.array([0.2, 0.5, 0.7])  # t: the rings' borders, in r²
KNOTS = 10

# Logits α_c r² + β_c: two neighbours cross exactly at the border between their rings.
ALPHA = 5.0 * 2.0 ** np.arange(4)
BETA = np.concatenate([[0.0], np.cumsum((ALPHA[:-1] - ALPHA[1:]) * THRESHOLDS)])


def label(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Number of thresholds below r²; with probability ``noise`` the nearest other ring instead."""
    number("noise of circle, a probability,", noise, 0.0, 1.0)
    r2 = np.sum(x**2, axis=1)
    ring = np.searchsorted(THRESHOLDS, r2)
    nearest = np.argmin(
        np.abs(r2[:, None] - THRESHOLDS), axis=1
    )  # border b lies between b and b + 1
    neighbour = np.where(ring == nearest, nearest + 1, nearest)
    return np.where(rng.random(len(x)) < noise, neighbour, ring)


def mirror() -> tuple[np.ndarray, np.ndarray]:
    """2 → 4: φ(x₁), φ(−x₁), φ(x₂), φ(−x₂)."""
    return np.kron(np.eye(2), [[1.0, -1.0]]), np.zeros(4)


def merge() -> tuple[np.ndarray, np.ndarray]:
    """4 → 2: |x₁|, |x₂|."""
    return np.kron(np.eye(2), [[1.0], [1.0]]), np.zeros(2)


def rotate(angle: float, unfolded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """To 3: the component along a = (cos φ, sin φ), and ± the component across it.

    ``unfolded`` (neurons, 2) says how the incoming neurons add up to the point's two coordinates.
    """
    cos, sin = np.cos(angle), np.sin(angle)
    return unfolded @ np.array([[cos, -sin, sin], [sin, cos, -cos]]), np.zeros(3)


def squares(
    inputs: np.ndarray, *knots: tuple[float, float, int, int]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The last two layers: r² as a sum of squared coordinates, and the logits from it.

    Args:
        inputs: ``(neurons, coordinates)``, which neurons feed which coordinate's knots.
        knots: (low, high, N, last sign) for each coordinate.
    """
    h = [piecewise_linear(np.square, *interval) for interval in knots]
    signs = [np.outer(column, part.signs) for column, part in zip(inputs.T, h, strict=True)]
    inner_biases = np.concatenate([part.inner_biases for part in h])
    outer = np.concatenate([part.outer for part in h])
    r2_bias = sum(part.bias for part in h)
    return [(np.hstack(signs), inner_biases), (outer * ALPHA, r2_bias * ALPHA + BETA)]


def layers(depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Depth 3: knots on x. Depth 4: on the mirrored x. Depth 5: on |x|. Deeper: on the folded |x|.

    Each of the ``depth − 5`` folding layers turns by half the angle of the one before and folds
    the half-plane, so that the point comes ever closer to the first axis.
    """
    if depth == 3:
        return squares(np.eye(2), *[(-1.0, 1.0, KNOTS, -1)] * 2)
    if depth == 4:
        both_halves, _ = merge()
        return [mirror(), *squares(both_halves, *[(0.0, 1.0, KNOTS, -1)] * 2)]
    stack = [mirror(), merge()]
    if depth == 5:
        return stack + squares(np.eye(2), *[(0.0, 1.0, KNOTS, 1)] * 2)
    unfolded = np.eye(2)
    for fold in range(depth - 5):
        angle = np.pi * 0.5 ** (fold + 2)
        stack.append(rotate(angle, unfolded))
        unfolded = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    across = np.sin(angle) * np.sqrt(THRESHOLDS[-1]) + 0.01
    along_knots = min(int(np.ceil(np.sqrt(2) / (np.sqrt(2) + across) * 2 * KNOTS)), 2 * KNOTS - 3)
    across_knots = max(2 * KNOTS - along_knots, 3)
    return stack + squares(
        unfolded, (0.0, np.sqrt(2.0), along_knots, 1), (0.0, across, across_knots, 1)
    )


TASK = Task(
    name="circle",
    summary="class = number of thresholds 0.2, 0.5, 0.7 below x₁² + x₂²",
    inputs=2,
    outputs=4,
    kind="classification",
    label=label,
    layers=layers,
)
