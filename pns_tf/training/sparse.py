"""Training of what is left of a fully connected ReLU network, along its remaining weights alone.

A step on a hundred parameters takes some ten microseconds; as a TensorFlow step it takes ten times
as long, and each shape of network is compiled anew. The optimiser is Adam (Kingma & Ba 2015, arXiv
1412.6980) as in Keras.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from pns_tf.masks import Mask
from pns_tf.tasks.kinds import CLASSIFICATION, Kind
from pns_tf.training.checkpoints import Note
from pns_tf.training.loop import Loop
from pns_tf.training.schedules import Share

BETA1, BETA2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-7)
ZERO, ONE = np.float32(0.0), np.float32(1.0)
compiled = njit(cache=True, error_model="numpy")


def train_sparse(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    mask: Mask,
    x: np.ndarray,
    y: np.ndarray,
    kind: Kind,
    epochs: int,
    loop: Loop,
    *,
    learning_rate: float,
    batch_size: int,
    share: Share | None = None,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Trains the parameters that a mask keeps, by Adam with a fresh start, on shuffled samples.

    Args:
        kernels: ``(fan_in, fan_out)`` of each layer.
        biases: ``(fan_out,)`` of each layer.
        mask: in the order kernel, bias of each layer; what it prunes neither acts nor changes.
        x: ``(n, inputs)``.
        y: classes ``(n,)`` or values ``(n, outputs)``.
        kind: of the task.
        epochs: passes over the data.
        loop: runs them.
        learning_rate: of Adam.
        batch_size: samples a step; the last short batch is a step too.
        share: of the learning rate at each step, see `pns_tf.training.schedules`; ``None`` for all
            of it.

    Returns:
        Kernels and biases, float32.

    Raises:
        ValueError: the loss stops being finite.

    Example:
        >>> kernels, biases = [np.ones((1, 1)), np.ones((1, 1))], [np.zeros(1), np.zeros(1)]
        >>> mask = Mask([[[1]], [0], [[1]], [0]])
        >>> x = np.linspace(0, 1, 50)[:, None]
        >>> regression = tasks.get("relu").kind
        >>> arguments = kernels, biases, mask, x, 3 * x, regression, 200, Loop(rng)
        >>> first, second = train_sparse(*arguments, learning_rate=0.01, batch_size=10)[0]
        >>> round((first * second).item(), 2)
        3.0
    """
    links, network = _links(mask)
    arrays = [np.array(array, np.float32) for array in (*kernels, *biases)]
    parameters = np.concatenate([a[kept] for a, kept in zip(arrays, links, strict=True)])
    theta, first, second = (Note(a) for a in (parameters, 0 * parameters, 0 * parameters))
    classes = kind == CLASSIFICATION
    samples = np.ascontiguousarray(x.T, np.float32)
    numbers = np.asarray(y, np.int64) if classes else np.zeros(len(x), np.int64)
    wanted = np.zeros((1, len(x)), np.float32) if classes else np.asarray(y, np.float32).T
    steps = -(-len(x) // batch_size)

    def step(number: int) -> float:
        order = loop.shuffled(len(x))
        before = (number - 1) * steps
        left = 1.0 if share is None else share(before + np.arange(steps), epochs * steps)
        rates = np.float32(learning_rate) * np.full(steps, left, np.float32)
        state = [note.value.astype(np.float32) for note in (theta, first, second)]
        taken = samples[:, order], numbers[order], np.ascontiguousarray(wanted[:, order])
        loss = _epoch(*state, before, rates, *network, *taken, batch_size, classes)  # type: ignore[call-arg]
        theta.value, first.value, second.value = state
        return float(loss)

    loop.run(epochs, step, [theta, first, second])
    parts = np.split(theta.value, np.cumsum([kept.sum() for kept in links])[:-1])
    for array, kept, values in zip(arrays, links, parts, strict=True):
        array[kept] = values
    return arrays[: len(kernels)], arrays[len(kernels) :]


def _links(mask: Mask) -> tuple[list[np.ndarray], tuple[np.ndarray | int, ...]]:
    """The masks of all kernels, then of all biases, and the network that is left.

    The network: rows that are computed, in the order of the layers, with all outputs last; for each
    where its weights begin, sorted by row, and the number of its bias parameter or −1; for each of
    these weights its source's row and its parameter; how many inputs and outputs.
    """
    widths = [len(mask.kernels[0]), *map(len, mask.biases)]
    starts = np.concatenate([[0], np.cumsum(widths)])
    sources, rows = [], []
    for layer, kernel in enumerate(mask.kernels):
        source, neuron = np.nonzero(kernel)
        sources.append(starts[layer] + source)
        rows.append(starts[layer + 1] + neuron)
    source, row = np.concatenate(sources), np.concatenate(rows)
    biased = starts[1] + np.flatnonzero(np.concatenate(mask.biases))
    outputs = np.arange(starts[-2], starts[-1])
    computed = np.unique(np.concatenate([row, biased, outputs]))
    bias = np.full(len(computed), -1)
    bias[np.searchsorted(computed, biased)] = len(row) + np.arange(len(biased))
    # Rows are counted anew, inputs first, so that only what is computed takes room. A neuron that
    # nothing feeds is always 0: it has no row, and what leads out of it is left out.
    places = np.full(starts[-1], -1)
    places[: widths[0]] = np.arange(widths[0])
    places[computed] = widths[0] + np.arange(len(computed))
    order = np.argsort(row, kind="stable")
    weights = order[places[source[order]] >= 0]
    begins = np.searchsorted(row[weights], np.append(computed, starts[-1]))
    network = (begins, bias, places[source[weights]], weights, widths[0], widths[-1])
    return [*mask.kernels, *mask.biases], network


@njit(cache=True, error_model="numpy", fastmath={"reassoc"})
def dot(a, b):
    """Σ a b, float32, added in the order that suits the vector units: six times as fast."""
    total = ZERO
    for s in range(len(a)):
        total += a[s] * b[s]
    return total


@compiled
def _epoch(
    theta, first, second, before, rates, begins, bias, sources, weights, inputs, outputs, x,
    numbers, wanted, batch_size, classes,
):  # fmt: skip
    """One pass in the given order; changes parameters and moments, returns the mean loss.

    Args:
        theta, first, second: parameters and Adam's moments.
        before: steps made so far.
        rates: learning rate of each step.
        begins, bias, sources, weights, inputs, outputs: the network, see `_links`.
        x: ``(inputs, n)``.
        numbers: classes ``(n,)``, int64.
        wanted: values ``(outputs, n)``.
        batch_size: samples a step.
        classes: whether the loss is the cross entropy with the former, else the mean square error
            from the latter.
    """
    n, computed = x.shape[1], len(bias)
    values = np.zeros((inputs + computed, batch_size), np.float32)
    slopes = np.zeros((inputs + computed, batch_size), np.float32)
    gradient, ones = np.zeros(len(theta), np.float32), np.ones(batch_size, np.float32)
    hidden = inputs + computed - outputs
    total = 0.0
    for step in range(len(rates)):
        begin = step * batch_size
        size = min(batch_size, n - begin)
        for i in range(inputs):
            values[i, :size] = x[i, begin : begin + size]
        for c in range(computed):
            value = values[inputs + c]
            value[:size] = theta[bias[c]] if bias[c] >= 0 else ZERO
            for link in range(begins[c], begins[c + 1]):
                weight, source = theta[weights[link]], values[sources[link]]
                for s in range(size):
                    value[s] += weight * source[s]
            if inputs + c < hidden:
                for s in range(size):
                    value[s] = value[s] if value[s] > ZERO else ZERO
        slopes[:] = ZERO
        if classes:
            total += _cross_entropy(values[hidden:], slopes[hidden:], numbers, begin, size)
        else:
            total += _mean_square(values[hidden:], slopes[hidden:], wanted, begin, size)
        gradient[:] = ZERO
        for c in range(computed - 1, -1, -1):
            value, slope = values[inputs + c], slopes[inputs + c]
            if inputs + c < hidden:
                for s in range(size):
                    slope[s] = slope[s] if value[s] > ZERO else ZERO
            if bias[c] >= 0:
                gradient[bias[c]] = dot(slope[:size], ones[:size])
            for link in range(begins[c], begins[c + 1]):
                weight, source = theta[weights[link]], sources[link]
                gradient[weights[link]] = dot(slope[:size], values[source, :size])
                if source >= inputs:
                    back = slopes[source]
                    for s in range(size):
                        back[s] += weight * slope[s]
        power = np.float32(before + step + 1)
        rate = rates[step] * np.sqrt(ONE - BETA2**power) / (ONE - BETA1**power)
        for p in range(len(theta)):
            first[p] += (gradient[p] - first[p]) * (ONE - BETA1)
            second[p] += (gradient[p] * gradient[p] - second[p]) * (ONE - BETA2)
            theta[p] -= rate * first[p] / (np.sqrt(second[p]) + EPSILON)
    return total / n


@compiled
def _cross_entropy(logits, slopes, y, begin, size):
    """Sum over the batch; writes the slopes of the mean to ``slopes``."""
    classes, total = len(logits), 0.0
    for s in range(size):
        largest = logits[0, s]
        for c in range(1, classes):
            largest = max(largest, logits[c, s])
        together = ZERO
        for c in range(classes):
            slopes[c, s] = np.exp(logits[c, s] - largest)
            together += slopes[c, s]
        label = y[begin + s]
        total += np.log(together) + largest - logits[label, s]
        for c in range(classes):
            slopes[c, s] /= together * np.float32(size)
        slopes[label, s] -= ONE / np.float32(size)
    return total


@compiled
def _mean_square(values, slopes, y, begin, size):
    """Sum over the batch of the mean over the outputs; writes the slopes of the mean."""
    outputs, total = len(values), 0.0
    for o in range(outputs):
        for s in range(size):
            error = values[o, s] - y[o, begin + s]
            total += error * error / outputs
            slopes[o, s] = np.float32(2.0) * error / np.float32(size * outputs)
    return total
