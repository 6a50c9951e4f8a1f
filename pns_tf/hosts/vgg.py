"""VGG networks as hosts (Simonyan & Zisserman 2015), without batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from pns_tf.hosts.layers import PlantedConv2D, PlantedDense
from pns_tf.hosts.models import host_arrays, set_parameters
from pns_tf.hosts.vgg_plans import check_plan
from pns_tf.seeding import generator

BIAS_GAIN = 0.06
FRESH = "fresh host"  # stream of hosts that tickets are planted into, unlike the one of their own


def build_vgg(
    plan: str | Sequence[int | str] = "vgg16",
    shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width_multiplier: float = 1.0,
    name: str = "host",
) -> keras.Model:
    """Builds a VGG network; parameters not yet set.

    Convolutions of 3 × 3 padded by 1 with ReLU, max pooling of 2 × 2, global average pooling and
    one dense layer.

    Args:
        plan: "vgg11", "vgg13", "vgg16", "vgg19", or channels of each convolution and "M" for each
            pooling, such as ``(8, "M", 16)``.
        shape: rows, columns and channels of an image.
        classes: number of outputs.
        width_multiplier: of all channels in the plan, rounded, at least 1.
        name: the model's name.

    Returns:
        A functional model from ``(batch, *shape)`` to ``(batch, classes)``, raw logits.

    Raises:
        ValueError: unknown plan, a value out of range, or images that are too small to be pooled
            so often.

    Example:
        >>> build_vgg("vgg16", width_multiplier=0.25).count_params() < 3e6
        True
    """
    channels = check_plan(plan, shape, classes, width_multiplier)
    inputs = h = keras.Input(tuple(shape), name="x")
    layer = 0
    for step in channels:
        if step == "M":
            h = keras.layers.MaxPooling2D(name=f"pool{layer}")(h)
        else:
            h = PlantedConv2D(step, 3, activation="relu", name=f"layer{layer}")(h)
            layer += 1
    h = keras.layers.GlobalAveragePooling2D(name="average")(h)
    return keras.Model(inputs, PlantedDense(classes, name=f"layer{layer}")(h), name=name)


def draw_parameters(model: keras.Model, seed: int = 0, stream: str = "host") -> keras.Model:
    """Draws all parameters of a host: weights N(0, 2/fan-in), biases N(0, g_l²).

    The fan-in of a convolution is its kernel's area × input channels, and
    g_l = 0.06 Π_{k≤l} √(2/fan-in_k).

    Args:
        model: any host.
        seed: non-negative integer.
        stream: another one gives other parameters for the same seed.

    Returns:
        The same model.

    Example:
        >>> vgg = draw_parameters(build_vgg((8, "M", 16), shape=(8, 8, 3)), seed=1)
    """
    rng = generator(seed, stream)
    gain = BIAS_GAIN
    kernels, biases = [], []
    for kernel in host_arrays(model)[0]:
        scale = math.sqrt(2.0 / math.prod(kernel.shape[:-1]))
        gain *= scale
        kernels.append(rng.standard_normal(kernel.shape, np.float32) * np.float32(scale))
        biases.append(rng.standard_normal(kernel.shape[-1:], np.float32) * np.float32(gain))
    set_parameters(model, kernels, biases)
    return model


def vgg_host(
    plan: str | Sequence[int | str] = "vgg16",
    shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width_multiplier: float = 1.0,
    seed: int = 0,
    stream: str = "host",
) -> keras.Model:
    """A VGG host with random parameters; arguments as for `build_vgg` and `draw_parameters`.

    Example:
        >>> host = vgg_host((8, "M", 16), shape=(8, 8, 3), classes=4, seed=1)
        >>> host(np.ones((1, 8, 8, 3), np.float32)).shape
        TensorShape([1, 4])
    """
    return draw_parameters(build_vgg(plan, shape, classes, width_multiplier), seed, stream)
