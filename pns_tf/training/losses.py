"""What is minimised, for each kind of task."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION

LOSSES = {
    CLASSIFICATION: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    REGRESSION: keras.losses.MeanSquaredError(),
}


def default_loss(y: tf.Tensor) -> keras.losses.Loss:
    """The loss for labels of a model that is not compiled: cross entropy for integers, else MSE."""
    return LOSSES[CLASSIFICATION if y.dtype.is_integer else REGRESSION]
