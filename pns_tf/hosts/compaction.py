"""Cuts away what a masked network does not use: the same function of a smaller network.

At density 0.01 most channels of a convolutional host have no input or no output left.

A channel is *dead* if its output is zero for every input: nothing but dead channels feeds it, and
its bias is pruned or, before a ReLU, not positive. It is *unused* if no output depends on it. Both
are cut, which changes neither outputs nor gradients: a dead or unused parameter has gradient zero,
so Adam never moves it, and training the small network is training the large one. A channel that
nothing feeds but whose bias is positive is kept: its output is constant, but behind a zero-padded
convolution that is no longer so at the border, and its bias learns. So is a channel that batch
normalisation makes constant, unless a ReLU takes all of it.

Channels that are added are cut together, see `pns_tf.hosts.wiring`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts import wiring as kinds
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.kernels import part, with_part
from pns_tf.hosts.models import masked_layers, norm_arrays, norm_arrays_of, norm_layers, set_norms
from pns_tf.hosts.wiring import Node, Wiring, link
from pns_tf.masks import Mask

WIDTHS = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # of padded networks
ZERO, FLAT, RISING = 0, 1, 2  # a channel is zero; it is not, but a ReLU makes it zero; it is not


@dataclass(frozen=True, eq=False)
class Compacted:
    """A smaller network that computes the same.

    Attributes:
        model: the small host; masks and planted masks are cut alike.
        kept: for the input and each layer with masks, which of the full network's neurons or
            channels are left.
        rows: for each layer with masks, which rows of its kernel are left.
        normalised: for each layer of batch normalisation, which channels are left.
    """

    model: keras.Model
    kept: list[np.ndarray]
    rows: list[np.ndarray]
    normalised: list[np.ndarray]

    def put_back(self, full: keras.Model) -> None:
        """Writes the small network's parameters into the full one; the rest stays."""
        for small, large, rows, neurons in zip(
            masked_layers(self.model), masked_layers(full), self.rows, self.kept[1:], strict=True
        ):
            kernel = large.kernel.numpy()
            bias = large.bias.numpy()
            bias[neurons] = small.bias.numpy()
            large.kernel.assign(
                with_part(kernel, kernel.shape[-2], rows, neurons, small.kernel.numpy())
            )
            large.bias.assign(bias)
        norms = norm_arrays(full)
        for arrays, trained, some in zip(
            norms, norm_arrays(self.model), self.normalised, strict=True
        ):
            for array, values in zip(arrays, trained, strict=True):
                array[some] = values
        set_norms(full, norms)

    def whole_mask(self, mask: Mask, full: keras.Model) -> Mask:
        """A mask of the small network as one of the full one, which keeps nothing else."""
        kernels, biases = [], []
        for kept, bias_kept, large, rows, neurons in zip(
            mask.kernels, mask.biases, masked_layers(full), self.rows, self.kept[1:], strict=True
        ):
            nothing = np.zeros(large.kernel.shape, bool)
            kernels.append(with_part(nothing, nothing.shape[-2], rows, neurons, kept))
            biases.append(np.zeros(large.bias.shape, bool))
            biases[-1][neurons] = bias_kept
        return Mask.from_layers(kernels, biases)


def compact(model: keras.Model, *, padded: bool = False) -> Compacted:
    """Cuts dead and unused neurons and channels out of a masked host.

    Args:
        model: a host with pruning masks. It stays as it is.
        padded: leave as many neurons in all hidden layers of a chain, the next of `WIDTHS`, so that
            networks that get smaller step by step share a few shapes, and what is compiled for
            them.

    Returns:
        The small network with the same outputs, and what is left of each layer. At least one
        neuron is left of each.

    Raises:
        ValueError: the model is not a host.

    Example:
        >>> masks = [[[1, 0], [0, 0]], [[1], [0]]]
        >>> host = pns_tf.host_from_arrays(
        ...     [np.ones((2, 2)), np.ones((2, 1))], [-np.ones(2), np.ones(1)], kernel_masks=masks
        ... )
        >>> small = compact(host)
        >>> [kept.tolist() for kept in small.kept]
        [[0, 1], [0], [0]]
    """
    layers = masked_layers(model)
    if not layers:
        raise InputError(f"model {model.name!r} is no host: it has no layer that carries masks")
    wiring = wiring_of(model)
    strands = _needed(model, wiring)
    for node in wiring.masked:  # a layer cannot be empty
        if not strands[wiring.strands[node]].any():
            strands[wiring.strands[node][0]] = True
    units = wiring.units_of(strands)
    kept = [units[node] for node in (0, *wiring.masked)]
    if padded and wiring.is_chain:
        counts = [wiring.nodes[node].units for node in wiring.masked[:-1]]
        most = max(map(len, kept[1:-1]), default=0)
        width = next((width for width in WIDTHS if width >= most), most)
        kept[1:-1] = [
            _padded(some, min(width, count)) for some, count in zip(kept[1:-1], counts, strict=True)
        ]
    return cut(model, kept)


