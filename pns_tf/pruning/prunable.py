"""Which of a model's weights can be pruned, and which masks they carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import (
    PruneLowMagnitude,
)

from pns_tf.checks import InputError
from pns_tf.hosts.layers import MaskedLayer


@dataclass(frozen=True, eq=False)
class PrunableWeight:
    """One weight that can be pruned.

    Attributes:
        name: where it is, such as "layer0/kernel" or "encoder/conv/bias"; unique in its model.
        layer: the layer (or TF-MOT wrapper) that holds it.
        variable: the weight itself.
        mask: the variable that holds its mask (1 = kept), or None if it has none.
    """

    name: str
    layer: keras.layers.Layer
    variable: tf.Variable
    mask: tf.Variable | None = None


def prunable_weights(model: keras.Model, biases: bool = True) -> list[PrunableWeight]:
    """Lists the model's prunable weights in the order kernel, bias of each layer.

    Prunable are the weights of stock layers that TF-MOT's registry knows (with ``biases`` the bias
    beside each of them too), and what ``get_prunable_weights`` of any other layer names. Nested
    models are searched. Inside a pruning wrapper, TF-MOT's or this project's, a weight's mask is
    the wrapper's; in a `MaskedLayer` it is the layer's own.

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
    for path, layer in _layers(model):
        for weight in _weights_of(path, layer, biases):
            if id(weight.variable) not in seen:  # a shared layer or weight counts once
                seen.add(id(weight.variable))
                weights.append(weight)
    if not weights:
        kinds = ", ".join(sorted({type(layer).__name__ for _, layer in _layers(model)}))
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


def layer_weights(layer: keras.layers.Layer, biases: bool = False) -> list[tf.Variable]:
    """What TF-MOT prunes in one unwrapped layer; ``biases`` adds those of stock layers."""
    if PruneRegistry.supports(layer):
        return (
            _with_biases(layer, _registered_weights(layer))
            if biases
            else _registered_weights(layer)
        )
    if hasattr(layer, "get_prunable_weights"):
        return list(layer.get_prunable_weights())
    return []


def owner_of(layer: keras.layers.Layer, variable: tf.Variable) -> tuple[tf.Module, str] | None:
    """The object, ``layer`` or a part of it, that has ``variable`` as an attribute; its name."""
    for module in (layer, *layer.submodules):
        for attribute, value in vars(module).items():
            if value is variable:
                return module, attribute
    return None


def weight_name(layer: keras.layers.Layer, variable: tf.Variable) -> str:
    """The name of a weight within its layer, such as "kernel" or "query/kernel"."""
    found = owner_of(layer, variable)
    if found is None:
        return variable.name.removesuffix(":0").rpartition("/")[2]
    owner, attribute = found
    return attribute if owner is layer else f"{owner.name}/{attribute}"


def _layers(model: keras.Model, path: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{path}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield path + layer.name, layer


def _weights_of(path: str, layer: keras.layers.Layer, biases: bool) -> list[PrunableWeight]:
    wrapped = isinstance(layer, PruneLowMagnitude)
    inner = layer.layer if wrapped else layer
    masks = {}
    if isinstance(inner, MaskedLayer):
        masks = {id(inner.kernel): inner.kernel_mask, id(inner.bias): inner.bias_mask}
    if wrapped:
        masks |= {id(variable): mask for variable, mask, _ in layer.pruning_vars}
    variables = layer_weights(inner, biases=True)
    if not biases:
        variables = [variable for variable in variables if not _is_bias(inner, variable)]
    return [
        PrunableWeight(
            f"{path}/{weight_name(inner, variable)}", layer, variable, masks.get(id(variable))
        )
        for variable in variables
    ]


def _is_bias(layer: keras.layers.Layer, variable: tf.Variable) -> bool:
    return weight_name(layer, variable).rpartition("/")[2] == "bias"


def _registered_weights(layer: keras.layers.Layer) -> list[tf.Variable]:
    """The weights that TF-MOT's registry names; the registry's mark on the layer is taken off."""
    before = vars(layer).get("get_prunable_weights")
    PruneRegistry.make_prunable(layer)
    try:
        return list(layer.get_prunable_weights())
    finally:
        if before is None:
            del layer.get_prunable_weights
        else:
            layer.get_prunable_weights = before


def _with_biases(layer: keras.layers.Layer, kernels: list[tf.Variable]) -> list[tf.Variable]:
    """Puts the bias of the same (sub)layer after its last kernel."""
    owners = [(owner_of(layer, kernel) or (layer, ""))[0] for kernel in kernels]
    weights = []
    for position, (kernel, owner) in enumerate(zip(kernels, owners, strict=True)):
        weights.append(kernel)
        bias = getattr(owner, "bias", None)
        if bias is not None and owner not in owners[position + 1 :]:
            weights.append(bias)
    return weights
