"""The inner loops of the swaps, compiled: each walks only along weights that are not zero.

Networks come as flat arrays, see `Wiring`. Samples come last in every array, where they lie side by
side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from pns_tf.training.sparse import dot

BLOCK = 512  # samples that are carried through all layers together, to stay in the cache
ZERO = np.float32(0.0)
HALF = np.float32(0.5)
# Where weights begin in flat arrays, and how often a loop repeats, is checked by those who call.
compiled = njit(cache=True, error_model="numpy")


@dataclass(frozen=True, eq=False)
class Wiring:
    """The weights of a network in one array, layer after layer.

    Attributes:
        weights: of all kernels ``(sources, neurons)``, each row by row, float32; zeros do not act.
        biases: of all neurons but the inputs, float32.
        widths: neurons of each layer, inputs first.
    """

    weights: np.ndarray
    biases: np.ndarray
    widths: np.ndarray

    @classmethod
    def empty(cls, widths: Sequence[int]) -> Wiring:
        """Of layers with so many neurons, all weights zero.

        Example:
            >>> Wiring.empty([2, 5, 1]).weights.size
            15
        """
        sizes = np.asarray(widths, np.int64)
        weights = np.zeros(int(np.sum(sizes[:-1] * sizes[1:])), np.float32)
        return cls(weights, np.zeros(int(sizes[1:].sum()), np.float32), sizes)

    def kernels(self) -> list[np.ndarray]:
        """Each layer's weights, where they lie."""
        sizes = self.widths[:-1] * self.widths[1:]
        parts = np.split(self.weights, np.cumsum(sizes)[:-1])
        return [
            part.reshape(sources, neurons)
            for part, sources, neurons in zip(parts, self.widths[:-1], self.widths[1:], strict=True)
        ]

    def layer_biases(self) -> list[np.ndarray]:
        """Each layer's biases, where they lie."""
        return np.split(self.biases, np.cumsum(self.widths[1:])[:-1])


@compiled
def sums(x, weights, biases, widths, wanted):
    """What each neuron adds up, before its ReLU.

    Args:
        x: float32 ``(inputs, n)``.
        weights, biases, widths: of a `Wiring`.
        wanted: which neurons are computed, of all layers one after the other, inputs too; with
            each of them those that lead to it.

    Returns:
        float32 ``(neurons of all layers, n)``, the inputs themselves first; zero where not wanted.
    """
    inputs, n = x.shape
    begins, sources, strengths = _incoming(weights, widths, wanted)
    result = np.zeros((len(wanted), n), np.float32)
    result[:inputs] = x
    rectified = np.empty((len(wanted), BLOCK), np.float32)
    for begin in range(0, n, BLOCK):
        length = min(BLOCK, n - begin)
        rectified[:inputs, :length] = x[:, begin : begin + length]
        for row in range(inputs, len(wanted)):
            if not wanted[row]:
                continue
            out, after = result[row, begin : begin + length], rectified[row]
            out[:] = biases[row - inputs]
            for link in range(begins[row], begins[row + 1]):
                weight, source = strengths[link], rectified[sources[link]]
                for s in range(length):
                    out[s] += weight * source[s]
            for s in range(length):
                after[s] = out[s] if out[s] > ZERO else ZERO
    return result


@compiled
def _incoming(weights, widths, wanted):
    """For each neuron where the list of those that lead to it begins, their rows, and the weights.

    Lists of neurons that are not wanted are empty.
    """
    counts = np.zeros(len(wanted) + 1, np.int64)
    first, before = 0, 0
    for layer in range(len(widths) - 1):
        before += widths[layer]
        for _ in range(widths[layer]):
            for j in range(widths[layer + 1]):
                if weights[first + j] != ZERO and wanted[before + j]:
                    counts[before + j + 1] += 1
            first += widths[layer + 1]
    begins = np.cumsum(counts)
    free = begins.copy()
    sources, strengths = np.empty(begins[-1], np.int64), np.empty(begins[-1], np.float32)
    first, before, source = 0, 0, 0
    for layer in range(len(widths) - 1):
        before += widths[layer]
        for _ in range(widths[layer]):
            for j in range(widths[layer + 1]):
                if weights[first + j] != ZERO and wanted[before + j]:
                    place = free[before + j]
                    sources[place], strengths[place] = source, weights[first + j]
                    free[before + j] += 1
            first += widths[layer + 1]
            source += 1
    return begins, sources, strengths


@compiled
def _linked(weights, widths):
    """For each neuron, inputs too, where the list of those that it leads to begins, and the lists.

    Returns:
        Places ``(neurons + 1,)`` in the other two: rows of the neurons that are fed, and weights.
    """
    total = widths.sum()
    places = np.zeros(total + 1, np.int64)
    count = np.count_nonzero(weights)
    targets, strengths = np.empty(count, np.int64), np.empty(count, np.float32)
    number, source, first, before = 0, 0, 0, 0
    for layer in range(len(widths) - 1):
        before += widths[layer]
        for _ in range(widths[layer]):
            for j in range(widths[layer + 1]):
                weight = weights[first + j]
                if weight != ZERO:
                    targets[number], strengths[number] = before + j, weight
                    number += 1
            first += widths[layer + 1]
            source += 1
            places[source] = number
    places[source:] = number
    return places, targets, strengths


