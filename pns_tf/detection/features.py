"""A host as a table with one row for each parameter, for the classifier."""

from __future__ import annotations

import numpy as np

from pns_tf.detection.evidence import (
    Arrays,
    Scores,
    bias_deviations,
    collinearity,
    exact_values,
    magnitude,
    norm_deviations,
)


def features(kernels: Arrays, biases: Arrays) -> list[np.ndarray]:
    """What the classifier knows of each parameter.

    Returns:
        For each array, kernel and bias of each layer, float32 ``(parameters, features)``: where it
        is (layer, kernel or bias, position), its own value by its array's root mean square, its
        rank in its row and column, whether it repeats another, and for the neurons at both ends
        their bias, norms, collinearity and largest weights; NaN where there is no neuron or weight.

    Example:
        >>> from pns_tf.hosts.initializers import draw_host
        >>> [table.shape for table in features(*draw_host([1, 20, 2]))]
        [(20, 23), (20, 23), (40, 23), (2, 23)]
    """
    sizes = magnitude(kernels, biases)
    repeated = exact_values(kernels, biases)
    neurons = [np.full((kernels[0].shape[0], 8), np.nan), *_neurons(kernels, biases)]
    tables = []
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        before, after = neurons[layer], neurons[layer + 1]
        source, end = np.divmod(np.arange(kernel.size), kernel.shape[1])
        size = sizes[2 * layer]
        own = [
            np.full(kernel.size, 2 * layer),
            source / kernel.shape[0],
            end / kernel.shape[1],
            size.ravel() * np.sign(kernel).ravel(),
            size.ravel(),
            _ranks(size, axis=0).ravel(),
            repeated[2 * layer].ravel(),
        ]
        tables.append(np.column_stack([*own, before[source], after[end]]))
        missing = np.full(bias.size, np.nan)
        size = sizes[2 * layer + 1]
        own = [
            np.full(bias.size, 2 * layer + 1),
            missing,
            np.arange(bias.size) / bias.size,
            size * np.sign(bias),
            size,
            _ranks(size[:, None], axis=0).ravel(),
            missing,
        ]
        tables.append(np.column_stack([*own, np.full((bias.size, before.shape[1]), np.nan), after]))
    return [table.astype(np.float32) for table in tables]


def context(scores: Scores, layers: int) -> list[np.ndarray]:
    """What the scores of other parameters say about each one: those that share a neuron with it.

    Args:
        scores: of each parameter, kernel and bias of each layer.
        layers: number of layers of weights.

    Returns:
        For each array ``(parameters, 7)``: the parameter's own score; and for the neurons at both
        ends the largest and the summed score of the weights on the neuron's other side, and the
        score of its bias.
    """
    kernels, biases = scores[::2], scores[1::2]
    tables = []
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        before = _sides(kernels[layer - 1].T, biases[layer - 1]) if layer else None
        after = _sides(kernels[layer + 1], bias) if layer < layers - 1 else None
        before = np.full((kernel.shape[0], 3), np.nan) if before is None else before
        if after is None:
            after = np.column_stack([np.full((bias.size, 2), np.nan), bias])
        source, end = np.divmod(np.arange(kernel.size), kernel.shape[1])
        tables.append(np.column_stack([kernel.ravel(), before[source], after[end]]))
        inside = _sides(kernel.T, bias)
        tables.append(np.column_stack([bias, inside, after]))
    return [table.astype(np.float32) for table in tables]


def _sides(rows: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return np.column_stack([rows.max(axis=1), rows.sum(axis=1), bias])


def _neurons(kernels: Arrays, biases: Arrays) -> list[np.ndarray]:
    """Eight features of each neuron, ``(neurons, 8)`` for each layer of weights."""
    sizes = magnitude(kernels, biases)
    norms, aligned = norm_deviations(kernels), collinearity(kernels)
    tables = []
    for layer, bias in enumerate(biases):
        onward = np.full(len(bias), np.nan)
        if layer + 1 < len(kernels):
            onward = sizes[2 * layer + 2].max(axis=1)
        tables.append(
            np.column_stack(
                [
                    bias_deviations(biases)[layer],
                    bias == 0,
                    *norms[layer],
                    *aligned[layer],
                    sizes[2 * layer].max(axis=0),
                    onward,
                ]
            )
        )
    return tables


def _ranks(values: np.ndarray, axis: int) -> np.ndarray:
    """Rank from the largest, 1 = largest, along an axis."""
    return (-values).argsort(axis=axis).argsort(axis=axis) + 1
