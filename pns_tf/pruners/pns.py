"""The project's own searcher: gates to get near, swaps to get there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import flag, integer, number
from pns_tf.gates.density import falling_density
from pns_tf.gates.epoch import Controls, GateSettings
from pns_tf.gates.hardening import filled
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.models import host_arrays
from pns_tf.masks import Mask
from pns_tf.pruners.gate_searcher import GateSearcher
from pns_tf.pruners.partial import search_in_part
from pns_tf.pruners.result import SearchResult
from pns_tf.swaps.many import ManySettings, many_swaps
from pns_tf.swaps.search import SwapSettings, swap_search
from pns_tf.tasks.task import Data, kind_of
from pns_tf.training.loop import Loop


@dataclass
class PlantNSeek(GateSearcher):
    """Gates that always add up to the wanted number, then swaps of single parameters.

    First gates σ(β(s − t)) on frozen weights harden, β growing exponentially, while the threshold t
    makes them add up to a number that falls to the ticket's; where the host is not fully connected,
    the outputs are normalised. Then the hard mask is improved. In a fully connected host every
    single flip is measured in each round, and pairs that lower the loss are swapped; in any other
    the gradient says which, and sets of pairs are tried, see `pns_tf.swaps.many`.

    Args:
        epochs: of the gates.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the gates.
        sharpness: β in the end, from 1.
        ramp: the part of the epochs after which the number of parameters is reached.
        swap_rounds: at the start of each all flips are measured anew; 0 for no swaps.
        set_rounds: the same where the host is not fully connected.
        wake: whether swaps may bring in neurons that the gates have closed altogether; in a host
            that is not fully connected they always may.
        widest: of wider layers so many neurons are searched, see `search_in_part`.
    """

    epochs: int = 60
    learning_rate: float = 0.01
    sharpness: float = 200.0
    ramp: float = 0.6
    swap_rounds: int = 300
    set_rounds: int = 100
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
        integer("set_rounds", self.set_rounds, minimum=0)
        flag("wake", self.wake)
        integer("widest", self.widest, minimum=1)

    def compiled_for(self, model, kind):
        return GateSettings(
            kind,
            batch_size=self.gate_batch_size,
            density="capacity",
            normalised=not fully_connected(model),
        )

    def schedule(self, openness, density):
        progress = len(openness) / self.epochs
        return Controls(
            sharpness=self.sharpness**progress,
            density=falling_density(density, progress, self.ramp),
            learning_rate=self.learning_rate,
        )

    def find(self, model, data, settings, loop):
        return search_in_part(self._find, self.widest, model, data, settings, loop)

    def _find(self, model, data, settings, loop) -> SearchResult:
        gates = super().find(model, data, settings, loop)
        if fully_connected(model):
            mask, losses = self._swapped(model, gates.mask, data, loop)
        else:
            mask, losses = self._swapped_in_sets(model, gates.mask, data, loop)
        return SearchResult(
            mask,
            history=gates.history + losses,
            densities=gates.densities,
            gates=gates.gates,
        )

    def _swapped(
        self, model: keras.Model, mask: Mask, data: Data, loop: Loop
    ) -> tuple[Mask, list[float]]:
        if not self.swap_rounds:
            return mask, []
        kernels, biases = host_arrays(model)
        found, losses = swap_search(
            kernels,
            biases,
            mask,
            mask.kept,
            data.x_train.astype(np.float32),
            data.y_train,
            kind_of(data),
            SwapSettings(rounds=self.swap_rounds, wake=self.wake),
            loop,
        )
        return filled(found, mask.kept, loop.rng), losses

    def _swapped_in_sets(
        self, model: keras.Model, mask: Mask, data: Data, loop: Loop
    ) -> tuple[Mask, list[float]]:
        if not self.set_rounds:
            return mask, []
        samples = data.x_train, data.y_train, kind_of(data)
        return many_swaps(model, mask, *samples, ManySettings(self.set_rounds), loop)

    def total_epochs(self, settings):
        """As many as there are at most: which rounds are made depends on the host."""
        return self.epochs + max(self.swap_rounds, self.set_rounds) + settings.epochs
