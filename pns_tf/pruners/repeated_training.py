"""Training again and again between prunings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.tasks.task import Data
from pns_tf.training.epoch import CompiledEpoch, train


class RepeatedTraining:
    """Trains again and again, each time with a fresh optimizer.

    Args:
        data: of which the training part is used.
        rng: shuffles.
        watch: told the number of each finished epoch, counted through, and its mean loss.

    Attributes:
        history: mean loss of every epoch so far.
    """

    def __init__(
        self,
        data: Data,
        rng: np.random.Generator,
        watch: Callable[[int, float], None] | None = None,
    ):
        self._data, self._rng, self._watch = data, rng, watch
        self.history: list[float] = []

    def run(
        self,
        model: keras.Model,
        epoch: CompiledEpoch,
        epochs: int,
        finished: Callable[[int], None] = lambda number: None,
        noted: Sequence[tf.Variable] = (),
    ) -> None:
        """Trains from where the model's weights are.

        Args:
            model: trained in place.
            epoch: compiled for models like this one.
            epochs: how many.
            finished: called after each of them with its number in this training.
            noted: variables that ``finished`` writes to.
        """
        done = len(self.history)

        def watch(number: int, loss: float) -> None:
            if self._watch:
                self._watch(done + number, loss)

        weights, losses = train(
            epoch,
            model.get_weights(),
            self._data.x_train,
            self._data.y_train,
            epochs,
            self._rng,
            watch,
            finished=finished,
            noted=noted,
        )
        model.set_weights(weights)
        self.history += losses
