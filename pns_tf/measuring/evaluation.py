"""Outputs of a network on a task's data, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind, kind_named

CHUNK = 10_000  # samples at once: bounds the memory that the activations of wide hosts take


def outputs(
    network: Callable[[np.ndarray], np.ndarray], x: np.ndarray, scales: np.ndarray | float = 1.0
) -> np.ndarray:
    """Raw outputs ``(n, outputs)`` of a model or function, divided by ``scales``."""
    chunks = [np.asarray(network(x[i : i + CHUNK])) for i in range(0, len(x), CHUNK)]
    return np.concatenate(chunks) / scales


def evaluate(
    network: Callable[[np.ndarray], np.ndarray],
    kind: Kind | str,
    data: Data,
    scales: np.ndarray | float = 1.0,
) -> float:
    """Test metric of a network: accuracy, or MSE after one least-squares scale per output.

    Args:
        network: maps ``(n, inputs)`` to raw outputs ``(n, outputs)``.
        kind: of the task, or its name.
        data: training data fit the scales, test data judge.
        scales: outputs are divided by these first.
    """
    train = outputs(network, data.x_train, scales)
    test = outputs(network, data.x_test, scales)
    return kind_named(kind).measure(train, data.y_train, test, data.y_test)


@dataclass(frozen=True, eq=False)
class Strength:
    """How good a network is that was never trained.

    Attributes:
        metric: on test data, after one positive scale per output, fitted on training data.
        unscaled: on test data, of the outputs as they are.
        scales: ``(outputs,)``; outputs are divided by them, as by those of a planted ticket;
            infinite for an output that is best left out.
    """

    metric: float
    unscaled: float
    scales: np.ndarray


def evaluate_strong(
    network: Callable[[np.ndarray], np.ndarray], kind: Kind | str, data: Data
) -> Strength:
    """Judges a strong ticket, or anything else that is right only up to its outputs' scales.

    Args:
        network: as for `evaluate`.
        kind: of the task, or its name.
        data: training data fit the scales, test data judge.
    """
    train, test = outputs(network, data.x_train), outputs(network, data.x_test)
    kind = kind_named(kind)
    factors = kind.fit_scales(train, data.y_train)
    with np.errstate(divide="ignore"):
        scales = 1 / factors
    return Strength(
        metric=kind.judge(np.asarray(test, np.float64) * factors, data.y_test),
        unscaled=kind.judge(test, data.y_test),
        scales=scales,
    )
