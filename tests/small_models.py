"""Small models and samples for tests of pruners: a host, and a network with all kinds of layers."""

from itertools import pairwise

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.hosts.models import host_from_arrays


def small_host(seed=0, sizes=(2, 6, 5, 3)):
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return host_from_arrays(kernels, [rng.normal(size=n) for n in sizes[1:]])


def samples(inputs=2, classes=3, n=12):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, inputs)).astype(np.float32), np.arange(n) % classes


def convnet():
    """Convolution, batch normalisation with statistics of its own, and a nested model."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    encoder = keras.Sequential(
        [layers.Dense(6, input_shape=(12,), name="first"), layers.BatchNormalization()],
        name="encoder",
    )
    x = keras.Input((5, 5, 1))
    h = layers.Conv2D(3, 2, strides=2, activation="relu", name="conv")(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = encoder(layers.Flatten()(h))
    model = keras.Model(x, layers.Dense(2, use_bias=False, name="last")(h))
    for variable in model.trainable_variables:
        variable.assign(variable + tf.random.normal(variable.shape, stddev=0.3, seed=1))
    return model


def images(n=8):
    rng = np.random.default_rng(2)
    return rng.normal(size=(n, 5, 5, 1)).astype(np.float32), np.arange(n) % 2


def bits(model):
    return [variable.numpy().tobytes() for variable in model.variables]
