"""What in a host's weights may give planted parameters away: a score for each parameter.

Scores come as arrays in the order kernel, bias of each layer; larger means more suspicious. They
see the host only, never data, the target or the planted mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import betainc

Arrays = Sequence[np.ndarray]
Scores = list[np.ndarray]
ROUNDING = 1e-6  # relative difference up to which two float32 values count as equal
TINY = float(np.finfo(np.float64).tiny)


def magnitude(kernels: Arrays, biases: Arrays) -> Scores:
    """Size of a parameter by the root mean square of its array.

    Example:
        >>> magnitude([np.array([[3.0, -3.0]])], [np.array([1.0, 0.0])])[0]
        array([[1., 1.]])
    """
    return [
        np.abs(values) / (_rms(values) or 1.0)
        for pair in zip(kernels, biases, strict=True)
        for values in pair
    ]


def exact_values(kernels: Arrays, biases: Arrays) -> Scores:
    """Biases that are exactly zero, and values that occur twice: drawn ones do neither.

    A zero bias computes nothing, but makes all weights of its neuron suspicious. Where most of a
    layer's biases are zero, it says nothing.

    Example:
        >>> exact_values([np.array([[0.1, 0.2, 0.3]])], [np.array([0.0, 0.5, 0.7])])[0]
        array([[1., 0., 0.]])
    """
    zero = [bias == 0 if np.mean(bias == 0) < 0.5 else np.zeros(len(bias)) for bias in biases]
    scores = spread([bias.astype(float) for bias in zero], len(kernels[0]))
    for layer, kernel in enumerate(kernels):
        scores[2 * layer] += _repeated(kernel)
        scores[2 * layer + 1] = np.zeros(len(biases[layer]))
    return scores


def neuron_norms(kernels: Arrays, biases: Arrays) -> Scores:
    """Neurons whose incoming or outgoing weights are unusually long or short, for their layer."""
    return spread([z_in**2 + z_out**2 for z_in, z_out in norm_deviations(kernels)], len(kernels[0]))


def correlation(kernels: Arrays, biases: Arrays) -> Scores:
    """Neurons whose incoming or outgoing weights are nearly proportional to another neuron's."""
    return spread([np.maximum(*pair) for pair in collinearity(kernels)], len(kernels[0]))


def bias_outliers(kernels: Arrays, biases: Arrays) -> Scores:
    """Neurons with an unusually large bias, for their layer, and that bias itself."""
    deviations = bias_deviations(biases)
    return spread([np.log1p(deviation) for deviation in deviations], len(kernels[0]))


EVIDENCE: dict[str, Callable[[Arrays, Arrays], Scores]] = {
    "exact values": exact_values,
    "magnitude": magnitude,
    "neuron norms": neuron_norms,
    "correlation": correlation,
    "bias outliers": bias_outliers,
}


def spread(neurons: Arrays, inputs: int) -> Scores:
    """From scores of the neurons of each layer of weights to scores of parameters.

    A weight gets the sum of the scores of the neurons at its ends, a bias twice its neuron's.

    Example:
        >>> [scores.tolist() for scores in spread([np.array([1.0, 0.0]), np.array([5.0])], 1)][2]
        [[6.0], [5.0]]
    """
    scores, before = [], np.zeros(inputs)  # which are never suspicious
    for after in neurons:
        scores += [before[:, None] + after, 2.0 * after]
        before = after
    return scores


def norm_deviations(kernels: Arrays) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deviations of each neuron's incoming and outgoing norm from its layer's median.

    Returns:
        For each layer of weights two arrays ``(neurons,)``: of log norms, in robust standard
        deviations; zero for outputs, which have no outgoing weights.

    Example:
        >>> incoming, outgoing = norm_deviations([np.array([[1.0, 2.0, 4.0]])])[0]
        >>> incoming.round(3), outgoing
        (array([-0.674,  0.   ,  0.674]), array([0., 0., 0.]))
    """
    incoming = [_deviation(np.linalg.norm(kernel, axis=0)) for kernel in kernels]
    outgoing = [_deviation(np.linalg.norm(kernel, axis=1)) for kernel in kernels[1:]]
    return list(zip(incoming, [*outgoing, np.zeros(kernels[-1].shape[1])], strict=True))


def collinearity(kernels: Arrays) -> list[tuple[np.ndarray, np.ndarray]]:
    """How surprising the best alignment of a neuron's weights with another's would be by chance.

    Returns:
        For each layer of weights two arrays ``(neurons,)``, incoming and outgoing:
        −log P(abs(cos) ≥ c) of random directions, c the largest with another neuron of the layer;
        zero where there is but one weight, which is always proportional.

    Example:
        >>> incoming, _ = collinearity([np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]])])[0]
        >>> (incoming > 10).tolist()
        [True, True, False]
    """
    incoming = [_surprise(kernel.T) for kernel in kernels]
    outgoing = [_surprise(kernel) for kernel in kernels[1:]]
    return list(zip(incoming, [*outgoing, np.zeros(kernels[-1].shape[1])], strict=True))


def bias_deviations(biases: Arrays) -> list[np.ndarray]:
    """Size of each bias by its layer's median; zero if the median is.

    Example:
        >>> bias_deviations([np.array([1.0, -2.0, 6.0])])
        [array([0.5, 1. , 3. ])]
    """
    sizes = [np.abs(bias.astype(float)) for bias in biases]
    return [size / (np.median(size) or np.inf) for size in sizes]


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def _repeated(values: np.ndarray) -> np.ndarray:
    """1 where another entry has the same size, up to rounding."""
    flat = np.abs(values.astype(float)).ravel()
    order = np.argsort(flat)
    near = np.diff(flat[order]) <= ROUNDING * flat[order][1:]
    repeated = np.zeros(flat.size)
    repeated[order] = np.append(near, False) | np.append(False, near)
    return repeated.reshape(values.shape)


def _deviation(norms: np.ndarray) -> np.ndarray:
    logs = np.log(np.maximum(norms.astype(float), TINY))
    distance = logs - np.median(logs)
    return distance / (1.4826 * np.median(np.abs(distance)) or np.inf)


def _surprise(rows: np.ndarray) -> np.ndarray:
    count, places = rows.shape
    if count < 2 or places < 2:
        return np.zeros(count)
    unit = rows.astype(float) / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)
    cosines = np.abs(unit @ unit.T)
    np.fill_diagonal(cosines, 0.0)
    sine_squared = np.maximum(1.0 - cosines.max(axis=1) ** 2, 1e-14)
    return -np.log(np.maximum(betainc((places - 1) / 2, 0.5, sine_squared), TINY))
