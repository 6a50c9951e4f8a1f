"""The optimizers that a ticket may be trained by, and how their learning rate falls."""

from __future__ import annotations

import tf_keras as keras

from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import kind_of
from pns_tf.training.compiled import compiled
from pns_tf.training.epoch import CompiledEpoch, compiled_epoch
from pns_tf.training.losses import LOSSES

MOMENTUM = 0.9  # of SGD


def chosen_epoch(
    model: keras.Model, data: Data, settings: SeekSettings, epochs: int
) -> CompiledEpoch:
    """The compiled epoch of a training as its settings say.

    Args:
        model: gives the architecture; the epoch has a model of its own.
        data: gives the number of steps and the kind of task.
        settings: optimizer, learning rate and its schedule, batch size.
        epochs: of this training, within which a cosine falls to zero; it begins anew when the
            optimizer is reset, as `pns_tf.training.epoch.train` does.

    Example:
        >>> settings = SeekSettings(optimizer="sgd", schedule_lr="cosine", learning_rate=0.1)
        >>> epoch = chosen_epoch(host, tasks.get("relu").data(100), settings, epochs=5)
    """
    kind, rate, batch = kind_of(data), settings.learning_rate, settings.batch_size
    if (settings.optimizer, settings.schedule_lr) == ("adam", "constant"):
        return compiled_epoch(model, kind, rate, batch)
    falls = settings.schedule_lr == "cosine"
    steps = max(-(-len(data.x_train) // batch) * epochs, 1) if falls else 0
    return compiled(_epoch, model, kind, settings.optimizer, rate, batch, steps)


def _epoch(
    model: keras.Model, kind: Kind, name: str, learning_rate: float, batch_size: int, steps: int
) -> CompiledEpoch:
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, steps) if steps else learning_rate
    optimizers = {
        "adam": lambda: keras.optimizers.Adam(rate),
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=MOMENTUM),
    }
    return CompiledEpoch(model, LOSSES[kind], optimizers[name](), batch_size)
