"""Outputs of a network for many samples at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

IMAGES = 250  # at once: the activations of VGG16 are 1.3 MB an image, and larger batches no faster


def takes_images(model: keras.Model) -> bool:
    """Whether a model's samples have more than one axis."""
    return len(model.input_shape) > 2


def forward(model: keras.Model) -> Callable[[np.ndarray], tf.Tensor | np.ndarray]:
    """The model's outputs in inference mode, as a function of any number of samples.

    Images go through a compiled function in batches; anything else is small enough as it is.

    Example:
        >>> forward(host)(np.ones((5, 2), np.float32)).shape
        TensorShape([5, 2])
    """
    if not takes_images(model):
        return model
    images = tf.TensorSpec(model.input_shape, tf.float32)
    compute = tf.function(lambda x: model(x, training=False)).get_concrete_function(images)

    def outputs(x: np.ndarray) -> np.ndarray:
        starts = range(0, len(x), IMAGES)
        batches = [compute(tf.constant(x[i : i + IMAGES], tf.float32)) for i in starts]
        return np.concatenate(batches)

    return outputs
