"""Random parameters for hosts of any kind of layers."""

from __future__ import annotations

import math

import numpy as np
import tf_keras as keras

from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.models import host_arrays, set_parameters
from pns_tf.seeding import generator

BIAS_GAIN = 0.06


def draw_parameters(model: keras.Model, seed: int = 0, stream: str = "host") -> keras.Model:
    """Draws all parameters of a host: weights N(0, 2/fan-in), biases N(0, g_l²).

    The fan-in of a convolution is its kernel's area × input channels, and
    g_l = 0.06 Π_{k≤l} √(2/fan-in_k). Biases that batch normalisation takes out again are zero; it
    stays as it is.

    Args:
        model: any host.
        seed: non-negative integer.
        stream: another one gives other parameters for the same seed.

    Returns:
        The same model.

    Example:
        >>> from pns_tf.hosts.vgg import build_vgg
        >>> vgg = draw_parameters(build_vgg((8, "M", 16), shape=(8, 8, 3)), seed=1)
    """
    rng = generator(seed, stream)
    gain = BIAS_GAIN
    kernels, biases = [], []
    normed = wiring_of(model).followed_by_norm
    for kernel, unbiased in zip(host_arrays(model)[0], normed, strict=True):
        scale = math.sqrt(2.0 / math.prod(kernel.shape[:-1]))
        gain *= scale
        kernels.append(rng.standard_normal(kernel.shape, np.float32) * np.float32(scale))
        bias = np.zeros(kernel.shape[-1:], np.float32)
        if not unbiased:
            bias = rng.standard_normal(bias.shape, np.float32) * np.float32(gain)
        biases.append(bias)
    set_parameters(model, kernels, biases)
    return model
