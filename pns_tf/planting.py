"""Planting (Plant 'n' Seek, Algorithm 1 and A.3): hides a target among a host's parameters.

Array code only: it needs no TensorFlow and costs about as much as drawing the host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

import tasks
from pns_tf.initializers import host_sizes
from pns_tf.seeding import generator
from tasks.checks import InputError, integer
from tasks.task import Target, check_layers

RANGE_MARGIN = 1e-6  # keeps a planted value inside its layer's range after rounding to float32
LARGEST_SCALE = 1.0 / float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class PlantedArrays:
    """A host with a target planted into it.

    Attributes:
        kernels: the host's kernels, float32 ``(fan_in, fan_out)`` each.
        biases: the host's biases, float32 ``(fan_out,)`` each.
        kernel_masks: bool, where a kernel entry belongs to the planted ticket.
        bias_masks: bool, the same for biases.
        neurons: for each layer of weights, the host neuron that carries each target neuron.
        scales: float64 ``(outputs,)``: ticket outputs divided by these equal the target's.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    kernel_masks: list[np.ndarray]
    bias_masks: list[np.ndarray]
    neurons: list[np.ndarray]
    scales: np.ndarray


def plant_arrays(
    target: Target,
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    *,
    hide_biases: bool = False,
    seed: int = 0,
) -> PlantedArrays:
    """Plants ``target`` into a copy of the host given by ``kernels`` and ``biases``.

    Layer by layer each target neuron, with non-zero parameters θ, takes the place of the host
    neuron whose parameters m fit it best up to a positive scale λ; its parameters become θ/λ.

    Args:
        target: the network to plant.
        kernels: the host's kernels, ``(fan_in, fan_out)`` each.
        biases: the host's biases, ``(fan_out,)`` each.
        hide_biases: leave the host's bias where the target's is zero, masked out of the ticket,
            instead of writing an exact zero.
        seed: decides between host neurons that fit equally well, as all do that need only the
            right sign; otherwise tickets would always lie in the first of them.

    Raises:
        ValueError: the target is wider or deeper than the host, or values are not finite, or so
            many layers scale the ticket down that float32 cannot hold it.

    Example:
        >>> import tasks
        >>> from pns_tf.initializers import draw_host
        >>> planted = plant_arrays(tasks.get("relu").target(3), *draw_host([1, 50, 1]))
        >>> [int(mask.sum()) for mask in planted.kernel_masks]
        [1, 1]
    """
    kernels, biases = check_layers("host", kernels, biases, np.float32)
    check_fit(target.shape, (kernels[0].shape[0], *(kernel.shape[1] for kernel in kernels)))
    planted = PlantedArrays(
        kernels=kernels,
        biases=biases,
        kernel_masks=[np.zeros(kernel.shape, bool) for kernel in kernels],
        bias_masks=[np.zeros(bias.shape, bool) for bias in biases],
        neurons=[],
        scales=np.ones(target.shape[-1]),
    )
    sources = np.arange(target.shape[0])  # host neurons that feed this layer's target neurons
    carried = np.ones(target.shape[0])  # λ of each: target activation = λ × host activation
    last = len(kernels) - 1
    rng = generator(seed, "planting")
    for layer, (target_kernel, target_bias) in enumerate(
        zip(target.kernels, target.biases, strict=True)
    ):
        theta = np.vstack([target_bias, target_kernel * carried[:, None]])
        offered = np.vstack([biases[layer], kernels[layer][sources]]).astype(np.float64)
        if layer == last:
            chosen = np.arange(theta.shape[1])
        else:
            order = rng.permutation(offered.shape[1])
            chosen = order[match(theta, offered[:, order])]
        _mark(planted, layer, theta, sources, chosen)
        if not hide_biases:
            planted.biases[layer][chosen[theta[0] == 0]] = 0.0
        lam = _scales(theta, offered[:, chosen], _range_of_others(planted, layer))
        if not (lam < LARGEST_SCALE).all():
            raise InputError(
                f"the ticket becomes too small for float32 in layer {layer + 1} of {last + 1}: "
                f"plant into a host of fewer layers"
            )
        _write(planted, layer, theta / lam, sources, chosen)
        planted.neurons.append(chosen)
        sources, carried = chosen, lam
    planted.scales[:] = 1.0 / carried
    return planted


def check_fit(target_shape: Sequence[int], host_shape: Sequence[int]) -> None:
    """Raises ``InputError`` unless a target of these layer sizes fits into such a host."""
    if len(target_shape) != len(host_shape):
        raise InputError(
            f"target and host differ in depth: the target has {len(target_shape)} neuron layers, "
            f"the host {len(host_shape)}"
        )
    ends = (0, len(host_shape) - 1)
    for layer, (needed, there) in enumerate(zip(target_shape, host_shape, strict=True)):
        if layer in ends and needed != there:
            what = "inputs" if layer == 0 else "outputs"
            raise InputError(f"the target has {needed} {what}, the host {there}")
        if needed > there:
            raise InputError(
                f"width {there} is too small: the target needs {needed} neurons in hidden layer "
                f"{layer}, and at least width {max(target_shape[1:-1])} overall"
            )


