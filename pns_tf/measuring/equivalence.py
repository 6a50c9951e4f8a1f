"""How much of one ReLU network is in another, wherever its hidden neurons are.

A hidden neuron computes the same if it changes places with another, or if its incoming weights and
bias are multiplied by λ > 0 and its outgoing weights divided by it. So do all outputs but for the
scale that is fitted to a strong ticket anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

TOLERANCE = 1e-3  # relative, of one parameter
SAMPLES = 4  # random inputs that tell neurons apart
SLOPE = 0.3  # of negative inputs: unlike ReLU it lets no neuron fall silent

Layers = Sequence[tuple[np.ndarray, np.ndarray]]  # kernel (fan_in, fan_out) and bias (fan_out,)


def shared_parameters(network: Layers, other: Layers) -> int:
    """How many parameters of a network another has too, up to order and scale of its neurons.

    From the inputs on, each hidden neuron is matched with the one of the other network that shares
    most of its incoming parameters, all multiplied by the same λ > 0; among equally good ones with
    that which does the same to the outputs. It is exact if the other network is the same one up to
    order and scales, else a lower bound.

    Args:
        network: parameters that are zero do not count.
        other: of equally many inputs, outputs and layers.

    Example:
        >>> one = [(np.array([[2.0, 3.0]]), np.zeros(2)), (np.array([[1.0], [4.0]]), np.zeros(1))]
        >>> two = [(np.array([[6.0, 1.0]]), np.zeros(2)), (np.array([[2.0], [2.0]]), np.zeros(1))]
        >>> shared_parameters(one, two)  # the other order; scales 2 and 1/2
        4
    """
    mine, theirs = _effects(network), _effects(other)
    places, scales = np.arange(len(network[0][0])), np.ones(len(network[0][0]))
    shared, last = 0, len(network) - 1
    for layer, ((kernel, bias), (kernel2, bias2)) in enumerate(zip(network, other, strict=True)):
        # The bias is a weight from a neuron that is always 1.
        rows = np.vstack([kernel, bias])
        rows2 = np.vstack([kernel2[places] * scales[:, None], bias2])
        counts, factors = _shared_columns(rows, rows2)
        if layer == last:
            places, found = np.arange(len(bias)), np.arange(len(bias))
        else:
            far = np.linalg.norm(mine[layer][:, None] - theirs[layer][None], axis=-1)
            likeness = counts + 0.5 / (1 + far) * (counts > 0)
            found, matched = linear_sum_assignment(likeness, maximize=True)
            places = np.zeros(len(bias), int)
            places[found] = matched
        shared += int(counts[found, places[found]].sum())
        scales = np.zeros(len(bias))  # 0: no neuron like it, so that nothing follows from it
        scales[found] = factors[found, places[found]]
    return shared


def _shared_columns(rows: np.ndarray, rows2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pair of columns how many entries agree up to one factor, and that factor, else 0."""
    shape = rows.shape[1], rows2.shape[1]
    counts, factors = np.zeros(shape, int), np.zeros(shape)
    for column in range(shape[0]):
        kept = np.flatnonzero(rows[:, column])
        if not len(kept):
            continue
        ratios = rows2[kept] / rows[kept, column, None]  # (kept, columns of the other)
        ratios = np.where(ratios > 0, ratios, np.nan)
        order = np.sort(ratios, axis=0)  # NaN last
        # Ratios that agree with the smallest one of a cluster follow it.
        ends = (
            np.stack([(order <= first * (1 + TOLERANCE)).sum(axis=0) for first in order])
            - np.arange(len(kept))[:, None]
        )
        ends = np.where(np.isnan(order), 0, ends)
        best = ends.argmax(axis=0)
        counts[column] = np.take_along_axis(ends, best[None], 0)[0]
        first = np.take_along_axis(order, best[None], 0)[0]
        factors[column] = np.where(counts[column] > 0, first, 0.0)
    return counts, np.nan_to_num(factors)


def _effects(network: Layers) -> list[np.ndarray]:
    """For each hidden neuron what its value times ∂output/∂value is, for some inputs.

    Scales of hidden neurons cancel. The activation is a leaky ReLU, which scales alike.
    """
    rng = np.random.default_rng(0)
    h = rng.uniform(-1, 1, (SAMPLES, len(network[0][0])))
    values, slopes = [], []
    for kernel, bias in network[:-1]:
        z = h @ kernel + bias
        slopes.append(np.where(z > 0, 1.0, SLOPE))
        h = z * slopes[-1]
        values.append(h)
    gradient = np.broadcast_to(network[-1][0], (SAMPLES, *network[-1][0].shape))
    effects = []
    for (value, slope), (kernel, _) in zip(
        reversed(list(zip(values, slopes, strict=True))), reversed(network[:-1]), strict=True
    ):
        effect = value[:, :, None] * gradient  # (samples, neurons, outputs)
        size = np.abs(effect).max(axis=(0, 1), keepdims=True)
        effect = np.divide(effect, size, out=np.zeros_like(effect), where=size > 0)
        effects.append(effect.transpose(1, 0, 2).reshape(effect.shape[1], -1))
        gradient = np.einsum("ij,njo,nj->nio", kernel, gradient, slope)
    return effects[::-1]


def masked(kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], mask) -> Layers:
    """A fully connected network's layers in float64, zero outside a mask (kernel, bias, …)."""
    arrays = [np.asarray(a, float) for pair in zip(kernels, biases, strict=True) for a in pair]
    arrays = [array * kept for array, kept in zip(arrays, mask, strict=True)]
    return list(pairwise(arrays))[::2]
