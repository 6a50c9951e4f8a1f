"""How a model computes while it is scored: which precision, which statistics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import tensorflow as tf
import tf_keras as keras

HALF = ("float16", "bfloat16")


@contextlib.contextmanager
def unchanged(variables: Iterable[tf.Variable]) -> Iterator[None]:
    """Puts the variables back at the end, bit for bit, whatever happens in between."""
    # The vocabulary of a text layer is listed among the weights, but is no variable.
    saved = [(v, v.read_value()) for v in variables if isinstance(v, tf.Variable)]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)


@contextlib.contextmanager
def full_precision(model: keras.Model) -> Iterator[None]:
    """Layers of a mixed precision compute in float32, in which small gradients do not vanish."""
    layers = [
        (layer, layer._dtype_policy, layer._compute_dtype_object)
        for layer in model._flatten_layers()
        if layer.compute_dtype in HALF and layer.variable_dtype not in HALF
    ]
    try:
        for layer, policy, _ in layers:
            layer._dtype_policy = keras.mixed_precision.Policy(policy.variable_dtype)
            layer._compute_dtype_object = tf.as_dtype(policy.variable_dtype)
        yield
    finally:
        for layer, policy, dtype in layers:
            layer._dtype_policy, layer._compute_dtype_object = policy, dtype


@contextlib.contextmanager
def batch_statistics(model: keras.Model) -> Iterator[None]:
    """Batch normalisation uses the statistics of the batch, as in training; nothing else changes.

    A frozen layer goes on using those it has.
    """
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    try:
        for layer in layers:
            object.__setattr__(
                layer, "_get_training_value", lambda training=None, layer=layer: layer.trainable
            )
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "_get_training_value")
