"""Which of a model's weights can be pruned, and which masks they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import (
    PruneLowMagnitude,
)

from pns_tf.checks import InputError
from pns_tf.hosts.layers import MaskedLayer
from pns_tf.pruning.layer_weights import parts
from pns_tf.pruning.patterns import input_axis


@dataclass(frozen=True, eq=False)
class PrunableWeight:
    """One weight that can be pruned.

    Attributes:
        name: where it is, such as "layer0/kernel" or "encoder/conv/bias"; unique in its model.
        layer: the layer (or TF-MOT wrapper) that holds it.
        variable: the weight itself.
        mask: the variable that holds its mask (1 = kept), or None if it has none.
        axis: along which the layer sums its inputs, or None if it does not.
    """

    name: str
    layer: keras.layers.Layer
    variable: tf.Variable
    mask: tf.Variable | None = None
    axis: int | None = None


def prunable_weights(model: keras.Model, biases: bool = True) -> list[PrunableWeight]:
    """Lists the model's prunable weights in the order kernel, bias of each layer.

    Prunable are the kernels of stock layers and of layers derived from them (with ``biases`` the
    bias beside each of them too), and what ``get_prunable_weights`` of any other layer names; also
    where these layers are parts of others, see `pns_tf.pruning.layer_weights.parts`. Depthwise
    kernels are not, as in TF-MOT. Nested models are searched. Inside a pruning wrapper, TF-MOT's or
    this project's, a weight's mask is the wrapper's; in a `MaskedLayer` it is the layer's own.

    Args:
        model: a built tf_keras model.
        biases: False leaves all biases out.

    Raises:
        ValueError: no tf_keras model, not built yet, or without any prunable layer.

    Example:
        >>> model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,), name="dense")])
        >>> [weight.name for weight in prunable_weights(model)]
        ['dense/kernel', 'dense/bias']
    """
    check_model(model)
    weights, seen = [], set()
    for path, layer in layers_of(model):
        for weight in _weights_of(path, layer, biases):
            if id(weight.variable) not in seen:  # a shared layer or weight counts once
                seen.add(id(weight.variable))
                weights.append(weight)
    if not weights:
        kinds = ", ".join(sorted({type(layer).__name__ for _, layer in layers_of(model)}))
        raise InputError(
            f"model {model.name!r} has no prunable layer: expected Dense, Conv2D, … or a layer "
            f"with get_prunable_weights, got {kinds or 'no layer at all'}"
        )
    return weights


def check_model(model: object) -> None:
    """Raises `InputError` unless ``model`` is a built tf_keras model."""
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise InputError(f"model must be a tf_keras model (Keras 2), got a {kind}")
    if not model.built:
        raise InputError(f"model {model.name!r} has no weights yet: build it or call it on data")


def layers_of(model: keras.Model, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """The layers of a model and of the models nested in it, each with its path."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from layers_of(layer, f"{path}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield path + layer.name, layer


def _weights_of(path: str, layer: keras.layers.Layer, biases: bool) -> list[PrunableWeight]:
    wrapped = isinstance(layer, PruneLowMagnitude)
    masks = {id(variable): mask for variable, mask, _ in layer.pruning_vars} if wrapped else {}
    inner = layer.layer if wrapped else layer
    path = path.removesuffix(layer.name) + inner.name  # named as the user has named it
    weights = []
    for part in parts(inner, biases=True):
        if part.attribute == "bias" and not biases:
            continue
        mask = masks.get(id(part.variable))
        if mask is None and isinstance(part.owner, MaskedLayer):
            mask = getattr(part.owner, f"{part.attribute}_mask", None)
        axis = input_axis(part.owner, part.attribute, part.variable.shape.rank)
        weights.append(PrunableWeight(f"{path}/{part.name}", layer, part.variable, mask, axis))
    return weights
