"""Sparse training with connections that move: RigL and SET."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import choice, integer, number
from pns_tf.hosts.forward import takes_images
from pns_tf.masks import Mask
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.layer_densities import DISTRIBUTIONS, layer_counts
from pns_tf.pruning.thresholds import keep_highest
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import kind_of
from pns_tf.training.compiled import compiled
from pns_tf.training.schedules import cosine_decay
from pns_tf.training.sparse_epoch import SparseEpoch

GROWTHS = ("gradient", "random")


@dataclass
class Rigl(Searcher):
    """Trains a sparse network whose weakest connections move to where the loss has most slope.

    Every ``interval`` steps each layer drops the fraction f of its parameters with the smallest
    abs(θ), and grows as many where abs(∂L/∂θ), by the samples since the last move, is largest among
    all that are not kept; these start at zero. f falls from ``drop_fraction`` to zero by a cosine.
    Then the ticket trains on for ``settings.epochs``. A layer's kernel and bias count as one.

    Args:
        epochs: while connections move.
        interval: steps between moves, at most an epoch.
        drop_fraction: of a layer's parameters, in the first move.
        layer_densities: "erk" (Erdős–Rényi) or "uniform".
        grow: "gradient", or "random" places.
    """

    epochs: int = 50
    interval: int = 100
    drop_fraction: float = 0.3
    layer_densities: str = "erk"
    grow: str = "gradient"

    name = "rigl"
    reference = (
        "Evci et al., Rigging the Lottery: Making All Tickets Winners, ICML 2020, arXiv 1911.11134"
    )

    def __post_init__(self):
        integer(f"epochs of {self.name}", self.epochs, minimum=1)
        integer(f"interval of {self.name}", self.interval, minimum=1)
        number(f"drop_fraction of {self.name}", self.drop_fraction, 0.0, 1.0)
        choice("layer_densities", self.layer_densities, DISTRIBUTIONS)
        choice("grow", self.grow, GROWTHS)

    def find(self, model, data, settings, loop):
        network = compiled(
            MovingEpoch, model, kind_of(data), settings.learning_rate, settings.batch_size
        )
        network.start(model.get_weights())
        network.assign(network.values, self.first_mask(network, settings.density, loop.rng))
        x, y, span = data.x_train, data.y_train, self.interval * settings.batch_size

        def step(number: int) -> float:
            moved = min(number - 1, self.epochs)
            fraction = cosine_decay(self.drop_fraction, moved, self.epochs)
            order, total = loop.shuffled(len(x)), 0.0
            for start in range(0, len(order), span):
                samples = order[start : start + span]
                total += network(x, y, samples) * len(samples)
                if not math.isfinite(total):
                    break
                if number <= self.epochs:
                    self._move(network, x[samples], y[samples], fraction, loop.rng)
            return total / len(order)

        history = loop.run(self.total_epochs(settings), step, network.state)
        return SearchResult(network.mask, network.model.get_weights(), history)

    def total_epochs(self, settings):
        return self.epochs + settings.epochs

    def first_mask(self, network: SparseEpoch, density: float, rng: np.random.Generator) -> Mask:
        """Parameters at random, as many in each layer as its density says."""
        shapes = [value.shape for value in network.values]
        count = round(density * sum(map(math.prod, shapes)))
        kernels = [shapes[layer[0]] for layer in network.layers]
        counts = layer_counts(kernels, count, self.layer_densities)
        arrays: list[np.ndarray] = []
        for layer, kept in zip(network.layers, counts, strict=True):
            arrays += keep_highest([rng.random(shapes[i]) for i in layer], kept, rng=rng)
        return Mask(arrays)

    def _move(self, network: MovingEpoch, x, y, fraction: float, rng: np.random.Generator) -> None:
        alive = network.mask
        values = [value * kept for value, kept in zip(network.values, alive, strict=True)]
        if self.grow == "gradient":
            growth = [np.abs(slope) for slope in network.slopes(values, x, y)]
        else:
            growth = [rng.random(value.shape) for value in values]
        moved: list[np.ndarray] = []
        for layer in network.layers:
            moved += move(
                [np.abs(values[i]) for i in layer],
                [growth[i] for i in layer],
                [alive[i] for i in layer],
                fraction,
                rng,
            )
        network.assign(values, Mask(moved))


@dataclass
class Set(Rigl):
    """Trains a sparse network whose weakest connections move to random places.

    Args:
        epochs: while connections move.
        interval: steps between moves, at most an epoch.
        drop_fraction: of a layer's parameters, in the first move.
        layer_densities: "erk" (Erdős–Rényi) or "uniform".
    """

    grow: str = "random"

    name = "set"
    reference = (
        "Mocanu et al., Scalable Training of Artificial Neural Networks with Adaptive Sparse "
        "Connectivity Inspired by Network Science, Nature Communications 2018, arXiv 1707.04780"
    )


def move(
    sizes: Sequence[np.ndarray],
    growth: Sequence[np.ndarray],
    alive: Sequence[np.ndarray],
    fraction: float,
    rng: np.random.Generator,
) -> Mask:
    """Drops a fraction of the parameters of a layer, and grows as many.

    Args:
        sizes: abs(θ); the smallest are dropped.
        growth: the highest are grown, dropped ones possibly among them.
        alive: bool, the parameters of the layer now.
        fraction: of these to be dropped.
        rng: breaks ties.
    """
    alive = Mask(alive)
    moving = min(round(fraction * alive.kept), alive.size - alive.kept)
    stay = keep_highest(sizes, alive.kept - moving, within=alive, rng=rng)
    grown = keep_highest(growth, moving, within=Mask([~array for array in stay]), rng=rng)
    return Mask([a | b for a, b in zip(stay, grown, strict=True)])


class MovingEpoch(SparseEpoch):
    """An epoch of Adam on a network whose connections are moved in between.

    Args:
        model: with masks; not shared with others.
        kind: of the task.
        learning_rate: of Adam.
        batch_size: samples a step.
    """

    def __init__(self, model: keras.Model, kind: Kind, learning_rate: float, batch_size: int):
        super().__init__(model, kind, keras.optimizers.Adam(learning_rate), batch_size)
        self._slopes = tf.function(self._loss_slopes, jit_compile=not takes_images(self.model))

    def slopes(self, values: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> list:
        """∂L/∂θ of every parameter, connected or not; leaves all connected.

        Args:
            values: zero where there is no connection.
            x, y: samples.
        """
        self.assign(values, [np.ones_like(value) for value in values])
        return [slope.numpy() for slope in self._slopes(x, y)]

    def _loss_slopes(self, x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss = self._loss(y, self.model(x, training=False))
        return tape.gradient(loss, [weight.variable for weight in self.weights])
