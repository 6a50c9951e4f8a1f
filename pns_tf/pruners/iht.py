"""Iterative hard thresholding: gradient steps on all weights, of which the largest are kept."""

from __future__ import annotations

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
from pns_tf.pruning.largest import kth_largest, kth_largest_by_partition
from pns_tf.pruning.layer_densities import DISTRIBUTIONS, layer_counts
from pns_tf.pruning.thresholds import density_steps, keep_highest
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import kind_of
from pns_tf.training.compiled import compiled
from pns_tf.training.cosine_epoch import cosine_epoch
from pns_tf.training.epoch import train
from pns_tf.training.sparse_epoch import SparseEpoch


@dataclass
class IterativeHardThresholding(Searcher):
    """Takes gradient steps on all parameters, and after each sets all but the largest to zero.

    θ ← H_k(θ − η ∇L(θ)), where H_k keeps the k parameters of largest abs. What is zero has a
    gradient like the rest, and so may return. The paper thresholds from the first step on, layer
    after layer, and proves that this recovers two-layer networks. Here all layers are trained
    together from the host's parameters, k falls exponentially from their number to the one asked
    for, each layer has a threshold of its own, and the ticket is trained on for
    ``settings.epochs``.

    Args:
        epochs: of thresholded steps.
        annealing: the fraction of them in which k falls; 0 as in the paper.
        learning_rate: η, of SGD; the norm of the gradient is clipped to 1.
        layer_densities: "erk" (Erdős–Rényi) or "uniform", a layer's kernel and bias together;
            ``settings.scope`` asks for one threshold, or one for each array, instead.
    """

    epochs: int = 50
    annealing: float = 0.5
    learning_rate: float = 0.1
    layer_densities: str = "erk"

    name = "iht"
    reference = (
        "Fridovich-Keil & Pilanci, A Recovery Guarantee for Sparse Neural Networks, ICLR 2026, "
        "arXiv 2509.20323"
    )
    heeds = frozenset({"scope"})

    def __post_init__(self):
        integer(f"epochs of {self.name}", self.epochs, minimum=1)
        number(f"annealing of {self.name}", self.annealing, 0.0, 1.0)
        number(f"learning_rate of {self.name}", self.learning_rate, 0.0, low_excluded=True)
        choice("layer_densities", self.layer_densities, DISTRIBUTIONS)

    def find(self, model, data, settings, loop):
        kind, scope = kind_of(data), settings.scope or self.layer_densities
        epoch = compiled(ThresholdedEpoch, model, kind, settings.batch_size, scope)
        epoch.start(model.get_weights())
        epoch.optimizer.learning_rate.assign(self.learning_rate)
        densities = self._densities(settings.density)

        def step(number: int) -> float:
            epoch.keep(densities[number - 1])
            return epoch(data.x_train, data.y_train, loop.shuffled(len(data.x_train)))

        history = loop.run(self.epochs, step, epoch.state)
        mask = epoch.largest(settings.density, loop.rng)
        epoch.assign(epoch.values, mask)
        weights, losses = train(
            cosine_epoch(model, data, settings),
            epoch.model.get_weights(),
            data.x_train,
            data.y_train,
            settings.epochs,
            loop,
        )
        return SearchResult(mask, weights, history + losses, densities=densities)

    def total_epochs(self, settings):
        return self.epochs + settings.epochs

    def _densities(self, density: float) -> list[float]:
        annealed = round(self.annealing * self.epochs)
        falling = density_steps(density, annealed) if annealed else []
        return falling + [density] * (self.epochs - annealed)


class ThresholdedEpoch(SparseEpoch):
    """An epoch of steps θ ← H_k(θ − η ∇L(θ)).

    Args:
        model: with masks, which have to be ones; not shared with others.
        kind: of the task.
        batch_size: samples a step.
        scope: what has a threshold of its own: everything ("global"), each array ("local"), or each
            layer ("erk", "uniform", see `pns_tf.pruning.layer_densities`).
    """

    def __init__(self, model: keras.Model, kind: Kind, batch_size: int, scope: str):
        super().__init__(model, kind, keras.optimizers.SGD(0.1, global_clipnorm=1.0), batch_size)
        every = range(len(self.weights))
        self._scope = scope
        self._groups = {"global": [list(every)], "local": [[i] for i in every]}.get(
            scope, self.layers
        )
        self._counts = tf.Variable(tf.zeros(len(self._groups), tf.int32))
        by_partition = takes_images(self.model)
        self._kth_largest = kth_largest_by_partition if by_partition else kth_largest

    def keep(self, density: float) -> None:
        """Sets the density of the following steps."""
        self._counts.assign(self._kept(density))

    def largest(self, density: float, rng: np.random.Generator) -> Mask:
        """The mask of exactly the largest parameters."""
        values = self.values
        arrays = list(values)
        for group, count in zip(self._groups, self._kept(density), strict=True):
            kept = keep_highest([np.abs(values[i]) for i in group], count, rng=rng)
            for position, array in zip(group, kept, strict=True):
                arrays[position] = array
        return Mask(arrays)

    def _kept(self, density: float) -> list[int]:
        """k of each group."""
        shapes = [weight.variable.shape for weight in self.weights]
        sizes = [sum(shapes[i].num_elements() for i in group) for group in self._groups]
        if self._scope in DISTRIBUTIONS:
            kernels = [shapes[group[0]] for group in self._groups]
            return layer_counts(kernels, round(density * sum(sizes)), self._scope)
        return [round(density * size) for size in sizes]

    def _step(self, x: tf.Tensor, y: tf.Tensor, shares: tf.Tensor | None = None) -> tf.Tensor:
        loss = super()._step(x, y, shares)
        variables = [weight.variable for weight in self.weights]
        for number_of_group, group in enumerate(self._groups):
            self._threshold([variables[i] for i in group], self._counts[number_of_group])
        return loss

    def _threshold(self, variables: Sequence[tf.Variable], count: tf.Tensor) -> None:
        """H_k on arrays together."""
        sizes = [tf.abs(variable) for variable in variables]
        flat = tf.concat([tf.reshape(size, [-1]) for size in sizes], axis=0)
        threshold = self._kth_largest(flat, count)
        for variable, size in zip(variables, sizes, strict=True):
            variable.assign(tf.where(size >= threshold, variable, 0.0))
