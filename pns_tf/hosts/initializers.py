"""How a host is drawn: arrays only, no network yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from pns_tf.checks import choice
from pns_tf.memory import WEIGHT, check_memory
from pns_tf.seeding import generator

Arrays = tuple[list[np.ndarray], list[np.ndarray]]


def _gaussian(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(scale)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> np.ndarray:
    bound = np.float32(scale)
    return (rng.random(shape, dtype=np.float32) * 2 - 1) * bound


def _draw(
    sizes: Sequence[int],
    rng: np.random.Generator,
    draw: Callable[[np.random.Generator, tuple[int, ...], float], np.ndarray],
    gain: float,
) -> Arrays:
    """Kernels of scale √(gain / n_{l−1}); biases of the product of these scales so far."""
    scales = [math.sqrt(gain / fan_in) for fan_in in sizes[:-1]]
    shapes = list(pairwise(sizes))
    kernels = [draw(rng, shape, scale) for shape, scale in zip(shapes, scales, strict=True)]
    biases = [
        draw(rng, (width,), math.prod(scales[: layer + 1])) for layer, width in enumerate(sizes[1:])
    ]
    return kernels, biases


def normal(sizes: Sequence[int], rng: np.random.Generator) -> Arrays:
    """Kernels N(0, 2/n_{l−1}), biases N(0, Π_{k≤l} 2/n_{k−1}): the paper's non-zero biases."""
    return _draw(sizes, rng, _gaussian, gain=2.0)


def zero_biases(sizes: Sequence[int], rng: np.random.Generator) -> Arrays:
    """Kernels N(0, 2/n_{l−1}) as in He et al. (2015), biases zero."""
    kernels, biases = normal(sizes, rng)
    return kernels, [np.zeros_like(bias) for bias in biases]


def uniform(sizes: Sequence[int], rng: np.random.Generator) -> Arrays:
    """Kernels U[−σ_l, σ_l], biases U[−Πσ, Πσ] (the paper's Theorem 2), σ_l = √(6/n_{l−1}).

    With this σ a kernel's variance is 2/n_{l−1}, as in the normal initialisation.
    """
    return _draw(sizes, rng, _uniform, gain=6.0)


INITIALIZERS = {"normal": normal, "zero_biases": zero_biases, "uniform": uniform}


def draw_host(sizes: Sequence[int], seed: int = 0, init: str = "normal") -> Arrays:
    """Draws the parameters of a fully connected host.

    Args:
        sizes: neurons in each layer, input first.
        seed: non-negative integer.
        init: "normal", "zero_biases" or "uniform".

    Returns:
        Kernels ``(fan_in, fan_out)`` and biases ``(fan_out,)``, float32.

    Raises:
        ValueError: unknown ``init``, negative seed, or more than fits into memory.

    Example:
        >>> kernels, biases = draw_host([1, 100, 100, 3], seed=1)
        >>> kernels[1].shape, biases[2].shape
        ((100, 100), (3,))
    """
    initializer = INITIALIZERS[choice("init", init, INITIALIZERS)]
    weights = sum(a * b for a, b in pairwise(sizes))
    check_memory(f"a host of {len(sizes)} layers, up to {max(sizes)} wide,", WEIGHT * weights)
    return initializer(sizes, generator(seed, "host"))


def host_sizes(inputs: int, outputs: int, depth: int, width: int) -> list[int]:
    """Neurons in each layer of a host whose hidden layers all have one width."""
    return [inputs] + [width] * (depth - 2) + [outputs]
