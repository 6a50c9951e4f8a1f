"""The last training of a ranking: the same for every ticket, and one that spoils none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.models import host_arrays, masks_of, set_parameters
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import kind_of
from pns_tf.training.compiled import compiled
from pns_tf.training.epoch import CompiledEpoch, train
from pns_tf.training.loop import Loop
from pns_tf.training.losses import LOSSES
from pns_tf.training.schedules import WARM_UP, rising_and_falling
from pns_tf.training.sparse import train_sparse

RATES = (1e-2, 3e-3, 1e-3)  # of Adam; each is tried
TRIAL_EPOCHS = 5
EPOCHS = 100  # with the rate whose trial ends with the lowest loss
BATCH_SIZE = 128
SPARSE = 4000  # parameters; so few are trained along them alone, which takes less time


class WarmCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from zero, then falls to zero by a cosine.

    Attributes:
        peak: the highest rate, a variable, so that what is compiled serves for all.
        steps: after so many it is zero; a variable, too.

    Example:
        >>> rate = WarmCosine()
        >>> _ = rate.peak.assign(0.1), rate.steps.assign(100)
        >>> [round(float(rate(step)), 3) for step in (0, 4, 52, 100)]
        [0.02, 0.1, 0.05, 0.0]
    """

    def __init__(self):
        self.peak = tf.Variable(1e-3, trainable=False)
        self.steps = tf.Variable(1.0, trainable=False)

    def __call__(self, step):
        done = tf.cast(step, tf.float32)
        warm = tf.maximum(tf.round(WARM_UP * self.steps), 1.0)
        rising = (done + 1) / warm
        left = (done + 1 - warm) / tf.maximum(self.steps + 1 - warm, 1.0)
        falling = 0.5 * (1 + tf.cos(np.pi * tf.clip_by_value(left, 0.0, 1.0)))
        return self.peak * tf.minimum(rising, falling)

    def get_config(self):
        """Nothing: peak and steps are set from outside."""
        return {}


class LastEpoch(CompiledEpoch):
    """An epoch whose learning rate follows `WarmCosine`.

    Args:
        model: any functional model.
        kind: of the task.
    """

    def __init__(self, model: keras.Model, kind: Kind):
        self.rate = WarmCosine()
        super().__init__(model, LOSSES[kind], keras.optimizers.Adam(self.rate), BATCH_SIZE)


def few(model: keras.Model) -> bool:
    """Whether so few parameters are left of a fully connected network."""
    return fully_connected(model) and masks_of(model).kept <= SPARSE


@dataclass(frozen=True, eq=False)
class Trained:
    """What the trainings of `last_training` have led to.

    Attributes:
        weights: the initial ones, then those after the best trial and after the long training, as
            ``model.get_weights()``.
        rate: the learning rate of the long training; NaN if all trials have diverged.
        epochs: of all trainings.
    """

    weights: Sequence[list[np.ndarray]]
    rate: float
    epochs: int


def last_training(model: keras.Model, data: Data, rng: np.random.Generator) -> Trained:
    """Trains a masked network from its own parameters, with the learning rate that suits it.

    Adam, batch size 128. For each rate of `RATES` a trial of 5 epochs, in which the rate rises for
    5 % of the steps and falls to zero by a cosine; that with the lowest loss in its last epoch
    trains for 100 epochs, from the same parameters, likewise. A training that diverges is left out.

    Args:
        model: with pruning masks, as small as it can be; it stays as it is.
        data: of which the training part is used.
        rng: shuffles.

    Example:
        >>> trained = last_training(host, Data(x, y, x, y), rng)
        >>> len(trained.weights), trained.rate in RATES
        (3, True)
    """
    initial = model.get_weights()
    train_from = _along_few(model, data) if few(model) else _compiled(model, data)

    def trained(rate: float, count: int) -> tuple[float, list[np.ndarray]] | None:
        loop = Loop(rng)
        try:
            weights = train_from(rate, count, loop)
        except InputError:  # the loss is no number any more
            return None
        return loop.history[-1], weights

    tried = {rate: trained(rate, TRIAL_EPOCHS) for rate in RATES}
    ended = {rate: trial for rate, trial in tried.items() if trial is not None}
    if not ended:
        return Trained([initial], float("nan"), len(RATES) * TRIAL_EPOCHS)
    best = min(ended, key=lambda rate: ended[rate][0])
    long = trained(best, EPOCHS)
    after = [ended[best][1], *([] if long is None else [long[1]])]
    return Trained([initial, *after], best, len(RATES) * TRIAL_EPOCHS + EPOCHS)


Training = Callable[[float, int, Loop], list[np.ndarray]]  # rate, epochs → the model's weights


def _compiled(model: keras.Model, data: Data) -> Training:
    epoch = compiled(LastEpoch, model, kind_of(data))
    initial, steps = model.get_weights(), -(-len(data.x_train) // BATCH_SIZE)

    def trained(rate: float, count: int, loop: Loop) -> list[np.ndarray]:
        epoch.rate.peak.assign(rate)
        epoch.rate.steps.assign(count * steps)
        return train(epoch, initial, data.x_train, data.y_train, count, loop)[0]

    return trained


def _along_few(model: keras.Model, data: Data) -> Training:
    mask, arrays, initial = masks_of(model), host_arrays(model), model.get_weights()

    def trained(rate: float, count: int, loop: Loop) -> list[np.ndarray]:
        found = train_sparse(
            *arrays,
            mask,
            data.x_train,
            data.y_train,
            kind_of(data),
            count,
            loop,
            learning_rate=rate,
            batch_size=BATCH_SIZE,
            share=rising_and_falling,
        )
        set_parameters(model, *found)
        weights = model.get_weights()
        model.set_weights(initial)
        return weights

    return trained
