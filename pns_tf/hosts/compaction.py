"""Cuts away what a masked network does not use: the same function of a smaller network.

At density 0.01 most channels of a convolutional host have no input or no output left.

A channel is *dead* if its output is zero for every input: nothing but dead channels feeds it, and
its bias is pruned or, before a ReLU, not positive. It is *unused* if no output depends on it. Both
are cut, which changes neither outputs nor gradients: a dead or unused parameter has gradient zero,
so Adam never moves it, and training the small network is training the large one. A channel that
nothing feeds but whose bias is positive is kept: its output is constant, but behind a zero-padded
convolution that is no longer so at the border, and its bias learns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.kernels import by_source, neuron_counts, part, with_part
from pns_tf.hosts.layers import MaskedLayer
from pns_tf.hosts.models import masked_layers
from pns_tf.masks import Mask

WIDTHS = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # of padded networks


@dataclass(frozen=True, eq=False)
class Compacted:
    """A smaller network that computes the same.

    Attributes:
        model: the small host; masks and planted masks are cut alike.
        kept: for each layer of neurons, input first, which ones of the full network are left.
    """

    model: keras.Model
    kept: list[np.ndarray]

    def put_back(self, full: keras.Model) -> None:
        """Writes the small network's kernels and biases into the full one; the rest stays."""
        counts = neuron_counts([layer.kernel for layer in masked_layers(full)])
        for layer, (small, large) in enumerate(
            zip(masked_layers(self.model), masked_layers(full), strict=True)
        ):
            sources, neurons = self.kept[layer : layer + 2]
            kernel = with_part(
                large.kernel.numpy(), counts[layer], sources, neurons, small.kernel.numpy()
            )
            bias = large.bias.numpy()
            bias[self.kept[layer + 1]] = small.bias.numpy()
            large.kernel.assign(kernel)
            large.bias.assign(bias)

    def whole_mask(self, mask: Mask, full: keras.Model) -> Mask:
        """A mask of the small network as one of the full one, which keeps nothing else."""
        layers = masked_layers(full)
        counts = neuron_counts([layer.kernel for layer in layers])
        kernels, biases = [], []
        for layer, (kept, bias_kept, large) in enumerate(
            zip(mask.kernels, mask.biases, layers, strict=True)
        ):
            nothing = np.zeros(large.kernel.shape, bool)
            sources, neurons = self.kept[layer : layer + 2]
            kernels.append(with_part(nothing, counts[layer], sources, neurons, kept))
            biases.append(np.zeros(large.bias.shape, bool))
            biases[-1][self.kept[layer + 1]] = bias_kept
        return Mask.from_layers(kernels, biases)


def compact(model: keras.Model, *, padded: bool = False) -> Compacted:
    """Cuts dead and unused neurons and channels out of a masked host.

    Args:
        model: a host with pruning masks. It stays as it is.
        padded: leave as many neurons in all hidden layers, the next of `WIDTHS`, so that networks
            that get smaller step by step share a few shapes, and what is compiled for them.

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
    counts = neuron_counts([layer.kernel for layer in layers])
    kept = [np.flatnonzero(mask) for mask in _needed(layers, counts)]
    kept = [some if len(some) else np.array([0]) for some in kept]
    if padded:
        most = max(map(len, kept[1:-1]), default=0)
        width = next((width for width in WIDTHS if width >= most), most)
        kept[1:-1] = [
            _padded(some, min(width, count))
            for some, count in zip(kept[1:-1], counts[1:-1], strict=True)
        ]
    return cut(model, kept)


def cut(model: keras.Model, kept: Sequence[np.ndarray]) -> Compacted:
    """The part of a host that has only some of the neurons or channels, with their parameters.

    Args:
        model: a host. It stays as it is.
        kept: for each layer of neurons, input first, the numbers of those that are left.

    Example:
        >>> host = pns_tf.plant("circle").host  # 2, 100, 100, 100 and 4 neurons
        >>> first = [np.arange(width) for width in (2, 50, 50, 50, 4)]
        >>> cut(host, first).model.count_params() < host.count_params() / 3
        True
    """
    layers = masked_layers(model)
    counts = neuron_counts([layer.kernel for layer in layers])
    config = model.get_config() | {"name": "compact"}
    widths = {layer.name: len(some) for layer, some in zip(layers, kept[1:], strict=True)}
    for entry in config["layers"]:
        entry.pop("build_config", None)  # the full network's shapes
        if entry["name"] in widths:
            size = "filters" if "filters" in entry["config"] else "units"
            entry["config"][size] = widths[entry["name"]]
    small = keras.Model.from_config(config)
    for index, (large, copy) in enumerate(zip(layers, masked_layers(small), strict=True)):
        sources, neurons = kept[index : index + 2]
        copy.set_weights(
            [
                value[neurons] if value.ndim == 1 else part(value, counts[index], sources, neurons)
                for value in large.get_weights()
            ]
        )
    return Compacted(small, list(kept))


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


def _needed(layers: Sequence[MaskedLayer], counts: Sequence[int]) -> list[np.ndarray]:
    """For each layer of neurons, input first: which ones are neither dead nor unused."""
    rows = [
        by_source(layer.kernel_mask.numpy() != 0, sources)
        for layer, sources in zip(layers, counts[:-1], strict=True)
    ]
    alive = [np.ones(counts[0], bool)]
    for layer, kept in zip(layers, rows, strict=True):
        alive.append(kept[:, alive[-1]].any(axis=(0, 1)) | _alive_by_bias(layer))
    used = [np.ones(counts[-1], bool)]
    for kept in reversed(rows):
        used.insert(0, kept[:, :, used[0]].any(axis=(0, 2)))
    needed = [a & b for a, b in zip(alive, used, strict=True)]
    needed[0][:], needed[-1][:] = True, True  # inputs and outputs keep their places
    return needed


def _alive_by_bias(layer: MaskedLayer) -> np.ndarray:
    kept = layer.bias_mask.numpy() != 0
    return kept & (layer.bias.numpy() > 0) if layer.activation is keras.activations.relu else kept
