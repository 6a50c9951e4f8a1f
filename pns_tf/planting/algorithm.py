"""Planting (Plant 'n' Seek, Algorithm 1 and A.3): hides a target among a host's parameters.

Array code only: it needs no TensorFlow and costs about as much as drawing the host.

Dense and convolutional layers are planted alike, see `pns_tf.hosts.kernels`. What lies between two
layers (ReLU, pooling, flattening) must commute with positive scales of single channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from pns_tf import tasks
from pns_tf.checks import InputError, choice, integer
from pns_tf.hosts.initializers import host_sizes
from pns_tf.hosts.kernels import by_source, neuron_counts
from pns_tf.planting.hiding import (
    HIDINGS,
    likely_scales,
    nearest,
    published_choice,
    root_mean_square,
)
from pns_tf.planting.scales import matched_scales, scales_that_keep, smallest_scales, stays
from pns_tf.seeding import generator
from pns_tf.tasks.task import Target, check_layers
from pns_tf.theory.errors import allowed_errors

LARGEST_SCALE = 1.0 / float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class PlantedArrays:
    """A host with a target planted into it.

    Attributes:
        kernels: the host's kernels, float32 ``(fan_in, fan_out)`` each, those of convolutions
            ``(rows, columns, channels, filters)``.
        biases: the host's biases, float32 ``(fan_out,)`` each.
        kernel_masks: bool, where a kernel entry belongs to the planted ticket.
        bias_masks: bool, the same for biases.
        neurons: for each layer of weights, the host neuron that carries each target neuron.
        scales: float64 ``(outputs,)``: ticket outputs divided by these equal the target's.
        written: how many of the host's parameters were changed; ``None`` if that is not known.
        norms: γ, β, moving mean and moving variance of each layer of batch normalisation.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    kernel_masks: list[np.ndarray]
    bias_masks: list[np.ndarray]
    neurons: list[np.ndarray]
    scales: np.ndarray
    written: int | None = None
    norms: list[list[np.ndarray]] = field(default_factory=list)


def plant_arrays(
    target: Target,
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    *,
    hide: str = "default",
    hide_biases: bool = False,
    epsilon: float | None = None,
    seed: int = 0,
) -> PlantedArrays:
    """Plants ``target`` into a copy of the host given by ``kernels`` and ``biases``.

    Layer by layer each target neuron, with non-zero parameters θ, takes the place of the host
    neuron whose parameters m fit it best up to a positive scale λ; its parameters become θ/λ.

    Args:
        target: the network to plant.
        kernels: the host's kernels, ``(fan_in, fan_out)`` each, those of convolutions
            ``(rows, columns, channels, filters)``.
        biases: the host's biases, ``(fan_out,)`` each.
        hide: how places and scales are chosen: "default"; "published", greedily and without regard
            to the range of the layer's values, see `pns_tf.planting.hiding.published_choice`; or
            "strong", so that planted values look drawn, see `pns_tf.planting.hiding.likely_scales`.
        hide_biases: leave the host's bias where the target's is zero, masked out of the ticket,
            instead of writing an exact zero; "strong" always does.
        epsilon: plant approximately: a host parameter that is near enough to what would be planted
            stays as drawn, see `pns_tf.theory.errors.allowed_errors`, and outputs divided by their
            scales may differ from the target's by this on the input box [−1, 1]^d.
        seed: decides between host neurons that fit equally well, as all do that need only the
            right sign; otherwise tickets would always lie in the first of them.

    Raises:
        ValueError: the target is wider or deeper than the host, or values are not finite, or so
            many layers scale the ticket down that float32 cannot hold it; or an unknown ``hide``,
            or an ``epsilon`` that is not above 0 or for a target with convolutions.

    Example:
        >>> import tasks
        >>> from pns_tf.hosts.initializers import draw_host
        >>> planted = plant_arrays(tasks.get("relu").target(3), *draw_host([1, 50, 1]))
        >>> [int(mask.sum()) for mask in planted.kernel_masks]
        [1, 1]
    """
    kernels, biases = _copies(kernels, biases)
    check_fit(target.shape, neuron_counts(kernels))
    _check_places(target, kernels)
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
    last, written = len(kernels) - 1, 0
    hide_biases = hide_biases or choice("hide", hide, HIDINGS) == "strong"
    likely = likely_scales(target, kernels, biases, seed) if hide == "strong" else None
    errors = None if epsilon is None else allowed_errors(target, epsilon)
    rng = generator(seed, "planting")
    for layer, (target_kernel, target_bias) in enumerate(
        zip(target.kernels, target.biases, strict=True)
    ):
        theta = _stack(target_bias, _rows(target, layer, target_kernel) * carried[:, None])
        offered = _stack(biases[layer], _rows(planted, layer, kernels[layer])[:, sources])
        offered = offered.astype(np.float64)
        order = rng.permutation(offered.shape[1])
        if hide == "published":
            chosen, lam = published_choice(theta, offered, outputs=layer == last)
        elif layer == last:
            chosen = np.arange(theta.shape[1])
        elif likely is None:
            chosen = order[match(theta, offered[:, order])]
        else:
            spread = [root_mean_square(array[layer]) for array in (biases, kernels)]
            sigma = np.repeat(spread, [1, len(theta) - 1])[:, None]
            chosen = order[nearest(theta / likely[layer], offered[:, order], sigma)]
        drawn = offered[:, chosen]
        _mark(planted, layer, theta, sources, chosen)
        if not hide_biases:
            planted.biases[layer][chosen[theta[0] == 0]] = 0.0
        bounds = range_of_others(planted, layer)
        if hide == "default":
            lam = matched_scales(theta, drawn, bounds)
        elif likely is not None:
            lam = np.maximum(likely[layer], smallest_scales(theta, bounds))
        if not (lam < LARGEST_SCALE).all():
            raise InputError(
                f"the ticket becomes too small for float32 in layer {layer} of 0 to {last}: "
                f"plant into a host of fewer layers"
            )
        if errors is None:
            values = theta / lam
        else:
            # what a target's weight may be off by is multiplied by λ of its source, as θ is
            off = errors[layer] * np.append(1.0, carried)[:, None]
            lam = scales_that_keep(theta, drawn, off, bounds, lam)
            values = np.where(stays(theta, drawn, off, bounds, lam), drawn, theta / lam)
        zeroed = (theta[0] == 0) & (drawn[0] != 0) & (not hide_biases)
        changed = (theta != 0) & (values.astype(np.float32) != drawn)
        written += int(np.count_nonzero(changed) + np.count_nonzero(zeroed))
        _write(planted, layer, values, sources, chosen)
        planted.neurons.append(chosen)
        sources, carried = chosen, lam
    planted.scales[:] = 1.0 / carried
    return replace(planted, written=written)


