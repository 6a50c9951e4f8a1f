"""relu: y = max(0, x), solved by a single path of ones."""

import numpy as np

from pns_tf.tasks import Task


def label(x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """max(0, x) plus N(0, noise²)."""
    return np.maximum(x, 0.0) + noise * rng.standard_normal(x.shape)


def layers(depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """One neuron a layer, weight 1, bias 0."""
    return [(np.ones((1, 1)), np.zeros(1)) for _ in range(depth - 1)]


TASK = Task(
    name="relu",
    summary="y = max(0, x)",
    inputs=1,
    outputs=1,
    kind="regression",
    label=label,
    layers=layers,
)
