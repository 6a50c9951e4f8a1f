"""What all searchers with gates share: the epochs, the density on the way, the hard mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import InputError, integer, number
from pns_tf.gates.epoch import Controls, GateEpoch, GateSettings, gate_epoch
from pns_tf.gates.hardening import hardened
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import masked_layers
from pns_tf.measuring.evaluation import evaluate_strong
from pns_tf.pruners.searcher import Searcher, SearchResult
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import keep_highest
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import Data, kind_of


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

    # Whether the gates keep to the number asked for by themselves, so that the highest scores are
    # the ticket; otherwise `hardened` makes up for what they miss.
    exact = False

    def __post_init__(self):
        integer(f"epochs of {self.name}", self.epochs, minimum=1)
        integer(f"gate_batch_size of {self.name}", self.gate_batch_size, minimum=1)
        number(f"learning_rate of {self.name}", self.learning_rate, 0.0, low_excluded=True)

    def compiled_for(self, kind: Kind) -> GateSettings:
        """What the epochs are compiled for, by the kind of the task."""
        return GateSettings(kind, batch_size=self.gate_batch_size)

    def schedule(
        self, epoch: GateEpoch, density: float, rng: np.random.Generator
    ) -> Iterator[Controls]:
        """Yields the controls of one epoch after the other.

        Args:
            epoch: as the epoch before has left it, with its ``openness``.
            density: fraction of the parameters that the ticket will keep.
            rng: for everything random.
        """
        raise InputError(f"pruner {self.name!r} has no schedule: expected one that overrides it")

    def first_scores(self, epoch: GateEpoch, rng: np.random.Generator) -> list[np.ndarray]:
        """What the scores begin with, one array for each prunable weight; half open gates."""
        return [np.zeros(score.shape) for score in epoch.scores]

    def search(self, model, data, settings, rng, watch=None):
        epoch, history, densities = self.train_gates(model, data, settings.density, rng, watch)
        count, scores = round(settings.density * epoch.size), epoch.ranking()
        if self.exact:
            mask = keep_highest(scores, count, rng=rng)
        else:
            is_host = 2 * len(masked_layers(model)) == len(scores)
            values = [weight.variable.numpy() for weight in prunable_weights(model)]
            mask = hardened(scores, epoch.opened(), values, count, rng, without_branches=is_host)
        soft = evaluate_strong(forward(epoch.model), kind_of(data), data).metric
        epoch.use_masks(mask)
        hard = evaluate_strong(forward(epoch.model), kind_of(data), data).metric
        metrics = {"soft": soft, "soft_hard_gap": abs(soft - hard)}
        return SearchResult(mask, history=history, densities=densities, metrics=metrics)

    def total_epochs(self, settings):
        return self.epochs + settings.epochs

    def train_gates(
        self, model, data: Data, density: float, rng: np.random.Generator, watch=None
    ) -> tuple[GateEpoch, list[float], list[float]]:
        """Runs the epochs; returns what they leave, their mean losses and their mean openness."""
        epoch = gate_epoch(model, self.compiled_for(kind_of(data)))
        epoch.start(self.first_scores(epoch, rng), data.x_train, data.y_train)
        history, densities = [], []
        for done, controls in enumerate(self.schedule(epoch, density, rng), start=1):
            order = rng.permutation(len(data.x_train)).astype(np.int32)
            noise = int(rng.integers(2**20))
            history.append(epoch(data.x_train, data.y_train, order, controls, noise))
            densities.append(epoch.openness)
            if not np.isfinite(history[-1]):
                raise InputError(f"search diverged: the loss of epoch {done} is {history[-1]}")
            if watch:
                watch(done, history[-1])
        epoch.use_gates(controls)
        return epoch, history, densities
