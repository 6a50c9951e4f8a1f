"""How good a ticket is. Array code only."""

from __future__ import annotations

import numpy as np

from tasks.task import Data


def accuracy(outputs: np.ndarray, y: np.ndarray) -> float:
    """Fraction of samples whose largest output ``(n, classes)`` is their class ``(n,)``."""
    return float(np.mean(np.argmax(outputs, axis=1) == y))


def fit_scales(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The least-squares scale s of each output: argmin_s Σ (s f(x) − y)².

    Args:
        outputs: f(x), ``(n, outputs)``.
        y: ``(n, outputs)``.

    Returns:
        ``(outputs,)``; 0 for an output that is zero everywhere.
    """
    f = np.asarray(outputs, np.float64)
    power = np.sum(f**2, axis=0)
    return np.divide(np.sum(f * y, axis=0), power, out=np.zeros_like(power), where=power > 0)


def rescaled_mse(
    train_outputs: np.ndarray, y_train: np.ndarray, test_outputs: np.ndarray, y_test: np.ndarray
) -> float:
    """Test MSE after one least-squares scale per output, fitted on the training data.

    A strong ticket is right only up to the scale of its outputs.
    """
    scales = fit_scales(train_outputs, y_train)
    return float(np.mean((np.asarray(test_outputs, np.float64) * scales - y_test) ** 2))


def task_metric(
    kind: str, data: Data, train_outputs: np.ndarray, test_outputs: np.ndarray
) -> float:
    """Test metric of a kind of task: accuracy for "classification", else rescaled MSE."""
    if kind == "classification":
        return accuracy(test_outputs, data.y_test)
    return rescaled_mse(train_outputs, data.y_train, test_outputs, data.y_test)
