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


@dataclass(frozen=True, eq=False)
class Strength:
    """How good a network is that was never trained.

    Attributes:
        metric: on test data, after one positive scale per output, fitted on training data.
        unscaled: on test data, of the outputs as they are.
        scales: ``(outputs,)``; outputs are divided by them, as by those of a planted ticket;
            infinite for an output that is best left out.
        validation: as ``metric``, on validation samples; ``None`` if there are none.
    """

    metric: float
    unscaled: float
    scales: np.ndarray
    validation: float | None = None


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
    return evaluate_all(network, kind, without_validation(data), scales)[0]


def evaluate_all(
    network: Callable[[np.ndarray], np.ndarray],
    kind: Kind | str,
    data: Data,
    scales: np.ndarray | float = 1.0,
) -> tuple[float, float | None, np.ndarray | None]:
    """Test metric as `evaluate` has it, and the same on validation samples, if there are any.

    And what outputs are divided by for it, ``(outputs,)``, infinite for one that is best left out;
    ``None`` for classification, where they are taken as they are.
    """
    kind, train = kind_named(kind), outputs(network, data.x_train, scales)
    test = outputs(network, data.x_test, scales)
    metric, validation = kind.measure(train, data.y_train, test, data.y_test), None
    fitted = None if kind.discrete else _divisors(kind.fit_scales(train, data.y_train))
    if data.x_validation is not None and data.y_validation is not None:
        validated = outputs(network, data.x_validation, scales)
        validation = kind.measure(train, data.y_train, validated, data.y_validation)
    return metric, validation, fitted


def evaluate_strong(
    network: Callable[[np.ndarray], np.ndarray], kind: Kind | str, data: Data
) -> Strength:
    """Judges a strong ticket, or anything else that is right only up to its outputs' scales.

    Args:
        network: as for `evaluate`.
        kind: of the task, or its name.
        data: training data fit the scales, test data judge, and validation data, if there are any.
    """
    train, test = outputs(network, data.x_train), outputs(network, data.x_test)
    kind = kind_named(kind)
    factors = kind.fit_scales(train, data.y_train)
    validation = None
    if data.x_validation is not None and data.y_validation is not None:
        validated = np.asarray(outputs(network, data.x_validation), np.float64)
        validation = kind.judge(validated * factors, data.y_validation)
    return Strength(
        metric=kind.judge(np.asarray(test, np.float64) * factors, data.y_test),
        unscaled=kind.judge(test, data.y_test),
        scales=_divisors(factors),
        validation=validation,
    )


def _divisors(factors: np.ndarray) -> np.ndarray:
    """What outputs are divided by instead of multiplied; infinite for a factor of 0."""
    with np.errstate(divide="ignore"):
        return 1 / factors


def without_validation(data: Data) -> Data:
    """The samples for training and testing alone."""
    return Data(data.x_train, data.y_train, data.x_test, data.y_test)
