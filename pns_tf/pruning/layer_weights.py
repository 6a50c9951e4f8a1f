"""The weights of one layer that can be pruned, wherever in it they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras.prune_registry import PruneRegistry
from tf_keras.src.layers.rnn.base_conv_lstm import ConvLSTMCell

RECURRENT = ("kernel", "recurrent_kernel")
# What TF-MOT's registry says of stock layers, and what it leaves out. Layers made of other layers,
# such as recurrent ones or attention, are taken apart.
KERNELS: dict[type, tuple[str, ...]] = {
    **{
        kind: tuple(names)
        for kind, names in PruneRegistry._LAYERS_WEIGHTS_MAP.items()
        if kind is not keras.layers.MultiHeadAttention and issubclass(kind, keras.layers.Layer)
    },
    keras.layers.AdditiveAttention: (),
    keras.layers.Attention: (),
    keras.layers.Conv1DTranspose: ("kernel",),
    keras.layers.DepthwiseConv1D: (),
    keras.layers.EinsumDense: ("kernel",),
    keras.layers.GroupNormalization: (),
    keras.layers.Normalization: (),
    keras.layers.PReLU: (),
    keras.layers.GRUCell: RECURRENT,
    keras.layers.LSTMCell: RECURRENT,
    keras.layers.SimpleRNNCell: RECURRENT,
    ConvLSTMCell: RECURRENT,
}
# Of layers derived from those above, these stay dense as in the layer they are derived from.
DENSE = ("bias", "depthwise_kernel", "gamma", "beta", "alpha")


@dataclass(frozen=True, eq=False)
class Part:
    """A weight of a layer.

    Attributes:
        owner: the layer, or a layer within it, that has the weight as an attribute.
        attribute: the attribute's name.
        variable: the weight.
        name: such as "kernel", or "forward_lstm/lstm_cell/kernel"; unique in the layer.
    """

    owner: keras.layers.Layer
    attribute: str
    variable: tf.Variable
    name: str


def parts(layer: keras.layers.Layer, biases: bool = False) -> list[Part]:
    """What can be pruned in one unwrapped layer and the layers within it, each weight once.

    These are the kernels of stock layers and of layers derived from them; and whatever
    ``get_prunable_weights`` names, where a class has that method.

    Args:
        layer: a built layer; of one not built yet nothing is found.
        biases: whether the bias beside a stock kernel counts too; it comes after the layer's last
            kernel.

    Example:
        >>> layer = keras.layers.TimeDistributed(keras.layers.Dense(2, name="dense"))
        >>> layer.build((None, 5, 3))
        >>> [part.name for part in parts(layer, biases=True)]
        ['dense/kernel', 'dense/bias']
    """
    found, seen, names = [], set(), set()
    for part in _parts(layer, "", biases):
        if id(part.variable) in seen:
            continue
        seen.add(id(part.variable))
        name, number = part.name, 1
        while name in names:
            number += 1
            name = f"{part.name}_{number}"
        names.add(name)
        found.append(Part(part.owner, part.attribute, part.variable, name))
    return found


def unknown_weights(layer: keras.layers.Layer) -> list[str]:
    """Trainable matrices in a layer of which nobody knows whether they may be pruned, in words."""
    known = {id(part.variable) for part in parts(layer, biases=True)}
    return [
        f"{name} {tuple(variable.shape)}"
        for name, variable in _unknown(layer, "")
        if id(variable) not in known
    ]


def owners_of(
    layer: keras.layers.Layer, variable: tf.Variable
) -> list[tuple[keras.layers.Layer, str]]:
    """The places, in ``layer`` or layers within it, that have ``variable`` as an attribute."""
    return [
        (inner, attribute)
        for inner in layer._flatten_layers()
        for attribute, value in vars(inner).items()
        if value is variable
    ]


def _parts(layer: keras.layers.Layer, path: str, biases: bool) -> Iterator[Part]:
    if _names_its_own(layer):
        for variable in layer.get_prunable_weights():
            owner, attribute = next(iter(owners_of(layer, variable)), (layer, None))
            name = attribute or variable.name.removesuffix(":0").rpartition("/")[2]
            inside = "" if owner is layer else f"{owner.name}/"
            yield Part(owner, name, variable, path + inside + name)
        return
    kernels = [name for name in _kernels(layer) or () if _is_made(layer, name)]
    beside = ["bias"] if biases and kernels and _is_made(layer, "bias") else []
    for name in (*kernels, *beside):
        yield Part(layer, name, getattr(layer, name), path + name)
    for inner in _inner(layer):
        yield from _parts(inner, f"{path}{inner.name}/", biases)


def _unknown(layer: keras.layers.Layer, path: str) -> Iterator[tuple[str, tf.Variable]]:
    if _names_its_own(layer):
        return
    if type(layer) not in KERNELS:
        dense = DENSE if _kernels(layer) is not None else ()
        for variable in layer._trainable_weights:
            name = _attribute(layer, variable)
            if variable.shape.rank >= 2 and name not in dense:
                yield path + name, variable
    for inner in _inner(layer):
        yield from _unknown(inner, f"{path}{inner.name}/")


def _names_its_own(layer: keras.layers.Layer) -> bool:
    """Whether it has ``get_prunable_weights``; not the one that TF-MOT's registry puts on it."""
    if hasattr(type(layer), "get_prunable_weights"):
        return True
    return hasattr(layer, "get_prunable_weights") and not PruneRegistry.supports(layer)


def _kernels(layer: keras.layers.Layer) -> tuple[str, ...] | None:
    """Names of the layer's own kernels, ``None`` if it is derived from no layer that is known."""
    return next((KERNELS[kind] for kind in type(layer).__mro__ if kind in KERNELS), None)


def _is_made(layer: keras.layers.Layer, name: str) -> bool:
    return isinstance(getattr(layer, name, None), tf.Variable)


def _inner(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    return layer._flatten_layers(recursive=False, include_self=False)


def _attribute(layer: keras.layers.Layer, variable: tf.Variable) -> str:
    named = (attribute for attribute, value in vars(layer).items() if value is variable)
    return next(named, variable.name.removesuffix(":0").rpartition("/")[2])
