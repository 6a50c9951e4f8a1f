"""Swaps in any network: many at a time, chosen by the gradient and tried on other samples.

To measure every single flip, as `pns_tf.swaps.search` does, takes a pass through the network for
each of them. Here a gradient says what they promise, and only whole sets of pairs are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.hosts.forward import forward
from pns_tf.masks import Mask
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.swaps.objective import objective
from pns_tf.tasks.kinds import Kind
from pns_tf.training.checkpoints import MaskNote, Note
from pns_tf.training.loop import Loop
from pns_tf.training.losses import LOSSES


@dataclass(frozen=True)
class ManySettings:
    """How sets of swaps are looked for.

    Attributes:
        rounds: in each a gradient is taken, and sets of swaps are made until one is no gain.
        samples: on which a gradient is taken, and twice as many others on which sets are tried.
        batch: samples of each of the gradients whose spread tells the curvature.
        memory: of the gradients before, how much counts in a round; the mask hardly changes.
        judged: samples on which the mask is judged after every ``every`` rounds; the best is
            returned.
        every: see there.
    """

    rounds: int = 100
    samples: int = 2048
    batch: int = 64
    memory: float = 0.8
    judged: int = 4000
    every: int = 5


SETS = 5  # made in a round at most
FIRST = 1e-3  # swaps of the first set by parameters of the mask
CAUTION = 4.0  # in the beginning, see `many_swaps`
# With a gain caution falls and sets grow by these; without one, it doubles and they halve.
SLACK, GROWTH = 1.2, 1.5


def many_swaps(
    model: keras.Model,
    mask: Mask,
    x: np.ndarray,
    y: np.ndarray,
    kind: Kind,
    settings: ManySettings,
    loop: Loop,
) -> tuple[Mask, list[float]]:
    """Improves a mask of any network whose parameters stay as they are.

    Parameters go for others that promise a lower loss: c h − g for one that goes and c h + g for
    one that comes. g is the derivative of the loss by its mask; h, in place of the second
    derivative, the mean square of a single sample's (the empirical Fisher information, as in Theis
    et al. 2018, arXiv 1801.05787), from the spread among batches. As it is only like the curvature,
    and flips of a set hinder one another, the caution c doubles when a set turns out to be no gain
    on other samples, and falls when it is one.

    Args:
        model: with masks that it computes with, all of them variables; they change.
        mask: to start from.
        x: training samples ``(n, …)``.
        y: classes ``(n,)`` or values ``(n, outputs)``.
        kind: of the task.
        settings: see `ManySettings`.
        loop: runs the rounds; its ``rng`` draws the samples.

    Returns:
        The mask that is best on the judged samples, that from which it started included, and the
        loss of each round's samples, after one positive scale for each output.

    Example:
        >>> kind = tasks.get("relu").kind
        >>> mask = Mask([rng.random(w.variable.shape) < 0.5 for w in prunable_weights(host)])
        >>> settings = ManySettings(rounds=20, samples=200)
        >>> found, losses = many_swaps(host, mask, x, y, kind, settings, Loop(rng))
        >>> found.kept == mask.kept
        True
    """
    judge = objective(kind)
    network = _Masked(model, kind)
    network.use(mask)
    judged = loop.rng.choice(len(x), min(settings.judged, len(x)), replace=False)
    first = judge.fit(network.outputs(x[judged]), y[judged], None)
    here, scales = MaskNote(mask), Note(first[0])
    best, best_mask = Note(first[1]), MaskNote(mask)
    slopes, squares, weight = Note(np.zeros(mask.size)), Note(np.zeros(mask.size)), Note(0.0)
    caution, size = Note(CAUTION), Note(FIRST)

    def fit(flat: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, float]:
        network.use(mask.shaped(flat))
        return judge.fit(network.outputs(x[rows]), y[rows], scales.value)

    def step(number: int) -> float:
        flat = here.value.flat
        some = loop.rng.permutation(len(x))[: 3 * settings.samples]
        measured, tried = np.split(some, [len(some) // 3])
        network.use(here.value)
        slope, square = network.slopes(x[measured], y[measured], scales.value, settings.batch)
        slopes.value = settings.memory * slopes.value + slope
        squares.value = settings.memory * squares.value + square
        weight.value = settings.memory * weight.value + 1.0
        g, h = slopes.value / weight.value, squares.value / weight.value
        scales.value, loss = fit(flat, tried)
        moved = np.zeros(len(flat), bool)
        for _ in range(SETS):
            pairs = max(round(float(size.value) * mask.kept), 1)
            swapped = _swapped(flat, ~moved, caution.value * h, g, pairs)
            if swapped is None:
                caution.value = caution.value / SLACK
                break
            fitted, lower = fit(swapped, tried)
            moved |= swapped != flat
            if not lower < loss:
                caution.value, size.value = 2 * caution.value, max(size.value / 2, 1 / mask.kept)
                break
            flat, scales.value, loss = swapped, fitted, lower
            caution.value, size.value = caution.value / SLACK, GROWTH * size.value
        here.value = mask.shaped(flat)
        if number % settings.every == 0 or number == settings.rounds:
            rank = fit(flat, judged)[1]
            if rank < best.value:
                best.value, best_mask.value = rank, here.value
        return loss

    state = [here, scales, best, best_mask, slopes, squares, weight, caution, size]
    losses = loop.run(settings.rounds, step, state)
    return best_mask.value, losses


class _Masked:
    """A model with masks, and what single flips of them promise."""

    def __init__(self, model: keras.Model, kind: Kind):
        self._masks = [w.mask for w in prunable_weights(model) if w.mask is not None]
        self._model, self._loss = model, LOSSES[kind]
        self.outputs = forward(model)
        self._gradient = tf.function(self._slopes, reduce_retracing=True)

    def use(self, mask: Mask) -> None:
        for variable, array in zip(self._masks, mask, strict=True):
            variable.assign(array.astype(np.float32))

    def slopes(
        self, x: np.ndarray, y: np.ndarray, scales: np.ndarray, batch: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The derivative of the loss by each mask, and the mean square of a single sample's."""
        starts = range(0, len(x) - batch + 1, batch) if len(x) > batch else [0]
        total = squares = np.zeros(())
        for start in starts:
            rows = slice(start, start + batch)
            slopes = self._gradient(
                tf.constant(x[rows]), tf.constant(y[rows]), tf.constant(scales, tf.float32)
            ).numpy()
            total, squares = total + slopes, squares + slopes.astype(np.float64) ** 2
        mean = total / len(starts)
        # The variance among means of batches is that among samples divided by their number.
        return mean, batch * (squares / len(starts) - mean**2) + mean**2

    def _slopes(self, x, y, scales):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._masks)
            loss = self._loss(y, self._model(x, training=False) * scales)
        # Nothing may depend on what a closed branch holds.
        zero = tf.UnconnectedGradients.ZERO
        slopes = tape.gradient(loss, self._masks, unconnected_gradients=zero)
        return tf.concat([tf.reshape(slope, [-1]) for slope in slopes], 0)


def _swapped(
    flat: np.ndarray, free: np.ndarray, curvature: np.ndarray, slope: np.ndarray, pairs: int
) -> np.ndarray | None:
    """The mask after the most promising pairs of free parameters that promise a lower loss."""
    off = np.where(flat & free, curvature - slope, np.inf)
    on = np.where(~flat & free, curvature + slope, np.inf)
    leaving, coming = _lowest(off, pairs), _lowest(on, pairs)
    promising = off[leaving] + on[coming] < 0
    if not promising.any():
        return None
    swapped = flat.copy()
    swapped[leaving[promising]] = False
    swapped[coming[promising]] = True
    return swapped


def _lowest(values: np.ndarray, count: int) -> np.ndarray:
    return np.argsort(values, kind="stable")[:count]
