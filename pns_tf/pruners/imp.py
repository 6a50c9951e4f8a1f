"""Iterative magnitude pruning, with weight rewinding or with learning-rate rewinding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow as tf

from pns_tf.checks import InputError, choice, integer, number
from pns_tf.hosts.models import set_masks
from pns_tf.masks import Mask
from pns_tf.pruners.magnitude import Magnitude
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import density_steps, masks_from_scores
from pns_tf.training.cosine_epoch import cosine_epoch
from pns_tf.training.epoch import train

REWINDS = ("weights", "learning_rate")


@dataclass
class IterativeMagnitudePruning(Searcher):
    """Trains, prunes a fifth of the weights by abs(θ), rewinds them, and so on.

    Each round is a whole training of ``settings.epochs`` with a learning rate that falls from its
    start to zero by a cosine; after the last pruning there is one more. Weights go back to those
    early in the first training, pruned ones left out.

    Args:
        fraction: of the weights left to be pruned in each round; rounds follow from the density.
        rewind: "weights" puts weights and learning rate back, "learning_rate" only the latter.
        rewind_epoch: of the first training, to whose end weights go back; 0 is initialisation.
        weight_decay: of every training, as in AdamW.

    Example:
        >>> original = pns_tf.pruners.get("imp", rewind_epoch=0)  # Frankle & Carbin, ICLR 2019
    """

    fraction: float = 0.2
    rewind: str = "weights"
    rewind_epoch: int = 1
    weight_decay: float = 0.0

    name = "imp"
    reference = (
        "Renda, Frankle & Carbin, Comparing Rewinding and Fine-tuning in Neural Network Pruning, "
        "ICLR 2020, arXiv 2003.02389"
    )
    heeds = frozenset({"scope"})

    def __post_init__(self):
        number(f"fraction of {self.name}", self.fraction, 0.0, 0.99, low_excluded=True)
        choice("rewind", self.rewind, REWINDS)
        integer(f"rewind_epoch of {self.name}", self.rewind_epoch, minimum=0)
        number(f"weight_decay of {self.name}", self.weight_decay, low=0.0)

    def find(self, model, data, settings, loop):
        if settings.epochs <= self.rewind_epoch:
            raise InputError(
                f"pruner {self.name!r} prunes after training and rewinds to epoch "
                f"{self.rewind_epoch}: epochs must be more, got {settings.epochs}"
            )
        epoch = cosine_epoch(model, data, settings, self.weight_decay)
        start = [tf.Variable(value) for value in model.get_weights()]  # where weights go back to

        def note(number: int) -> None:
            if number == self.rewind_epoch:
                for variable, value in zip(start, epoch.model.get_weights(), strict=True):
                    variable.assign(value)

        def trained(**noting) -> list[float]:
            weights, losses = train(
                epoch,
                model.get_weights(),
                data.x_train,
                data.y_train,
                settings.epochs,
                loop,
                **noting,
            )
            model.set_weights(weights)
            return losses

        history = trained(finished=note, noted=start)
        mask = Mask.ones_like([weight.variable for weight in prunable_weights(model)])
        scope = settings.scope or "global"
        for density in density_steps(settings.density, self._rounds(settings.density)):
            scores = Magnitude().score(model)
            mask = masks_from_scores(scores, density, scope, within=mask, rng=loop.rng)
            if self.rewind == "weights":
                model.set_weights([variable.numpy() for variable in start])
            set_masks(model, mask)
            history += trained()
        return SearchResult(mask, model.get_weights(), history)

    def total_epochs(self, settings):
        return settings.epochs * (1 + self._rounds(settings.density))

    def _rounds(self, density: float) -> int:
        return max(math.ceil(math.log(density) / math.log(1 - self.fraction) - 1e-9), 1)


@dataclass
class LearningRateRewinding(IterativeMagnitudePruning):
    """Iterative magnitude pruning that puts back the learning rate only; weights train on.

    Without weight decay, large initial values that nothing needs would never be pruned, and at low
    density layers collapse.

    Args:
        fraction: of the weights left to be pruned in each round; rounds follow from the density.
        weight_decay: of every training, as in AdamW.
    """

    rewind: str = "learning_rate"
    rewind_epoch: int = 0
    weight_decay: float = 0.1

    name = "imp_lr"
