"""A copy of a model that computes in float64."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.pruners.doubled_config import doubled

AS_THEY_ARE = ("TFOpLambda", "SlicingOpLambda", "ClassMethod")  # operations between layers


def in_float64(model: keras.Model) -> keras.Model:
    """The same functional or sequential model with the same weights, in float64.

    Raises:
        ValueError: a layer cannot be made again from its configuration; the message names it.
    """
    done: dict[int, keras.layers.Layer] = {}
    copy = _clone(model, done)
    for new, old in zip(copy.weights, model.weights, strict=True):
        if isinstance(new, tf.Variable):
            new.assign(tf.cast(old, new.dtype))
    for layer in copy._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return copy


def _clone(model: keras.Model, done: dict[int, keras.layers.Layer]) -> keras.Model:
    if not (isinstance(model, keras.Sequential) or model._is_graph_network):
        raise InputError(f"model {model.name!r} must be functional or sequential to be copied")

    def copy(layer):
        if id(layer) not in done:
            is_model = isinstance(layer, keras.Model)
            done[id(layer)] = _clone(layer, done) if is_model else _copied(layer)
        return done[id(layer)]

    inputs = [
        keras.Input(
            batch_shape=tuple(tensor.shape),
            dtype=tf.float64 if tensor.dtype.is_floating else tensor.dtype,
        )
        for tensor in model.inputs
    ]
    return keras.models.clone_model(model, input_tensors=inputs, clone_function=copy)


def _copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    config = layer.get_config()
    if type(layer).__name__ not in AS_THEY_ARE:
        config = doubled(config)
    try:
        return type(layer).from_config(config)
    except Exception as error:
        raise InputError(f"layer {layer.name!r} cannot be copied in float64: {error}") from error
