"""Images of which some are held out from training, and the accuracy on these after each epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.hosts.forward import forward
from pns_tf.tasks import Data
from pns_tf.tasks.metrics import accuracy


@dataclass(frozen=True, eq=False)
class Images(Data):
    """Images with classes; what is not for training is split into validation and test set.

    Attributes:
        x_train: float32 ``(n, rows, columns, channels)`` in [−1, 1].
        y_train: int32 ``(n,)``.
        x_test, y_test: the data set's own test part, the same.
        x_validation, y_validation: the first tenth of the training part, held out from it.
        names: of the classes; empty if they are not known.
    """

    x_validation: np.ndarray
    y_validation: np.ndarray
    names: tuple[str, ...] = ()


class ValidationCurve:
    """Judges a network on the held-out images after each epoch.

    Args:
        network: what is trained.
        data: with ``x_validation`` and ``y_validation``.
        epochs: how many there will be.

    Attributes:
        values: variable ``(epochs,)``, the accuracy after each one, NaN where it is not known yet;
            a variable, so that it is kept and restored with the rest of a training's state.

    Example:
        >>> from pns_tf.hosts.vgg import vgg_host
        >>> network = vgg_host((8, "M", 16), shape=(8, 8, 3), classes=4)
        >>> x, y = np.ones((6, 8, 8, 3), np.float32), np.zeros(6, np.int32)
        >>> curve = ValidationCurve(network, Images(x, y, x, y, x, y), epochs=2)
        >>> curve.judge(1)
        >>> np.isfinite(curve.values.numpy()).tolist()
        [True, False]
    """

    def __init__(self, network: keras.Model, data: Images, epochs: int):
        self._outputs = forward(network)
        self._data = data
        self.values = tf.Variable(np.full(epochs, np.nan, np.float32))

    def judge(self, epoch: int) -> None:
        """Takes the accuracy after an epoch, counted from 1."""
        outputs = self._outputs(self._data.x_validation)
        self.values[epoch - 1].assign(accuracy(outputs, self._data.y_validation))
