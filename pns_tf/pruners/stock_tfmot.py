"""TF-MOT's own magnitude pruning during training, as a pruner of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from pns_tf.checks import InputError, integer, number
from pns_tf.hosts.models import set_masks
from pns_tf.masks import Mask
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tasks.task import kind_of
from pns_tf.training.losses import LOSSES

_sparsity = tfmot.sparsity.keras


@dataclass
class StockTFMOT(Searcher):
    """``prune_low_magnitude`` with a polynomial schedule during training, as it comes with TF-MOT.

    Sparsity grows to its goal until ``end`` of the training is over; the rest trains the ticket.
    TF-MOT prunes each weight array by itself and keeps at least one entry of each.

    Args:
        power: of the polynomial.
        frequency: training steps between two updates of the masks, fewer in a short training.
        end: fraction of the training steps after which nothing more is pruned.
    """

    power: float = 3.0
    frequency: int = 20
    end: float = 0.5

    name = "tfmot"
    reference = "Zhu & Gupta, To Prune, or Not to Prune, ICLR Workshop 2018, arXiv 1710.01878"

    def __post_init__(self):
        number("power", self.power, low=0.0, low_excluded=True)
        integer("frequency", self.frequency, minimum=1)
        number("end", self.end, low=0.0, high=1.0)

    def find(self, model, data, settings, loop):
        steps = -(-len(data.x_train) // settings.batch_size) * settings.epochs
        if not steps:
            raise InputError(f"pruner {self.name!r} prunes while it trains: epochs must not be 0")
        frequency = max(min(self.frequency, int(self.end * steps)), 1)
        last = max(int(self.end * steps) // frequency, 1) * frequency
        schedule = _sparsity.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=1.0 - settings.density,
            begin_step=0,
            end_step=last,
            power=self.power,
            frequency=frequency,
        )
        wrapped = _sparsity.prune_low_magnitude(model, pruning_schedule=schedule)
        optimizer = keras.optimizers.Adam(settings.learning_rate)
        optimizer.build(wrapped.trainable_variables)
        wrapped.compile(optimizer, LOSSES[kind_of(data)])
        step_counter = _sparsity.UpdatePruningStep()

        def step(number: int) -> float:
            order = loop.shuffled(len(data.x_train))
            fit = wrapped.fit(
                tf.constant(data.x_train[order]),
                tf.constant(data.y_train[order]),
                batch_size=settings.batch_size,
                shuffle=False,
                verbose=0,
                callbacks=[step_counter],
            )
            return fit.history["loss"][0]

        state = [*wrapped.variables, *optimizer.variables]
        history = loop.run(settings.epochs, step, state)
        mask = Mask(weight.mask.numpy() for weight in prunable_weights(wrapped))
        set_masks(model, mask)
        return SearchResult(mask, model.get_weights(), history)
