"""The project's own searcher: gates to get near, swaps to get there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import flag, integer, number
from pns_tf.gates.density import falling_density
from pns_tf.gates.epoch import Controls, GateSettings
from pns_tf.gates.hardening import filled
from pns_tf.gates.search import GateSearcher
from pns_tf.hosts.layers import PlantedDense
from pns_tf.hosts.models import host_arrays
from pns_tf.pruners.partial import search_in_part
from pns_tf.pruners.searcher import SearchResult
from pns_tf.swaps.search import SwapSettings, swap_search
from pns_tf.tasks.task import kind_of


@dataclass
class PlantNSeek(GateSearcher):
    """Gates that always add up to the wanted number, then swaps of single parameters.

    First gates σ(β(s − t)) on frozen weights harden, β growing exponentially, while the threshold t
    makes them add up to a number that falls to the ticket's. Then the hard mask is improved: in
    each round every single flip is measured, and pairs that lower the loss are swapped. The swaps
    need a fully connected host; on any other the gates' mask is the result.

    Args:
        epochs: of the gates.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the gates.
        sharpness: β in the end, from 1.
        ramp: the part of the epochs after which the number of parameters is reached.
        swap_rounds: at the start of each all flips are measured anew; 0 for no swaps.
        wake: whether swaps may bring in neurons that the gates have closed altogether.
        widest: of wider layers so many neurons are searched, see `search_in_part`.
    """

    epochs: int = 300
    learning_rate: float = 0.01
    sharpness: float = 200.0
    ramp: float = 0.6
    swap_rounds: int = 300
    wake: bool = True
    widest: int = 100

    exact = True
    name = "pns"
    reference = "this project; gates after Savarese, Silva & Maire 2020, arXiv 1912.04427"

    def __post_init__(self):
        super().__post_init__()
        number("sharpness", self.sharpness, 1.0)
        number("ramp", self.ramp, 0.0, 1.0, low_excluded=True)
        integer("swap_rounds", self.swap_rounds, minimum=0)
        flag("wake", self.wake)
        integer("widest", self.widest, minimum=1)

    def compiled_for(self, kind):
        return GateSettings(kind, batch_size=self.gate_batch_size, density="capacity")

    def schedule(self, epoch, density, rng):
        for done in range(1, self.epochs + 1):
            progress = done / self.epochs
            yield Controls(
                sharpness=self.sharpness**progress,
                density=falling_density(density, progress, self.ramp),
                learning_rate=self.learning_rate,
            )

    def search(self, model, data, settings, rng, watch=None):
        return search_in_part(self._search, self.widest, model, data, settings, rng, watch)

    def _search(self, model, data, settings, rng, watch=None) -> SearchResult:
        gates = super().search(model, data, settings, rng, watch)
        if not self.swap_rounds or not fully_connected(model):
            return gates
        kernels, biases = host_arrays(model)

        def watch_rounds(number_: int, loss: float) -> None:
            if watch:
                watch(self.epochs + number_, loss)

        mask, losses = swap_search(
            kernels,
            biases,
            gates.mask,
            gates.mask.kept,
            data.x_train.astype(np.float32),
            data.y_train,
            kind_of(data),
            SwapSettings(rounds=self.swap_rounds, wake=self.wake),
            rng,
            watch_rounds,
        )
        return SearchResult(
            filled(mask, gates.mask.kept, rng),
            history=gates.history + losses,
            densities=gates.densities,
            metrics=gates.metrics,
        )

    def total_epochs(self, settings):
        return self.epochs + self.swap_rounds + settings.epochs


def fully_connected(model: keras.Model) -> bool:
    """Whether the model is a stack of `PlantedDense` layers, ReLU between them, the last linear."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    wanted = [keras.activations.relu] * (len(layers) - 1) + [keras.activations.linear]
    return all(
        isinstance(layer, PlantedDense) and layer.activation is activation
        for layer, activation in zip(layers, wanted, strict=True)
    )
