"""Weights of classes, as ``fit`` turns them into weights of samples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tf_keras.src.engine.data_adapter import _make_class_weight_map_fn

from pns_tf.checks import InputError, number


def with_class_weight(y, class_weight: Mapping[int, float] | None, sample_weight=None):
    """The weights of samples that ``fit(class_weight=…, sample_weight=…)`` minimises with.

    By Keras's own function, so that both find the class of a sample alike: the largest entry of a
    one-hot row, else the number.

    Args:
        y: labels of the one output, a tensor ``(n, …)``.
        class_weight: class number → weight, for all classes from 0 on; ``None`` leaves
            ``sample_weight`` as it is.
        sample_weight: a tensor ``(n, …)``, with which they are multiplied.

    Raises:
        ValueError: weights that are no such dict, labels that are missing, several, or of a class
            that has no weight.

    Example:
        >>> with_class_weight(tf.constant([0, 1, 1]), {0: 1.0, 1: 5.0}).numpy()
        array([1., 5., 5.], dtype=float32)
    """
    if class_weight is None:
        return sample_weight
    if not isinstance(class_weight, Mapping) or set(class_weight) != set(range(len(class_weight))):
        raise InputError(
            "class_weight must be a dict of a weight for each class from 0 on, "
            f"got {class_weight!r}"
        )
    for label, weight in class_weight.items():
        number(f"class_weight of class {label}", weight, low=0.0)
    if not tf.is_tensor(y):
        raise InputError(
            "class_weight needs the labels y of a single output, "
            f"got {'none' if y is None else 'several'}"
        )
    rows = y if y.shape.rank and y.shape.rank >= 2 and y.shape[-1] > 1 else None
    labels = np.rint(y) if rows is None else np.argmax(rows, axis=-1)
    odd = labels[(labels < 0) | (labels >= len(class_weight))]
    if odd.size:
        raise InputError(f"class_weight has no weight for class {odd.flat[0]:g} of y")
    weights = {int(label): float(weight) for label, weight in class_weight.items()}
    if sample_weight is None:
        return _make_class_weight_map_fn(weights)(None, y)[2]
    return _make_class_weight_map_fn(weights)(None, y, sample_weight)[2]
