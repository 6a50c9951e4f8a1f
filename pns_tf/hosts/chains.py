"""Networks without branches, and which of their layers planting and compaction can deal with."""

from __future__ import annotations

import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.layers import MaskedLayer, PlantedConv2D, PlantedDense

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
ACTIVATIONS = ("relu", "linear")
DTYPE = "float32"  # of hosts, whatever the policy


def chain(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model without branches, input layer left out, TF-MOT's wrappers taken off.

    Raises:
        ValueError: the model has branches, shared layers, several inputs or outputs, or a layer
            that a positive scale of a channel does not pass; the message names it.
    """
    if not isinstance(model, keras.Model):
        raise InputError(f"a tf_keras model is needed, got a {type(model).__name__}")
    if not (isinstance(model, keras.Sequential) or model._is_graph_network):
        raise InputError(f"model {model.name!r} must be functional or sequential")
    if not model.built or not getattr(model, "inputs", None):
        raise InputError(
            f"model {model.name!r} has no weights yet: give its first layer an input_shape, or "
            "call it on data"
        )
    if not isinstance(model, keras.Sequential):
        _check_no_branches(model)
    layers = [
        layer.layer if hasattr(layer, "pruning_vars") else layer
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
    ]
    for layer in layers:
        _check(model, layer)
    return layers


def masked_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    """A new layer of the same shape that carries masks, if ``layer`` has weights; else a copy."""
    config = layer.get_config()
    if isinstance(layer, keras.layers.Conv2D):
        names = ("name", "filters", "kernel_size", "strides", "padding", "activation")
        return PlantedConv2D(**{name: config[name] for name in names}, dtype=DTYPE)
    if isinstance(layer, keras.layers.Dense):
        dense = {name: config[name] for name in ("name", "units", "activation")}
        return PlantedDense(**dense, dtype=DTYPE)
    return type(layer).from_config(config | {"dtype": DTYPE})


def check_relu_network(model: keras.Model, layers: list[keras.layers.Layer]) -> None:
    """Raises `InputError` unless a ReLU follows each layer with weights but the last.

    Args:
        model: gives its name to the message.
        layers: of `chain`.
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
        if _has_relu(layer):
            if waiting is weighted[-1]:
                raise InputError(
                    f"model {model.name!r} must be linear after its last layer with weights, "
                    f"{waiting.name!r}: got a ReLU in {layer.name!r}"
                )
            waiting = None


def _has_relu(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.ReLU) or (
        getattr(layer, "activation", None) is keras.activations.relu
    )


def fully_connected(model: keras.Model) -> bool:
    """Whether the model is a stack of `PlantedDense` layers, ReLU between them, the last linear."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    wanted = [keras.activations.relu] * (len(layers) - 1) + [keras.activations.linear]
    return all(
        isinstance(layer, PlantedDense) and layer.activation is activation
        for layer, activation in zip(layers, wanted, strict=True)
    )


def _check_no_branches(model: keras.Model) -> None:
    config = model.get_config()
    names = [layer["name"] for layer in config["layers"]]
    inbound = [[[[name, 0, 0, {}]]] for name in names]
    straight = all(
        layer["inbound_nodes"] == expected
        for layer, expected in zip(config["layers"][1:], inbound, strict=False)
    )
    ends = (config["input_layers"], config["output_layers"])
    if not straight or ends != ([[names[0], 0, 0]], [[names[-1], 0, 0]]):
        raise InputError(f"model {model.name!r} must be a chain of layers: it has branches")


def _check(model: keras.Model, layer: keras.layers.Layer) -> None:
    weighted = isinstance(layer, MaskedLayer) or type(layer) in (
        keras.layers.Dense,
        keras.layers.Conv2D,
    )
    if not (weighted or type(layer) in WEIGHTLESS):
        known = ", ".join(kind.__name__ for kind in WEIGHTLESS)
        raise InputError(
            f"model {model.name!r} has a {type(layer).__name__} ({layer.name}): expected Conv2D, "
            f"Dense, {known} only"
        )
    config = layer.get_config()
    if weighted and config["activation"] not in ACTIVATIONS:
        raise InputError(
            f"layer {layer.name!r} must have activation {' or '.join(ACTIVATIONS)}, "
            f"got {config['activation']!r}"
        )
    for name, needed in (
        ("data_format", "channels_last"),
        ("groups", 1),
        ("dilation_rate", (1, 1)),
        ("max_value", None),
        ("negative_slope", 0.0),
        ("threshold", 0.0),
    ):
        if name in config and config[name] != needed:
            raise InputError(
                f"layer {layer.name!r} must have {name} {needed!r}, got {config[name]}"
            )
