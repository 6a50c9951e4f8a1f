"""Outputs of a network on a task's data, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pns_tf.metrics import task_metric
from tasks import Data, Task

CHUNK = 1000  # samples at once: keeps the activations of wide hosts small


def outputs(
    network: Callable[[np.ndarray], np.ndarray], x: np.ndarray, scales: np.ndarray | float = 1.0
) -> np.ndarray:
    """Raw outputs ``(n, outputs)`` of a model or function, divided by ``scales``."""
    chunks = [np.asarray(network(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
    return np.concatenate(chunks) / scales


def evaluate(
    network: Callable[[np.ndarray], np.ndarray],
    task: Task,
    data: Data,
    scales: np.ndarray | float = 1.0,
) -> float:
    """Test metric of a network: accuracy, or MSE after one least-squares scale per output."""
    return task_metric(
        task, data, outputs(network, data.x_train, scales), outputs(network, data.x_test, scales)
    )
