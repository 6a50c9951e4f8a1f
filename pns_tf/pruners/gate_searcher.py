"""What all searchers with gates share: the epochs, the density on the way, the hard mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError, integer, number
from pns_tf.gates.density import START
from pns_tf.gates.epoch import Controls, GateEpoch, GateSettings, gate_epoch
from pns_tf.gates.hardening import hardened
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.models import masked_layers
from pns_tf.pruners.base import TRAINED_BY
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import keep_highest
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import Data, kind_of
from pns_tf.training.checkpoints import Note
from pns_tf.training.loop import Loop


@dataclass
class GateSearcher(Searcher):
    """A searcher that leaves the weights alone and trains a gate for each weight and bias.

    A new one overrides `schedule`, and `compiled_for` unless its gates are sigmoids under a
    penalty. In the end exactly round(density × count) parameters are kept, see
    `pns_tf.gates.hardening`.

    Args:
        epochs: of the search.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the search.
    """

    epochs: int = 100
    learning_rate: float = 0.02
    gate_batch_size: int = 128

    heeds = frozenset({"augmented", *TRAINED_BY})
    # Whether the gates keep to the number asked for by themselves, so that the highest scores are
    # the ticket; otherwise `hardened` makes up for what they miss.
    exact = False

    def __post_init__(self):
        integer(f"epochs of {self.name}", self.epochs, minimum=1)
        integer(f"gate_batch_size of {self.name}", self.gate_batch_size, minimum=1)
        number(f"learning_rate of {self.name}", self.learning_rate, 0.0, low_excluded=True)

    def compiled_for(self, model: keras.Model, kind: Kind) -> GateSettings:
        """What the epochs are compiled for, by the host and the kind of the task."""
        return GateSettings(kind, batch_size=self.gate_batch_size)

    def schedule(self, openness: Sequence[float], density: float) -> Controls:
        """The controls of the next epoch.

        They follow from nothing else, so that a search that was stopped can go on.

        Args:
            openness: of all gates, on average, before the first epoch and after each one so far.
            density: fraction of the parameters that the ticket will keep.
        """
        raise InputError(f"pruner {self.name!r} has no schedule: expected one that overrides it")

    def close(self, epoch: GateEpoch, done: int, density: float, rng: np.random.Generator) -> None:
        """Closes gates for good after an epoch, see `GateEpoch.freeze`; by default none.

        Args:
            epoch: as its last run has left it.
            done: epochs so far.
            density: fraction of the parameters that the ticket will keep.
            rng: for everything random.
        """

    def first_scores(self, epoch: GateEpoch, rng: np.random.Generator) -> list[np.ndarray]:
        """What the scores begin with, one array for each prunable weight; half open gates."""
        return [np.zeros(score.shape) for score in epoch.scores]

    def find(self, model, data, settings, loop):
        epoch, history, densities = self.train_gates(model, data, settings.density, loop)
        count, scores = round(settings.density * epoch.size), epoch.ranking()
        if self.exact:
            mask = keep_highest(scores, count, rng=loop.rng)
        else:
            is_host = 2 * len(masked_layers(model)) == len(scores)
            is_chain = is_host and wiring_of(model).is_chain
            values = [weight.variable.numpy() for weight in prunable_weights(model)]
            mask = hardened(
                scores, epoch.opened(), values, count, loop.rng, without_branches=is_chain
            )
        gates = (epoch.network(epoch.masks()), epoch.network(mask))
        return SearchResult(mask, history=history, densities=densities, gates=gates)

    def total_epochs(self, settings):
        return self.epochs + settings.epochs

    def train_gates(
        self, model: keras.Model, data: Data, density: float, loop: Loop
    ) -> tuple[GateEpoch, list[float], list[float]]:
        """Runs the epochs; returns what they leave, their mean losses and their mean openness."""
        epoch = gate_epoch(model, self.compiled_for(model, kind_of(data)))
        epoch.start(self.first_scores(epoch, loop.rng), data.x_train, data.y_train)
        openness = Note(np.full(1 + self.epochs, START))

        def controls(number: int) -> Controls:
            return self.schedule(openness.value[:number].tolist(), density)

        def step(number: int) -> float:
            order, noise = loop.shuffled(len(data.x_train)), int(loop.rng.integers(2**20))
            return epoch(data.x_train, data.y_train, order, controls(number), noise)

        def finished(number: int) -> None:
            openness.value[number] = epoch.openness
            self.close(epoch, number, density, loop.rng)

        history = loop.run(self.epochs, step, [*epoch.state, openness], finished)
        epoch.use_gates(controls(self.epochs))
        return epoch, history, openness.value[1:].tolist()
