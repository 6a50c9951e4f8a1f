"""How good a ticket is. Array code only."""

from __future__ import annotations

import numpy as np

from pns_tf.measuring.output_scales import fit_scales
from pns_tf.tasks.task import Data


def accuracy(outputs: np.ndarray, y: np.ndarray) -> float:
    """Fraction of samples whose largest output ``(n, classes)`` is their class ``(n,)``."""
    return float(np.mean(np.argmax(outputs, axis=1) == y))


def mse(outputs: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error over samples and outputs, both ``(n, outputs)``."""
    return float(np.mean((np.asarray(outputs, np.float64) - y) ** 2))


def rescaled_mse(
    train_outputs: np.ndarray, y_train: np.ndarray, test_outputs: np.ndarray, y_test: np.ndarray
) -> float:
    """Test MSE after one least-squares scale per output, fitted on the training data."""
    scales = fit_scales(train_outputs, y_train)
    return mse(np.asarray(test_outputs, np.float64) * scales, y_test)


def best_constant(kind: str, data: Data) -> float:
    """Test metric of the best predictor that ignores its input, fitted on the training data.

    For classification it predicts the most frequent class; for regression the mean of each output,
    which is also what the least-squares scale makes of any constant.

    Args:
        kind: of the task, "classification" or "regression".
        data: fits and judges it.
    """
    if kind == "classification":
        return float(np.mean(data.y_test == np.bincount(data.y_train).argmax()))
    return float(np.mean((data.y_test - data.y_train.mean(axis=0, dtype=np.float64)) ** 2))


def task_metric(
    kind: str, data: Data, train_outputs: np.ndarray, test_outputs: np.ndarray
) -> float:
    """Test metric of a kind of task: accuracy for "classification", else rescaled MSE."""
    if kind == "classification":
        return accuracy(test_outputs, data.y_test)
    return rescaled_mse(train_outputs, data.y_train, test_outputs, data.y_test)