def cut(model: keras.Model, kept: Sequence[np.ndarray]) -> Compacted:
    """The part of a host that has only some of the neurons or channels, with their parameters.

    Args:
        model: a host. It stays as it is.
        kept: for the input and each layer with masks, the numbers of those that are left; those
            that are added to one of them are left as well.

    Example:
        >>> host = pns_tf.plant("circle").host  # 2, 100, 100, 100 and 4 neurons
        >>> first = [np.arange(width) for width in (2, 50, 50, 50, 4)]
        >>> cut(host, first).model.count_params() < host.count_params() / 3
        True
    """
    wiring = wiring_of(model)
    units = wiring.units_of(wiring.strands_of(kept))
    config = model.get_config() | {"name": "compact"}
    sizes = _sizes(wiring, units)
    for entry in config["layers"]:
        entry.pop("build_config", None)  # the full network's shapes
        for name, size in sizes.get(entry["name"], {}).items():
            if name in entry["config"]:
                entry["config"][name] = size
    small = keras.Model.from_config(config)
    kept = [units[node] for node in (0, *wiring.masked)]
    rows = [_rows(wiring, wiring.nodes[node], units) for node in wiring.masked]
    for large, copy, sources, neurons in zip(
        masked_layers(model), masked_layers(small), rows, kept[1:], strict=True
    ):
        copy.set_weights(
            [
                value[neurons]
                if value.ndim == 1
                else part(value, value.shape[-2], sources, neurons)
                for value in large.get_weights()
            ]
        )
    places = {node.name: number for number, node in enumerate(wiring.nodes)}
    normalised = [units[places[layer.name]] for layer in norm_layers(model)]
    set_norms(
        small,
        [
            [array[some] for array in arrays]
            for arrays, some in zip(norm_arrays(model), normalised, strict=True)
        ],
    )
    return Compacted(small, kept, rows, normalised)


def _sizes(wiring: Wiring, units: Sequence[np.ndarray]) -> dict[str, dict[str, int]]:
    """What a layer's configuration says of numbers of units, by the layer's name."""
    sizes = {}
    for node, kept in zip(wiring.nodes, units, strict=True):
        if node.kind == kinds.WEIGHTS:
            sizes[node.name] = {"filters": len(kept), "units": len(kept)}
        if node.kind == kinds.PAD:
            before = int(np.count_nonzero(kept < node.before))
            after = len(kept) - before - len(units[node.inputs[0]])
            sizes[node.name] = {"before": before, "after": after}
    return sizes


def _rows(wiring: Wiring, node: Node, units: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([0]) if node.kind == kinds.DEPTHWISE else units[node.inputs[0]]


def multiplications(model: keras.Model) -> int:
    """Multiplications by weights for one sample, masks not considered.

    Example:
        >>> multiplications(pns_tf.plant("circle").host)  # 2 × 100 + 2 × 100² + 100 × 4
        20600
    """
    return sum(
        math.prod(layer.output_shape[1:-1]) * math.prod(layer.kernel.shape)
        for layer in masked_layers(model)
    )


def _padded(some: np.ndarray, width: int) -> np.ndarray:
    """These numbers and the first others, ``width`` altogether."""
    others = np.setdiff1d(np.arange(width), some)
    return np.sort(np.concatenate([some, others[: width - len(some)]]))


def _needed(model: keras.Model, wiring: Wiring) -> np.ndarray:
    """Which strands are neither dead nor unused wherever a kernel reads them."""
    layers, norms = masked_layers(model), norm_layers(model)
    links = [link(layer.kernel_mask.numpy() != 0) for layer in layers]
    used = wiring.used(links)

    def through(node: Node, source: np.ndarray) -> np.ndarray:
        if node.kind == kinds.RELU:
            return _after_relu(source)
        if node.kind == kinds.NORM:
            return np.where(source == ZERO, _constant(norms[node.layer]), RISING)
        linked = links[node.layer]
        alive = source > ZERO
        depthwise = node.kind == kinds.DEPTHWISE
        fed = linked[0] & alive if depthwise else linked[alive].any(axis=0)
        layer = layers[node.layer]
        bias = np.where(layer.bias.numpy() > 0, RISING, FLAT) * (layer.bias_mask.numpy() != 0)
        state = np.where(fed, RISING, bias)
        return _after_relu(state) if node.relu else state

    states = wiring.forward(np.full(wiring.nodes[0].units, RISING), through)
    needed = np.zeros(1 + max(int(strands.max()) for strands in wiring.strands), bool)
    for number, node in enumerate(wiring.nodes):
        if node.kind in (kinds.WEIGHTS, kinds.DEPTHWISE):
            source = node.inputs[0]
            depthwise, read = node.kind == kinds.DEPTHWISE, links[node.layer]
            ways = read[0] & used[number] if depthwise else read[:, used[number]].any(axis=1)
            needed[wiring.strands[source][ways & (states[source] > ZERO)]] = True
    for end in (0, len(wiring.nodes) - 1):  # inputs and outputs keep their places
        needed[wiring.strands[end]] = True
    return needed


def _after_relu(state: np.ndarray) -> np.ndarray:
    return np.where(state == RISING, RISING, ZERO)


def _constant(norm: keras.layers.BatchNormalization) -> np.ndarray:
    """What batch normalisation makes of zeros, in inference mode and in training mode."""
    gamma, beta, mean, variance = norm_arrays_of(norm)
    inference = beta - gamma * mean / np.sqrt(variance + norm.epsilon)
    return np.where((inference > 0) | (beta > 0), RISING, FLAT)
