"""How good a ticket is. Array code only."""

from __future__ import annotations

import numpy as np

from pns_tf.tasks.output_scales import fit_scales


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