def baseline_density(task: str, depth: int, width: int) -> float:
    """Non-zero target weights / host weights, biases not counted.

    Raises:
        ValueError: unknown task, or a target that does not fit such a host.
    """
    problem = tasks.get(task)
    target = problem.target(depth)
    sizes = host_sizes(problem.inputs, problem.outputs, depth, integer("width", width, minimum=1))
    check_fit(target.shape, sizes)
    return target.nonzero_weights / sum(a * b for a, b in pairwise(sizes))


def match(theta: np.ndarray, offered: np.ndarray) -> np.ndarray:
    """Chooses distinct host neurons for all target neurons at the least total distance.

    The distance of target neuron θ from host neuron m is q = min_λ ‖θ − λm‖₂ over the places where
    θ is not zero. λ must be positive because ReLU commutes with positive scales only; host neurons
    that would need λ ≤ 0 are taken only if there are no others.

    Args:
        theta: ``(places, target neurons)``.
        offered: ``(places, host neurons)``.

    Returns:
        Index of a host neuron for each target neuron.
    """
    product = theta.T @ offered
    squared_norm = (theta != 0).T.astype(np.float64) @ offered**2
    theta_squared = np.sum(theta**2, axis=0)[:, None]
    fits = (product > 0) | (theta_squared == 0)
    gain = np.divide(
        product**2, squared_norm, out=np.zeros_like(product), where=fits & (squared_norm > 0)
    )
    q = np.sqrt(np.maximum(theta_squared - gain, 0.0))
    forbidden = 1.0 + 2.0 * np.sqrt(theta_squared).sum()  # more than any assignment without it
    return linear_sum_assignment(np.where(fits, q, forbidden))[1]


def _scales(theta: np.ndarray, m: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """λ of each matched neuron: the best one that keeps θ/λ inside the layer's range.

    The best is θᵀm/‖m‖². Output neurons cannot choose their host neuron, so it may be negative
    there, or so small that θ/λ would stick out; then θ/λ gets the length of m, and if even this
    sticks out, the largest length that does not.
    """
    support = theta != 0
    theta_norm = np.sqrt(np.sum(theta**2, axis=0))
    m_norm = np.sqrt(np.sum(np.where(support, m, 0.0) ** 2, axis=0))
    low, high = bounds
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.sum(theta * m, axis=0) / m_norm**2
        same_length = theta_norm / m_norm
        stretch = np.where(theta > 0, theta / high, np.where(theta < 0, theta / low, 0.0))
    stretch = np.where(stretch < 0, np.inf, stretch)  # the layer has no value of that sign
    smallest = np.max(stretch, axis=0) * (1.0 + RANGE_MARGIN)
    if not np.isfinite(smallest).all():
        extent = max(abs(low), abs(high)) or 1.0
        smallest = np.where(np.isfinite(smallest), smallest, np.max(np.abs(theta)) / extent)
    lam = np.select(
        [(best > 0) & (best >= smallest), np.isfinite(same_length) & (same_length >= smallest)],
        [best, same_length],
        smallest,
    )
    return np.where(theta_norm > 0, lam, 1.0)  # a neuron without parameters needs no scale


def _mark(
    planted: PlantedArrays, layer: int, theta: np.ndarray, sources: np.ndarray, chosen: np.ndarray
) -> None:
    planted.bias_masks[layer][chosen] = theta[0] != 0
    planted.kernel_masks[layer][np.ix_(sources, chosen)] = theta[1:] != 0


def _range_of_others(planted: PlantedArrays, layer: int) -> tuple[float, float]:
    """Smallest and largest value of a layer's weights and biases outside the ticket."""
    arrays = [
        (planted.kernels[layer], planted.kernel_masks[layer]),
        (planted.biases[layer], planted.bias_masks[layer]),
    ]
    if all(mask.all() for _, mask in arrays):  # nothing else there: what was drawn is the measure
        arrays = [(values, np.zeros_like(mask)) for values, mask in arrays]
    low = min(np.min(values, where=~mask, initial=np.inf) for values, mask in arrays)
    high = max(np.max(values, where=~mask, initial=-np.inf) for values, mask in arrays)
    return float(low), float(high)


def _write(
    planted: PlantedArrays, layer: int, values: np.ndarray, sources: np.ndarray, chosen: np.ndarray
) -> None:
    neuron = np.flatnonzero(values[0])
    planted.biases[layer][chosen[neuron]] = values[0, neuron]
    source, neuron = np.nonzero(values[1:])
    planted.kernels[layer][sources[source], chosen[neuron]] = values[1:][source, neuron]
