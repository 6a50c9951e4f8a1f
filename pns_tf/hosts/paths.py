"""Which parameters of a masked network lie on a path from an input to an output.

In convolutions paths lead from channel to channel: a kernel with one entry left connects two.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pns_tf.hosts.kernels import by_source, neuron_counts
from pns_tf.masks import Mask


def neurons_on_paths(kernel_masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each layer of neurons or channels, input first: which ones lie on an input–output path.

    Args:
        kernel_masks: bool, for each layer of a network without branches; ``(fan_in, fan_out)`` or
            ``(rows, columns, channels, filters)``.

    Returns:
        Bool arrays, one more than there are masks.
    """
    links = [np.asarray(rows.any(axis=0)) for rows in _rows(kernel_masks)]
    fed: list[np.ndarray] = [np.ones(links[0].shape[0], bool)]
    for link in links:
        fed.append(link[fed[-1]].any(axis=0))
    return [a & b for a, b in zip(fed, _used(links), strict=True)]


def live_neurons(mask: Mask) -> list[np.ndarray]:
    """Which neurons or channels have a part in the outputs, constant ones with only a bias too.

    Args:
        mask: of a network without branches, in the order kernel, bias of each layer.

    Returns:
        For each layer of neurons their numbers, all of them for inputs and outputs.

    Example:
        >>> constant = Mask([[[0, 0]], [0, 1], [[1], [1]], [0]])
        >>> [neurons.tolist() for neurons in live_neurons(constant)]
        [[0], [1], [0]]
    """
    return [np.flatnonzero(neurons) for neurons in _live(mask)]


def live_part(mask: Mask) -> Mask:
    """The parameters that have a part in the outputs, those of constant neurons too.

    Args:
        mask: of a network without branches, in the order kernel, bias of each layer.

    Example:
        >>> dead_end = Mask([[[1, 0]], [0, 1], [[1], [0]], [1]])
        >>> live_part(dead_end).kept
        3
    """
    return _between(mask, _live(mask))


def used_neurons(mask: Mask) -> list[np.ndarray]:
    """Which neurons or channels have a way to an output, whether or not anything feeds them.

    Args:
        mask: of a network without branches, in the order kernel, bias of each layer.

    Returns:
        Bool arrays, one for each layer of neurons.
    """
    links = [np.asarray(rows.any(axis=0)) for rows in _rows(mask.kernels)]
    return _used(links)


def effective_mask(mask: Mask) -> Mask:
    """The part of a mask that lies on input–output paths; the rest computes nothing.

    A weight is on a path if both its neurons are, a bias if its neuron is.

    Args:
        mask: masks of a network without branches, in the order kernel, bias of each layer.

    Example:
        >>> dead_end = Mask([[[1, 0]], [0, 1], [[1], [0]], [1]])
        >>> dead_end.kept, effective_mask(dead_end).kept
        (4, 3)
    """
    return _between(mask, neurons_on_paths(mask.kernels))


def flow_collapsed(mask: Mask) -> bool:
    """Whether no input–output path is left, so that the output no longer depends on the input."""
    return not neurons_on_paths(mask.kernels)[-1].any()


def _live(mask: Mask) -> list[np.ndarray]:
    """Neurons that are fed, by an input or a bias, and used; all inputs and outputs."""
    links = [np.asarray(rows.any(axis=0)) for rows in _rows(mask.kernels)]
    fed: list[np.ndarray] = [np.ones(links[0].shape[0], bool)]
    for link, bias in zip(links, mask.biases, strict=True):
        fed.append(link[fed[-1]].any(axis=0) | bias)
    live = [a & b for a, b in zip(fed, _used(links), strict=True)]
    live[0][:], live[-1][:] = True, True
    return live


def _between(mask: Mask, neurons: Sequence[np.ndarray]) -> Mask:
    """The weights that lead from one of these neurons to another, and the biases of these."""
    kernels = [
        (rows & before[:, None] & after).reshape(kernel.shape)
        for kernel, rows, (before, after) in zip(
            mask.kernels, _rows(mask.kernels), pairwise(neurons), strict=True
        )
    ]
    biases = [bias & after for bias, after in zip(mask.biases, neurons[1:], strict=True)]
    return Mask.from_layers(kernels, biases)


def _used(links: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Which neurons of each layer have a way to an output; ``links`` are ``(sources, neurons)``."""
    used = [np.ones(links[-1].shape[1], bool)]
    for link in reversed(links):
        used.insert(0, link[:, used[0]].any(axis=1))
    return used


def _rows(kernel_masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [
        by_source(mask, sources)
        for mask, sources in zip(kernel_masks, neuron_counts(kernel_masks)[:-1], strict=True)
    ]
