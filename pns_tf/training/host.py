"""Training of a masked host, whichever layers it has."""

from __future__ import annotations

import tf_keras as keras

from pns_tf.hosts.compaction import compact
from pns_tf.hosts.forward import takes_images
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.task import Data
from pns_tf.training.epoch import train
from pns_tf.training.loop import Loop
from pns_tf.training.optimizers import chosen_epoch
from pns_tf.training.validation import Images, ValidationCurve


def train_host(
    model: keras.Model,
    data: Data,
    settings: SeekSettings,
    epochs: int,
    loop: Loop,
    validate: bool = False,
) -> list[float]:
    """Trains what the masks leave of a host, in place.

    A host on images is trained in compacted form, see `pns_tf.hosts.compaction`.

    Args:
        model: the host.
        data: of which the training part is used.
        settings: optimizer, learning rate and its schedule, batch size.
        epochs: how many.
        loop: runs them.
        validate: whether to judge the host on held-out images after each of them; ``data`` are
            `pns_tf.training.validation.Images` then.

    Returns:
        The accuracy on the held-out images after each epoch, if they are judged.

    Example:
        >>> planted, settings = pns_tf.plant("relu"), SeekSettings()
        >>> loop = Loop(rng)
        >>> train_host(planted.host, planted.data(100), settings, 2, loop)
        []
        >>> len(loop.history)
        2
    """
    small = compact(model) if takes_images(model) else None
    trained = small.model if small else model
    epoch = chosen_epoch(trained, data, settings, epochs)
    judged = data if validate and isinstance(data, Images) else None
    curve = ValidationCurve(epoch.model, judged, epochs) if judged else None
    weights, _ = train(
        epoch, trained.get_weights(), data.x_train, data.y_train, epochs, loop, validation=curve
    )
    trained.set_weights(weights)
    if small:
        small.put_back(model)
    return curve.values.numpy().tolist() if curve else []
