"""Outputs of a network on a task's data, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pns_tf.metrics import task_metric
from tasks import Data

CHUNK = 10_000  # samples at once: bounds the memory that the activations of wide hosts take


def outputs(
    network: Callable[[np.ndarray], np.ndarray], x: np.ndarray, scales: np.ndarray | float = 1.0
) -> np.ndarray:
    """Raw outputs ``(n, outputs)`` of a model or function, divided by ``scales``."""
    chunks = [np.asarray(network(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
    return np.concatenate(chunks) / scales


def evaluate(
    network: Callable[[np.ndarray], np.ndarray],
    kind: str,
    data: Data,
    scales: np.ndarray | float = 1.0,
) -> float:
    """Test metric of a network: accuracy, or MSE after one least-squares scale per output.

    Args:
        network: maps ``(n, inputs)`` to raw outputs ``(n, outputs)``.
        kind: of the task, "classification" or "regression".
        data: training data fit the scales, test data judge.
        scales: outputs are divided by these first.
    """
    return task_metric(
        kind, data, outputs(network, data.x_train, scales), outputs(network, data.x_test, scales)
    )
