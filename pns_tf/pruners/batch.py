"""The samples that data scores are computed on."""

from __future__ import annotations

import numpy as np

from pns_tf.checks import InputError, integer
from pns_tf.seeding import generator

# So that every task is scored on as many samples as circle with its 4 classes.
REGRESSION_CLASSES = 4


def scoring_batch(
    x: np.ndarray,
    y: np.ndarray,
    samples_per_class: int = 10,
    classes: int | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the samples a pruner scores on.

    Classification (``y`` holds integers): ``samples_per_class`` of every class, or all of a class
    that has fewer. Regression: ``samples_per_class`` × ``classes`` samples, whatever their value.

    Args:
        x: ``(n, …)``.
        y: ``(n,)`` class numbers, or ``(n, outputs)`` floats.
        samples_per_class: how many of each class.
        classes: number of classes; by default those that occur in ``y``, and 4 for regression.
        seed: non-negative integer.

    Returns:
        The chosen rows of ``x`` and ``y``.

    Raises:
        ValueError: a count or seed out of range, or ``x`` and ``y`` of different length.

    Example:
        >>> data = tasks.get("circle").data()
        >>> x, y = scoring_batch(data.x_train, data.y_train)
        >>> np.bincount(y)
        array([10, 10, 10, 10])
    """
    x, y = np.asarray(x), np.asarray(y)
    per_class = integer("samples_per_class", samples_per_class, minimum=1)
    if classes is not None:
        integer("classes", classes, minimum=1)
    if len(x) != len(y) or len(x) == 0:
        raise InputError(
            f"x and y need equally many samples, at least one: got {len(x)} and {len(y)}"
        )
    rng = generator(seed, "scoring batch")
    if y.dtype.kind not in "biu":
        wanted = per_class * (classes or REGRESSION_CLASSES)
        rows = rng.permutation(len(x))[:wanted]
        return x[rows], y[rows]
    labels = y.reshape(len(y))
    present = np.unique(labels) if classes is None else range(classes)
    rows = np.concatenate(
        [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in present]
    )
    return x[rows], y[rows]
