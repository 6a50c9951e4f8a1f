"""Which parameters of a masked network lie on a path from an input to an output."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pns_tf.masks import Mask


def neurons_on_paths(kernel_masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each neuron layer, input first: which neurons lie on an input–output path.

    Args:
        kernel_masks: bool ``(fan_in, fan_out)`` for each layer of a fully connected stack.

    Returns:
        Bool arrays, one more than there are masks.
    """
    fed = [np.ones(kernel_masks[0].shape[0], bool)]
    for mask in kernel_masks:
        fed.append(mask[fed[-1]].any(axis=0))
    used = [np.ones(kernel_masks[-1].shape[1], bool)]
    for mask in reversed(kernel_masks):
        used.insert(0, mask[:, used[0]].any(axis=1))
    return [a & b for a, b in zip(fed, used, strict=True)]


def effective_mask(mask: Mask) -> Mask:
    """The part of a mask that lies on input–output paths; the rest computes nothing.

    A weight is on a path if both its neurons are, a bias if its neuron is.

    Args:
        mask: masks of a fully connected stack, in the order kernel, bias of each layer.

    Example:
        >>> dead_end = Mask([[[1, 0]], [0, 1], [[1], [0]], [1]])
        >>> dead_end.kept, effective_mask(dead_end).kept
        (4, 3)
    """
    on_path = neurons_on_paths(mask.kernels)
    kernels = [
        kernel & sources[:, None] & neurons
        for kernel, (sources, neurons) in zip(mask.kernels, pairwise(on_path), strict=True)
    ]
    biases = [bias & neurons for bias, neurons in zip(mask.biases, on_path[1:], strict=True)]
    return Mask.from_layers(kernels, biases)


def flow_collapsed(mask: Mask) -> bool:
    """Whether no input–output path is left, so that the output no longer depends on the input."""
    return not neurons_on_paths(mask.kernels)[-1].any()