def _rows(network: Target | PlantedArrays, layer: int, array: np.ndarray) -> np.ndarray:
    return by_source(array, neuron_counts(network.kernels)[layer])


def _stack(bias: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """All parameters of each neuron, its bias first: ``(1 + places × sources, neurons)``."""
    return np.vstack([bias, rows.reshape(-1, rows.shape[-1])])


def _copies(
    kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    if all(np.ndim(kernel) == 2 for kernel in kernels):
        return check_layers("host", kernels, biases, np.float32)
    copies = [
        [np.array(array, np.float32, order="C") for array in arrays] for arrays in (kernels, biases)
    ]
    for layer, arrays in enumerate(zip(*copies, strict=True)):
        if not all(np.isfinite(array).all() for array in arrays):
            raise InputError(
                f"host layer {layer} holds values that are not finite (NaN or infinity)"
            )
    return copies[0], copies[1]


def _check_places(target: Target, kernels: Sequence[np.ndarray]) -> None:
    """Raises ``InputError`` unless kernels have the same rows and columns, and images one size."""
    for layer, (ours, theirs) in enumerate(zip(target.kernels, kernels, strict=True)):
        needed, there = (
            (kernel.shape[:-2] or by_source(kernel, neuron_counts(network)[layer]).shape[:1])
            for kernel, network in ((ours, target.kernels), (theirs, kernels))
        )
        if needed != there:
            raise InputError(
                f"target and host differ in layer {layer}: the target's kernel has "
                f"{_times(needed)} places, the host's {_times(there)}"
            )


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


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
    """Non-zero target weights / host weights, biases not counted: the paper's.

    Raises:
        ValueError: unknown task, or a target that does not fit such a host.
    """
    target, sizes = _fitting(task, depth, width)
    return target.nonzero_weights / sum(a * b for a, b in pairwise(sizes))


def truth_density(task: str, depth: int, width: int) -> float:
    """Non-zero target weights and biases / all parameters of the host: that of rankings.

    Raises:
        ValueError: unknown task, or a target that does not fit such a host.

    Example:
        >>> round(truth_density("circle", 5, 100) * 20_904)  # 108 weights and 22 biases
        130
    """
    target, sizes = _fitting(task, depth, width)
    planted = target.nonzero_weights + target.nonzero_biases
    return planted / sum((a + 1) * b for a, b in pairwise(sizes))


def _fitting(task: str, depth: int, width: int) -> tuple[Target, list[int]]:
    """A task's target, and the sizes of the host that it is to fit in."""
    problem = tasks.get(task)
    target = problem.target(depth)
    sizes = host_sizes(problem.inputs, problem.outputs, depth, integer("width", width, minimum=1))
    check_fit(target.shape, sizes)
    return target, sizes


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
    return linear_sum_assignment(distances(theta, offered))[1]


def distances(theta: np.ndarray, offered: np.ndarray) -> np.ndarray:
    """q of each target neuron and each host neuron, ``(target neurons, host neurons)``.

    Where no positive λ leads to it, it is more than any assignment without such pairs. Arguments as
    for `match`.
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
    return np.where(fits, q, forbidden)


def _mark(
    planted: PlantedArrays, layer: int, theta: np.ndarray, sources: np.ndarray, chosen: np.ndarray
) -> None:
    planted.bias_masks[layer][chosen] = theta[0] != 0
    mask = _rows(planted, layer, planted.kernel_masks[layer])
    mask[:, sources[:, None], chosen] = (theta[1:] != 0).reshape(-1, len(sources), len(chosen))


def range_of_others(planted: PlantedArrays, layer: int) -> tuple[float, float]:
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
    rows = values[1:].reshape(-1, len(sources), len(chosen))
    place, source, neuron = np.nonzero(rows)
    kernel = _rows(planted, layer, planted.kernels[layer])
    kernel[place, sources[source], chosen[neuron]] = rows[place, source, neuron]
