"""Networks with branches, and which of their layers planting and compaction can deal with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts import wiring as kinds
from pns_tf.hosts.chains import check_layer, has_relu
from pns_tf.hosts.layers import MaskedLayer, PadChannels, PlantedDepthwiseConv2D
from pns_tf.hosts.wiring import Node, Wiring

MERGING = (keras.layers.Add, keras.layers.Concatenate)


@dataclass(frozen=True, eq=False)
class Step:
    """A layer of a network and where its inputs come from.

    Attributes:
        layer: unwrapped.
        inputs: numbers of the steps whose outputs it takes, the network's input being number 0.
    """

    layer: keras.layers.Layer
    inputs: tuple[int, ...]


def steps(model: keras.Model) -> list[Step]:
    """The layers of a model, each after its inputs; step n is number n + 1, the input number 0.

    Raises:
        ValueError: several inputs or outputs, shared layers, one that a positive scale of a channel
            does not pass, or a sum of different shapes; the message names it.
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
    found = _sequential(model) if isinstance(model, keras.Sequential) else _functional(model)
    for step in found:
        check_layer(model, step.layer)
        if isinstance(step.layer, MERGING):
            _check_merging(step.layer)
    return found


def wiring_of(model: keras.Model, found: Sequence[Step] | None = None) -> Wiring:
    """How the layers of a host are joined.

    Args:
        model: a host, or any model that can be made one.
        found: its steps, if they are known.

    Example:
        >>> from pns_tf.hosts.models import build_host
        >>> [node.kind for node in wiring_of(build_host([2, 5, 1])).nodes]
        ['input', 'weights', 'weights']
    """
    nodes = [Node("x", kinds.INPUT, units=int(model.input_shape[-1]))]
    counts = {kinds.WEIGHTS: 0, kinds.NORM: 0}
    numbers = _numbers(model)
    for step in steps(model) if found is None else found:
        kind = _kind(step.layer)
        units = int(step.layer.output_shape[-1])
        key = kinds.NORM if kind == kinds.NORM else kinds.WEIGHTS
        layer = -1
        if kind in (kinds.WEIGHTS, kinds.DEPTHWISE, kinds.NORM):
            layer, counts[key] = numbers.get(step.layer.name, counts[key]), counts[key] + 1
        nodes.append(
            Node(
                step.layer.name,
                kind,
                step.inputs,
                units,
                layer,
                relu=has_relu(step.layer),
                before=step.layer.before if kind == kinds.PAD else 0,
            )
        )
    return Wiring(nodes)


def chain(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers of a model without branches, input layer left out, TF-MOT's wrappers taken off.

    Raises:
        ValueError: as `steps`; or the model has branches or batch normalisation.
    """
    found = steps(model)
    if not wiring_of(model, found).is_chain:
        raise InputError(
            f"model {model.name!r} must be a chain of layers: it has branches, batch normalisation "
            "or depthwise layers"
        )
    return [step.layer for step in found]


def check_end(model: keras.Model, found: Sequence[Step]) -> None:
    """Raises `InputError` unless the outputs come from one linear layer with weights.

    Only pooling, flattening and the like may follow it, so that outputs have scales of their own.
    """
    number = len(found)
    while number and _kind(found[number - 1].layer) in (kinds.SAME, kinds.FLATTEN):
        number = found[number - 1].inputs[0]
    last = found[number - 1].layer if number else None
    if last is None or _kind(last) != kinds.WEIGHTS or has_relu(last):
        what = "nothing" if last is None else f"{type(last).__name__} {last.name!r}"
        raise InputError(
            f"model {model.name!r} must end in one linear Dense or Conv2D layer, its logits: "
            f"got {what} last"
        )


def _numbers(model: keras.Model) -> dict[str, int]:
    """Numbers of the layers with masks, and of those of batch normalisation, by name."""
    masked = [layer.name for layer in model.layers if isinstance(layer, MaskedLayer)]
    norms = [
        layer.name for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)
    ]
    return {name: number for names in (masked, norms) for number, name in enumerate(names)}


def _kind(layer: keras.layers.Layer) -> str:
    if isinstance(layer, PlantedDepthwiseConv2D | keras.layers.DepthwiseConv2D):
        return kinds.DEPTHWISE
    if isinstance(layer, MaskedLayer | keras.layers.Dense | keras.layers.Conv2D):
        return kinds.WEIGHTS
    for stock, kind in (
        (keras.layers.BatchNormalization, kinds.NORM),
        (keras.layers.Add, kinds.ADD),
        (keras.layers.Concatenate, kinds.CONCATENATE),
        (PadChannels, kinds.PAD),
        (keras.layers.Flatten, kinds.FLATTEN),
    ):
        if isinstance(layer, stock):
            return kind
    return kinds.RELU if has_relu(layer) else kinds.SAME


def _unwrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Without TF-MOT's wrapper."""
    return layer.layer if hasattr(layer, "pruning_vars") else layer


def _sequential(model: keras.Model) -> list[Step]:
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return [Step(_unwrapped(layer), (number,)) for number, layer in enumerate(layers)]


def _functional(model: keras.Model) -> list[Step]:
    config = model.get_config()
    ends = [len(config[which]) for which in ("input_layers", "output_layers")]
    if ends != [1, 1]:
        raise InputError(
            f"model {model.name!r} must have one input and one output, got {ends[0]} and {ends[1]}"
        )
    start, end = config["input_layers"][0][0], config["output_layers"][0][0]
    numbers, found = {start: 0}, []
    for layer, said in zip(model.layers, config["layers"], strict=True):
        if layer.name == start:
            continue
        sources = [source for node in said["inbound_nodes"] for source in _sources(node)]
        if len(said["inbound_nodes"]) != 1 or any(source not in numbers for source in sources):
            raise InputError(
                f"layer {layer.name!r} must be called once, on layers of its own model"
            )
        found.append(Step(_unwrapped(layer), tuple(numbers[source] for source in sources)))
        numbers[layer.name] = len(found)
    if numbers[end] != len(found):
        raise InputError(f"model {model.name!r} must end in one layer, got several branches' ends")
    return found


def _sources(node: Sequence) -> list[str]:
    """Names of the layers that a call of a layer takes the outputs of."""
    return [said[0] for said in node if isinstance(said, list | tuple)]


def _check_merging(layer: keras.layers.Layer) -> None:
    shapes = [tuple(shape) for shape in layer.input_shape]
    if isinstance(layer, keras.layers.Concatenate):
        if layer.axis not in (-1, len(shapes[0]) - 1):
            raise InputError(f"layer {layer.name!r} must have axis -1, got {layer.axis}")
    elif len(set(shapes)) > 1:
        got = " and ".join(str(shape[1:]) for shape in dict.fromkeys(shapes))
        raise InputError(
            f"layer {layer.name!r} adds outputs of different shapes: expected equal ones, got {got}"
        )
    if np.ndim(shapes[0]) == 0:
        raise InputError(f"layer {layer.name!r} must join several layers, got one")
