"""Training with a learning rate that falls to zero."""

from __future__ import annotations

import tf_keras as keras

from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import kind_of
from pns_tf.training.compiled import compiled
from pns_tf.training.epoch import CompiledEpoch
from pns_tf.training.losses import LOSSES


def cosine_epoch(
    model: keras.Model, data: Data, settings: SeekSettings, weight_decay: float = 0.0
) -> CompiledEpoch:
    """A compiled Adam epoch whose learning rate falls to zero within ``settings.epochs``.

    It falls by a cosine, step by step, and is back at its start when the optimizer is reset, as
    `pns_tf.training.epoch.train` does.

    Args:
        model: gives the architecture; the epoch has a model of its own.
        data: gives the number of steps and the kind of task.
        settings: epochs, batch size, and the learning rate to start from.
        weight_decay: decoupled from the gradient, as in AdamW.
    """
    steps = -(-len(data.x_train) // settings.batch_size) * settings.epochs
    return compiled(
        _falling_epoch,
        model,
        kind_of(data),
        settings.learning_rate,
        settings.batch_size,
        max(steps, 1),
        weight_decay,
    )


def _falling_epoch(
    model: keras.Model,
    kind: Kind,
    learning_rate: float,
    batch_size: int,
    steps: int,
    weight_decay: float,
) -> CompiledEpoch:
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(rate, weight_decay=weight_decay or None)
    return CompiledEpoch(model, LOSSES[kind], optimizer, batch_size)
