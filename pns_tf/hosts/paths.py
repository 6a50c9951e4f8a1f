"""Which parameters of a masked network lie on a path from an input to an output.

In convolutions paths lead from channel to channel: a kernel with one entry left connects two. How
layers are joined is said by a `pns_tf.hosts.wiring.Wiring`; without one they are a chain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.hosts.wiring import DEPTHWISE, Wiring, link
from pns_tf.masks import Mask


def neurons_on_paths(
    kernel_masks: Sequence[np.ndarray], wiring: Wiring | None = None
) -> list[np.ndarray]:
    """For each layer of neurons or channels, input first: which ones lie on an input–output path.

    Args:
        kernel_masks: bool, for each layer with masks; ``(fan_in, fan_out)`` or
            ``(rows, columns, channels, filters)``.
        wiring: of the network; without it, it is a chain.

    Returns:
        Bool arrays, one more than there are masks.
    """
    wiring = _wiring(kernel_masks, wiring)
    links = _links(kernel_masks)
    return _of_layers(wiring, _both(wiring.fed(links), wiring.used(links)))


def live_neurons(mask: Mask, wiring: Wiring | None = None) -> list[np.ndarray]:
    """Which neurons or channels have a part in the outputs, constant ones with only a bias too.

    Args:
        mask: in the order kernel, bias of each layer.
        wiring: of the network; without it, it is a chain.

    Returns:
        For each layer of neurons their numbers, all of them for inputs and outputs.

    Example:
        >>> constant = Mask([[[0, 0]], [0, 1], [[1], [1]], [0]])
        >>> [neurons.tolist() for neurons in live_neurons(constant)]
        [[0], [1], [0]]
    """
    wiring = _wiring(mask.kernels, wiring)
    return [np.flatnonzero(neurons) for neurons in _of_layers(wiring, _live(mask, wiring))]


def live_part(mask: Mask, wiring: Wiring | None = None) -> Mask:
    """The parameters that have a part in the outputs, those of constant neurons too.

    Args:
        mask: in the order kernel, bias of each layer.
        wiring: of the network; without it, it is a chain. What batch normalisation adds makes a
            constant of a channel that nothing feeds.

    Example:
        >>> dead_end = Mask([[[1, 0]], [0, 1], [[1], [0]], [1]])
        >>> live_part(dead_end).kept
        3
    """
    wiring = _wiring(mask.kernels, wiring)
    return _between(mask, wiring, _live(mask, wiring))


def used_neurons(mask: Mask, wiring: Wiring | None = None) -> list[np.ndarray]:
    """Which neurons or channels have a way to an output, whether or not anything feeds them.

    Args:
        mask: in the order kernel, bias of each layer.
        wiring: of the network; without it, it is a chain.

    Returns:
        Bool arrays, one for each layer of neurons.
    """
    wiring = _wiring(mask.kernels, wiring)
    return _of_layers(wiring, wiring.used(_links(mask.kernels)))


def effective_mask(mask: Mask, wiring: Wiring | None = None) -> Mask:
    """The part of a mask that lies on input–output paths; the rest computes nothing.

    A weight is on a path if both its neurons are, a bias if its neuron is.

    Args:
        mask: in the order kernel, bias of each layer.
        wiring: of the network; without it, it is a chain.

    Example:
        >>> dead_end = Mask([[[1, 0]], [0, 1], [[1], [0]], [1]])
        >>> dead_end.kept, effective_mask(dead_end).kept
        (4, 3)
    """
    wiring = _wiring(mask.kernels, wiring)
    links = _links(mask.kernels)
    return _between(mask, wiring, _both(wiring.fed(links), wiring.used(links)))


def flow_collapsed(mask: Mask, wiring: Wiring | None = None) -> bool:
    """Whether no input–output path is left, so that the output no longer depends on the input."""
    wiring = _wiring(mask.kernels, wiring)
    return not wiring.fed(_links(mask.kernels))[-1].any()


def _wiring(kernel_masks: Sequence[np.ndarray], wiring: Wiring | None) -> Wiring:
    return wiring or Wiring.chain([mask.shape for mask in kernel_masks])


def _links(kernel_masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [link(np.asarray(mask, bool)) for mask in kernel_masks]


def _both(fed: Sequence[np.ndarray], used: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [a & b for a, b in zip(fed, used, strict=True)]


def _of_layers(wiring: Wiring, units: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [units[node] for node in (0, *wiring.masked)]


def _live(mask: Mask, wiring: Wiring) -> list[np.ndarray]:
    """Units that are fed, by an input or a bias, and used; all inputs and outputs."""
    links = _links(mask.kernels)
    live = _both(wiring.fed(links, mask.biases), wiring.used(links))
    for node in (0, wiring.masked[-1]):
        live[node][:] = True
    return live


def _between(mask: Mask, wiring: Wiring, units: Sequence[np.ndarray]) -> Mask:
    """The weights that lead from one of these units to another, and the biases of these."""
    kernels, biases = [], []
    for number, kernel, bias in zip(wiring.masked, mask.kernels, mask.biases, strict=True):
        node = wiring.nodes[number]
        before, after = units[node.inputs[0]], units[number]
        way = (before & after)[None] if node.kind == DEPTHWISE else before[:, None] & after
        kernels.append(kernel & way)
        biases.append(bias & after)
    return Mask.from_layers(kernels, biases)
