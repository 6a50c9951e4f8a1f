"""helix: a curve in three dimensions, solved by thirty knots that its coordinates share."""

import numpy as np

from pns_tf.tasks import Task, piecewise_linear

KNOTS = 30


def helix(x: np.ndarray) -> np.ndarray:
    """(t cos t, t sin t, t) / 8π with t = 5π + 3πx; ``(n,)`` to ``(n, 3)``."""
    t = 5 * np.pi + 3 * np.pi * x
    return np.stack([t * np.cos(t), t * np.sin(t), t], axis=-1) / (8 * np.pi)


def label(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """The curve plus N(0, noise²) in each coordinate."""
    y = helix(x[:, 0])
    return y + noise * rng.standard_normal(y.shape)


def layers(depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Depth 3: knots on x. Depth ≥ 4: first φ(x + 1), then knots on [0, 2].

    From depth 5 on the coordinates are shifted by +1, so that identity layers pass them through
    ReLU unchanged; the last layer takes the shift back.
    """
    if depth == 3:
        h = piecewise_linear(helix, -1.0, 1.0, KNOTS)
        return [(h.signs[None, :], h.inner_biases), (h.outer, h.bias)]
    h = piecewise_linear(lambda u: helix(u - 1.0), 0.0, 2.0, KNOTS)
    shift = 1.0 if depth >= 5 else 0.0
    stack = [
        (np.ones((1, 1)), np.ones(1)),
        (h.signs[None, :], h.inner_biases),
        (h.outer, h.bias + shift),
    ]
    if depth >= 5:
        stack += [(np.eye(3), np.zeros(3))] * (depth - 5)
        stack += [(np.eye(3), -np.ones(3))]
    return stack


TASK = Task(
    name="helix",
    summary="y = (t cos t, t sin t, t) / 8π, t = 5π + 3πx",
    inputs=1,
    outputs=3,
    kind="regression",
    label=label,
    layers=layers,
)
