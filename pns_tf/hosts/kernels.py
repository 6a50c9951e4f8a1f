"""Kernels of dense and convolutional layers, seen alike: which row comes from which channel.

A kernel of any number of axes is rows × neurons, and its rows are places × sources, because
channels are the last axis of what flows between layers. The places of a convolution are its
kernel's rows and columns, those of a dense layer behind a flattened image the pixels; a dense layer
behind another one has one place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def neuron_counts(kernels: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Neurons or channels in each layer of a network, input first.

    Example:
        >>> neuron_counts([np.ones((3, 3, 1, 8)), np.ones((4 * 4 * 8, 10))])
        (1, 8, 10)
    """
    return (kernels[0].shape[-2], *(kernel.shape[-1] for kernel in kernels))


def by_source(kernel: np.ndarray, sources: int) -> np.ndarray:
    """A kernel as ``(places, sources, neurons)``: a view.

    Example:
        >>> by_source(np.ones((3, 3, 16, 32)), 16).shape, by_source(np.ones((64, 10)), 16).shape
        ((9, 16, 32), (4, 16, 10))
    """
    return kernel.reshape(-1, sources, kernel.shape[-1])


def part(
    kernel: np.ndarray, all_sources: int, sources: np.ndarray, neurons: np.ndarray
) -> np.ndarray:
    """The kernel of a network that has only some of the neurons; a copy.

    Args:
        kernel: of any number of axes.
        all_sources: how many neurons feed it.
        sources: indices of those that stay.
        neurons: indices of its own neurons that stay.

    Example:
        >>> part(np.ones((3, 3, 16, 32)), 16, np.arange(4), np.arange(5)).shape
        (3, 3, 4, 5)
        >>> part(np.ones((2 * 16, 10)), 16, np.arange(4), np.arange(10)).shape
        (8, 10)
    """
    rows = by_source(kernel, all_sources)[:, sources][:, :, neurons]
    places = kernel.shape[:-2] if kernel.ndim > 2 else ()
    return rows.reshape(*places, -1, len(neurons))


def with_part(
    kernel: np.ndarray,
    all_sources: int,
    sources: np.ndarray,
    neurons: np.ndarray,
    values: np.ndarray,
) -> np.ndarray:
    """A copy of the kernel with ``values`` in place of its `part`; the arguments are the same.

    Example:
        >>> with_part(np.zeros((2, 2)), 2, np.array([0]), np.array([1]), np.array([[7.0]]))
        array([[0., 7.],
               [0., 0.]])
    """
    rows = np.array(by_source(kernel, all_sources))
    rows[:, sources[:, None], neurons] = by_source(values, len(sources))
    return rows.reshape(kernel.shape)
