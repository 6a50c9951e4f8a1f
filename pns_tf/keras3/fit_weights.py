"""The weights that ``fit`` gives to samples, which scores have to give them, too."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

from pns_tf.checks import InputError, number
from pns_tf.keras3.backends import array_of


def checked_class_weight(class_weight: object, y: Any, sample_weight: Any) -> dict | None:
    """Class number → weight; ``None`` if there are none.

    Raises:
        ValueError: no such mapping, weights of samples besides, or no labels of a single output.

    Example:
        >>> checked_class_weight({0: 1, 1: 5}, np.array([0, 1]), None)
        {0: 1.0, 1: 5.0}
    """
    if class_weight is None:
        return None
    classes = class_weight if isinstance(class_weight, Mapping) else {}
    if not classes or not all(isinstance(label, int | np.integer) for label in classes):
        raise InputError(f"class_weight must be a dict of weights by class, got {class_weight!r}")
    if sample_weight is not None:
        raise InputError("class_weight and sample_weight exclude each other, as in fit: got both")
    if y is None or isinstance(y, dict | list | tuple):
        raise InputError(
            "class_weight needs the labels y of a single output as an array, "
            f"got {type(y).__name__}"
        )
    return {
        int(label): number(f"class_weight of class {label}", weight, low=0.0)
        for label, weight in classes.items()
    }


def weights_of(y: Any, class_weight: dict[int, float] | None) -> np.ndarray | None:
    """The weights of samples that ``fit(class_weight=…)`` minimises with, by Keras itself.

    Example:
        >>> weights_of(np.array([0, 1, 1]), {0: 1.0, 1: 5.0})
        array([1., 5., 5.], dtype=float32)
    """
    if class_weight is None:
        return None
    return class_weight_to_sample_weights(array_of(y), class_weight)


def check_same_weights(model: keras.Model, class_weight: dict | None, sample_weight: Any) -> None:
    """Raises `InputError` if ``fit``, which is running, has weights that scores would lack."""
    given = _given_to_fit(model)
    said = "class_weight and sample_weight of fit have to be those of UpdateMasks, too"
    training = given.get("class_weight")
    if training is not None and sample_weight is None and training != class_weight:
        raise InputError(
            f"{said}: model {model.name!r} trains with class_weight {training}, but would be "
            f"scored with {class_weight}"
        )
    batches = getattr(given.get("x"), "element_spec", None)  # of a tf.data.Dataset
    weighted = given.get("sample_weight") is not None or (
        isinstance(batches, tuple) and len(batches) == 3
    )
    if weighted and sample_weight is None and class_weight is None:
        raise InputError(
            f"{said}: model {model.name!r} trains with weights of samples, but would be scored "
            "without; sample_weight=np.ones(len(x)) says that this is meant"
        )


def _given_to_fit(model: keras.Model) -> dict[str, Any]:
    """What the running ``fit`` of a model was called with; Keras does not tell its callbacks."""
    frame = inspect.currentframe()
    while frame is not None:
        found = frame.f_locals
        if frame.f_code.co_name == "fit" and found.get("self") is model and "class_weight" in found:
            return dict(found)
        frame = frame.f_back
    return {}
