"""The two kinds of task, and all that follows from the kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import InputError, choice
from pns_tf.tasks.metrics import accuracy, mse, rescaled_mse
from pns_tf.tasks.output_scales import fit_class_scales, fit_scales

BELOW = 0.02  # by so much an accuracy is still near the planted ticket's
TIMES = 3.0  # of the planted ticket's MSE, up to which one is near


@dataclass(frozen=True, eq=False)
class Kind:
    """What it means that a task is a classification or a regression.

    A kind equals its name, so that tables and settings may hold either.

    Attributes:
        name: "classification" or "regression", as tables and files have it.
        metric: what the figure is called that a ticket is judged by.
        higher_is_better: whether a larger metric is the better one.
        discrete: whether labels are class numbers ``(n,)`` instead of values ``(n, outputs)``.
        label_type: dtype of labels.
        logarithmic: whether the metric spreads over orders of magnitude, for axes of pictures.
        judge: ``judge(outputs, y)``, the metric of outputs as they are.
        fit_scales: ``fit_scales(outputs, y)``, the scale of each output that is best for the
            metric, ``(outputs,)``.
        measure: ``measure(train_outputs, y_train, outputs, y)``, the metric as it is reported: for
            regression after one least-squares scale per output, fitted on training data.
        best_constant: ``best_constant(y_train, y)``, the metric of the best predictor that ignores
            its input.
        output_size: ``output_size(y)``, how large outputs should be, ``(outputs,)`` or one number.
        error: turns a metric into one of which less is better.
        error_title: what the error is called.
        limit: ``limit(planted)``, the worst metric that is still near the planted ticket's.
        shortfall: ``shortfall(planted, metric)``, the distance from the planted ticket's metric, in
            units of what is still called near.

    Example:
        >>> CLASSIFICATION.metric, CLASSIFICATION == "classification"
        ('accuracy', True)
    """

    name: str
    metric: str
    higher_is_better: bool
    discrete: bool
    label_type: type
    logarithmic: bool
    judge: Callable[[np.ndarray, np.ndarray], float]
    fit_scales: Callable[[np.ndarray, np.ndarray], np.ndarray]
    measure: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], float]
    best_constant: Callable[[np.ndarray, np.ndarray], float]
    output_size: Callable[[np.ndarray], np.ndarray | float]
    error: Callable
    error_title: str
    limit: Callable
    shortfall: Callable

    def __eq__(self, other: object) -> bool:
        return self.name == (other.name if isinstance(other, Kind) else other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return self.name.upper()

    def __reduce__(self):
        return kind_named, (self.name,)

    def classes(self, outputs: int) -> int | None:
        """Number of classes of a network with so many outputs; ``None`` if there are none."""
        return outputs if self.discrete else None


CLASSIFICATION = Kind(
    name="classification",
    metric="accuracy",
    higher_is_better=True,
    discrete=True,
    label_type=np.int32,
    logarithmic=False,
    judge=accuracy,
    fit_scales=fit_class_scales,
    measure=lambda train_outputs, y_train, outputs, y: accuracy(outputs, y),
    best_constant=lambda y_train, y: float(np.mean(y == np.bincount(y_train).argmax())),
    output_size=lambda y: 1.0,
    error=lambda metric: 1 - metric,
    error_title="1 − test accuracy",
    limit=lambda planted: planted - BELOW,
    shortfall=lambda planted, metric: (planted - metric) / BELOW,
)

REGRESSION = Kind(
    name="regression",
    metric="MSE",
    higher_is_better=False,
    discrete=False,
    label_type=np.float32,
    logarithmic=True,
    judge=mse,
    fit_scales=fit_scales,
    measure=rescaled_mse,
    # The mean of each output, which is also what the least-squares scale makes of any constant.
    best_constant=lambda y_train, y: float(
        np.mean((y - y_train.mean(axis=0, dtype=np.float64)) ** 2)
    ),
    output_size=lambda y: np.std(y, axis=0),
    error=lambda metric: metric,
    error_title="test MSE",
    limit=lambda planted: TIMES * planted,
    shortfall=lambda planted, metric: metric / (TIMES * planted),
)

KINDS = {kind.name: kind for kind in (CLASSIFICATION, REGRESSION)}


def kind_named(kind: Kind | str) -> Kind:
    """The kind of this name; a kind is returned as it is.

    Raises:
        ValueError: there is none of that name; the message names the choices.

    Example:
        >>> kind_named("regression").metric
        'MSE'
    """
    if isinstance(kind, Kind):
        return kind
    if not isinstance(kind, str):
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    return KINDS[choice("kind", kind, KINDS)]