@compiled
def _carry(layer, source, neuron, step, state, widths, linked, change, touched):
    """Writes to ``change`` what a flip does to the outputs; returns whether it does anything.

    Args:
        layer, source, neuron: the flip; rows of all layers together.
        step: by how much the weight, or bias, grows.
        state: what `sums` returns.
        linked: what `_linked` returns.
        change: room, as large as ``state``.
        touched: room for one mark for each neuron; those of the outputs say which have changed.
    """
    places, targets, strengths = linked
    n = state.shape[1]
    touched[:] = False
    touched[neuron] = True
    started = change[neuron]
    if source < 0:
        started[:] = step
    elif layer == 0:
        for s in range(n):
            started[s] = step * state[source, s]
    else:
        for s in range(n):
            value = state[source, s]
            started[s] = step * (value if value > ZERO else ZERO)
    last = len(touched) - widths[-1]
    for row in range(neuron, last):
        if not touched[row]:
            continue
        sum_, moved, any_ = state[row], change[row], False
        for s in range(n):
            old, new = sum_[s], sum_[s] + moved[s]
            moved[s] = (new if new > ZERO else ZERO) - (old if old > ZERO else ZERO)
        for s in range(n):
            if moved[s] != ZERO:
                any_ = True
                break
        if not any_:
            continue
        for link in range(places[row], places[row + 1]):
            target, weight = targets[link], strengths[link]
            out = change[target]
            if touched[target]:
                for s in range(n):
                    out[s] += weight * moved[s]
            else:
                touched[target] = True
                for s in range(n):
                    out[s] = weight * moved[s]
    return touched[last:].any()


@compiled
def _rows(flip, widths):
    """Layer, source and neuron of a flip as rows of all layers together; a bias has source −1."""
    before = widths[: flip[0]].sum()
    source = before + flip[1] if flip[1] >= 0 else -1
    return flip[0], source, before + widths[flip[0]] + flip[2]


@compiled
def alone(flips, steps, state, weights, widths, gradient, root):
    """The change of the loss by each flip, to second order in the changes of the outputs.

    Args:
        flips: ``(flips, 3)``.
        steps: float32 ``(flips,)``, by how much each changes its weight.
        state: what `sums` returns, of all neurons.
        weights, widths: of a `Wiring`.
        gradient: float32 ``(outputs, n)``.
        root: float32 ``(features, outputs, n)``.
    """
    linked = _linked(weights, widths)
    change, touched = np.empty_like(state), np.zeros(len(state), np.bool_)
    last, n = len(state) - widths[-1], state.shape[1]
    result = np.zeros(len(flips), np.float64)
    total, bent = np.empty(n, np.float32), np.empty(n, np.float32)
    for f in range(len(flips)):
        layer, source, neuron = _rows(flips[f], widths)
        if not _carry(layer, source, neuron, steps[f], state, widths, linked, change, touched):
            continue
        total[:] = ZERO
        for o in range(widths[-1]):
            if touched[last + o]:
                moved, slope = change[last + o], gradient[o]
                for s in range(n):
                    total[s] += slope[s] * moved[s]
        for k in range(len(root)):
            bent[:] = ZERO
            for o in range(widths[-1]):
                if touched[last + o]:
                    moved, factor = change[last + o], root[k, o]
                    for s in range(n):
                        bent[s] += factor[s] * moved[s]
            for s in range(n):
                total[s] += HALF * bent[s] * bent[s]
        added = 0.0
        for s in range(n):
            added += total[s]
        result[f] = added
    return result


@compiled
def changes(flips, steps, state, weights, widths):
    """What each flip does to the outputs, float32 ``(flips, outputs, n)``; see `alone`."""
    linked = _linked(weights, widths)
    change, touched = np.empty_like(state), np.zeros(len(state), np.bool_)
    outputs, n = widths[-1], state.shape[1]
    last = len(state) - outputs
    result = np.zeros((len(flips), outputs, n), np.float32)
    for f in range(len(flips)):
        layer, source, neuron = _rows(flips[f], widths)
        if _carry(layer, source, neuron, steps[f], state, widths, linked, change, touched):
            for o in range(outputs):
                if touched[last + o]:
                    result[f, o] = change[last + o]
    return result


@compiled
def cross_entropy(logits, y, scales):
    """Mean cross entropy of scaled logits, with its derivatives by the logarithms of the scales.

    Args:
        logits: float32 ``(classes, n)``.
        y: classes, ``(n,)``.
        scales: ``(classes,)``.

    Returns:
        The mean, its gradient ``(classes,)`` and its Gauss–Newton Hessian ``(classes, classes)``:
        that of the softmax at p in z = log-scaled logits, Σ (diag(p) − p pᵀ) ⊙ z zᵀ.
    """
    classes, n = logits.shape
    z, p = np.empty((classes, n), np.float32), np.empty((classes, n), np.float32)
    largest, total, ones = np.empty(n, np.float32), np.zeros(n, np.float32), np.ones(n, np.float32)
    slope, curvature = np.zeros(classes), np.zeros((classes, classes))
    for c in range(classes):
        scale = np.float32(scales[c])
        for s in range(n):
            z[c, s] = logits[c, s] * scale
    largest[:] = z[0]
    for c in range(1, classes):
        for s in range(n):
            largest[s] = z[c, s] if z[c, s] > largest[s] else largest[s]
    for c in range(classes):
        for s in range(n):
            p[c, s] = np.exp(z[c, s] - largest[s])
        for s in range(n):
            total[s] += p[c, s]
    loss = 0.0
    for s in range(n):
        loss += np.log(total[s]) + largest[s] - z[y[s], s]
        slope[y[s]] -= z[y[s], s]
    for c in range(classes):
        for s in range(n):
            p[c, s] *= z[c, s] / total[s]  # p z from here on
        slope[c] += dot(p[c], ones)
        curvature[c, c] = dot(p[c], z[c])
    for c in range(classes):
        for d in range(classes):
            curvature[c, d] -= dot(p[c], p[d])
    return loss / n, slope / n, curvature / n
