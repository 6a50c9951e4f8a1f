"""The layers that hosts can be made of, and networks that are a chain of them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.layers import (
    MaskedLayer,
    PadChannels,
    PlantedConv2D,
    PlantedDense,
    PlantedDepthwiseConv2D,
)

# These pass a positive scale of a channel on to their outputs, and keep channels apart.
WEIGHTLESS = (
    keras.layers.ReLU,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.Flatten,
    keras.layers.ZeroPadding2D,
    keras.layers.Dropout,
)
# These join branches, or give each channel a scale of its own.
BETWEEN = (
    keras.layers.Activation,
    keras.layers.Add,
    keras.layers.BatchNormalization,
    keras.layers.Concatenate,
    PadChannels,
)
NORMALISING = ("name", "axis", "momentum", "epsilon")  # of batch normalisation, kept in hosts
RELUS = (keras.activations.relu, tf.nn.relu)
ACTIVATIONS = (*RELUS, keras.activations.linear)
DTYPE = "float32"  # of hosts, whatever the policy


def masked_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A new layer of the same shape that carries masks, if ``layer`` has weights; else a copy."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        depthwise = ("name", "kernel_size", "strides", "padding", "activation")
        return PlantedDepthwiseConv2D(**{name: config[name] for name in depthwise}, dtype=DTYPE)
    if isinstance(layer, keras.layers.Conv2D):
        names = ("name", "filters", "kernel_size", "strides", "padding", "activation")
        return PlantedConv2D(**{name: config[name] for name in names}, dtype=DTYPE)
    if isinstance(layer, keras.layers.Dense):
        dense = {name: config[name] for name in ("name", "units", "activation")}
        return PlantedDense(**dense, dtype=DTYPE)
    if isinstance(layer, keras.layers.BatchNormalization):
        # Scale and centre even where the original has none: planted scales are put into them.
        said = {name: config[name] for name in NORMALISING}
        return keras.layers.BatchNormalization(**said, dtype=DTYPE)
    return type(layer).from_config(config | {"dtype": DTYPE})


def check_relu_network(model: keras.Model, layers: list[keras.layers.Layer]) -> None:
    """Raises `InputError` unless a ReLU follows each layer with weights but the last.

    Args:
        model: gives its name to the message.
        layers: its layers, input side first.
    """
    waiting = None  # the last layer with weights that no ReLU has followed
    weighted = [layer for layer in layers if layer.weights]
    for layer in layers:
        if layer in weighted and waiting is not None:
            raise InputError(
                f"model {model.name!r} is no ReLU network: expected a ReLU between layers "
                f"{waiting.name!r} and {layer.name!r}"
            )
        if layer in weighted:
            waiting = layer
        if has_relu(layer):
            if waiting is weighted[-1]:
                raise InputError(
                    f"model {model.name!r} must be linear after its last layer with weights, "
                    f"{waiting.name!r}: got a ReLU in {layer.name!r}"
                )
            waiting = None


def has_relu(layer: keras.layers.Layer) -> bool:
    """Whether its outputs go through a ReLU."""
    return isinstance(layer, keras.layers.ReLU) or (getattr(layer, "activation", None) in RELUS)


def fully_connected(model: keras.Model) -> bool:
    """Whether the model is a stack of `PlantedDense` layers, ReLU between them, the last linear."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    wanted = [keras.activations.relu] * (len(layers) - 1) + [keras.activations.linear]
    return all(
        isinstance(layer, PlantedDense) and layer.activation is activation
        for layer, activation in zip(layers, wanted, strict=True)
    )


def check_layer(model: keras.Model, layer: keras.layers.Layer) -> None:
    """Raises `InputError` unless a host can have this layer."""
    weighted = isinstance(layer, MaskedLayer) or type(layer) in (
        keras.layers.Dense,
        keras.layers.Conv2D,
        keras.layers.DepthwiseConv2D,
    )
    if not (weighted or type(layer) in (*WEIGHTLESS, *BETWEEN)):
        known = ", ".join(kind.__name__ for kind in (*BETWEEN, *WEIGHTLESS))
        raise InputError(
            f"model {model.name!r} has a {type(layer).__name__} ({layer.name}): expected Conv2D, "
            f"DepthwiseConv2D, Dense, {known} only"
        )
    config = layer.get_config()
    if isinstance(layer, keras.layers.BatchNormalization):
        _check_norm(layer)
    activation = getattr(layer, "activation", keras.activations.linear)
    if activation not in ACTIVATIONS:  # the functions: one of the user's own may be called relu
        name = getattr(activation, "__name__", repr(activation))
        known = " or ".join(dict.fromkeys(each.__name__ for each in ACTIVATIONS))
        own = "one of your own, " if name in known.split(" or ") else ""
        raise InputError(f"layer {layer.name!r} must have activation {known}, got {own}{name!r}")
    for name, needed in (
        ("data_format", "channels_last"),
        ("groups", 1),
        ("depth_multiplier", 1),
        ("dilation_rate", (1, 1)),
        ("max_value", None),
        ("negative_slope", 0.0),
        ("threshold", 0.0),
    ):
        if name in config and config[name] != needed:
            raise InputError(
                f"layer {layer.name!r} must have {name} {needed!r}, got {config[name]}"
            )


def _check_norm(layer: keras.layers.BatchNormalization) -> None:
    """Of the last axis, with statistics that can be divided by."""
    axis = [int(number) for number in np.ravel(layer.axis)]
    if axis not in ([-1], [len(layer.input_shape) - 1]):
        raise InputError(f"layer {layer.name!r} must normalise the last axis, got axis {axis}")
    variance = layer.moving_variance.numpy()
    if not (variance + layer.epsilon > 0).all():
        odd = variance[~(variance + layer.epsilon > 0)][0]
        raise InputError(
            f"layer {layer.name!r} must have a moving variance above {-layer.epsilon:g}, so that "
            f"its square root can be divided by, got {odd:g}"
        )
