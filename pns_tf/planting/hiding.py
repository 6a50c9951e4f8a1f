"""How a target neuron's place and scale in a host are chosen, so that planted values do not show.

Besides the default of `pns_tf.planting.algorithm` there are two ways: as in the published code, and
"strong", which draws the scales so that planted values look like draws of the host's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from pns_tf.hosts.kernels import by_source, neuron_counts
from pns_tf.seeding import generator
from pns_tf.tasks.task import Target

HIDINGS = ("published", "default", "strong")
SWEEPS = 200  # of the sampler over all layers
STEPS = (0.3, 1.0)  # of its moves, in logarithms of scales, in turns
LARGEST = 2.5  # standard deviations: a planted value above this would often be its neuron's largest


def published_choice(
    theta: np.ndarray, offered: np.ndarray, *, outputs: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Places and scales as the published code chooses them, slips included.

    In turn each target neuron θ takes the host neuron m that has its signs and the least L1
    distance ‖m − cθ‖₁, c = θᵀm / ‖θ‖², biases always compared. Neuron 0 counts as taken from the
    start. Where the best is taken, or none has the right signs, the lowest free neuron is taken,
    with c = abs(m₁ / θ₁) for its first source and θ's first weight. Outputs are compared with their
    own places only; the published code places them like other neurons and puts them in order later.

    Args:
        theta: ``(places, target neurons)``, the bias first.
        offered: ``(places, host neurons)``.
        outputs: whether these are output neurons, which keep their places.

    Returns:
        The host neuron of each target neuron, and the scales λ = 1/c.

    Example:
        >>> theta, offered = np.array([[1.0], [2.0]]), np.array([[1.0, -1.0, 0.6], [2.0, 2.0, 1.0]])
        >>> published_choice(theta, offered)  # neuron 0 fits, so the lowest free one is taken
        (array([1]), array([1.]))
    """
    offered = offered.copy()  # what has been planted is what later neurons are compared with
    free = np.arange(offered.shape[1]) > 0
    chosen, factors = [], []
    for number, values in enumerate(theta.T):
        used = values != 0
        compared = used | (np.arange(len(values)) == 0)
        factor = values[used] @ offered[used] / max(values @ values, np.finfo(float).tiny)
        distance = np.abs(offered[compared] - values[compared, None] * factor).sum(axis=0)
        fits = (np.sign(offered[used]) == np.sign(values[used, None])).all(axis=0) & (factor > 0)
        if outputs:
            fits &= np.arange(len(fits)) == number
        neuron = int(np.argmin(np.where(fits, distance, np.inf))) if fits.any() else number
        fitting = fits[neuron]
        if not outputs and not free[neuron]:
            neuron, fitting = int(np.argmax(free)), False  # 0 if none is left
        scale = factor[neuron] if fitting else _first_ratio(values, offered[:, neuron])
        free[neuron] = False
        offered[compared, neuron] = scale * values[compared]
        chosen.append(neuron)
        factors.append(scale)
    return np.array(chosen), 1.0 / np.array(factors)


def _first_ratio(values: np.ndarray, m: np.ndarray) -> float:
    """abs(m₁ / θ₁), of the biases if θ has no weight; 1 if it has neither, or m₁ is zero."""
    weights = np.flatnonzero(values[1:])
    if len(weights):
        return abs(m[1] / values[1 + weights[0]]) or 1.0
    return (abs(m[0] / values[0]) or 1.0) if values[0] else 1.0


def likely_scales(
    target: Target, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], seed: int
) -> list[np.ndarray]:
    """Draws the scales λ of all neurons so that planted values look like the host's.

    A planted value is z σ = θ λ_source / λ, σ the root mean square of its array in the host. If it
    were a normal draw, log abs(z) would have a density in proportion to exp(log z − z²/2). The
    product over all planted values is a log-concave density of the logarithms of the scales, and
    is sampled. For a ticket of one path this gives just what a host would. Of k planted weights of
    a neuron each counts 1/√k, because nobody knows which they are, while everybody sees the
    neuron's bias; or the share of its weights that is planted, if that is more. No value may be
    above 2.5 without need.

    Args:
        target: the network to plant.
        kernels: the host's.
        biases: the host's.
        seed: decides the draw.

    Returns:
        λ for each layer of weights, ``(neurons,)``.

    Example:
        >>> import tasks
        >>> from pns_tf.hosts.initializers import draw_host
        >>> target = tasks.get("relu").target(3)
        >>> [scales.shape for scales in likely_scales(target, *draw_host([1, 50, 1]), seed=0)]
        [(1,), (1,)]
    """
    rng = generator(seed, "hiding")
    sizes = neuron_counts(target.kernels)
    layers = [
        _PlantedLayer(target.kernels[layer], target.biases[layer], sizes[layer], kernel, bias)
        for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True))
    ]
    y = [np.zeros(size) for size in sizes]  # log λ
    for layer, entries in enumerate(layers):
        y[layer + 1] += y[layer].mean() - np.log(entries.sigma)  # λ = Π 1/σ of Theorem 2

    def log_density(layer: int, values: np.ndarray) -> np.ndarray:
        density = layers[layer].by_neuron(y[layer], values)
        if layer + 1 < len(layers):
            density = density + layers[layer + 1].by_source(values, y[layer + 2])
        return density

    for sweep in range(SWEEPS):
        for layer in range(len(layers)):
            now = y[layer + 1]
            density = log_density(layer, now)
            moved = now + rng.normal(0.0, STEPS[sweep % 2], now.shape)
            change = log_density(layer, moved) - density
            accepted = np.log(rng.random(now.shape)) < change
            now = np.where(accepted, moved, now)
            density = np.where(accepted, density + change, density)
            moved = now + rng.normal(0.0, STEPS[sweep % 2])  # the whole layer
            change = (log_density(layer, moved) - density).sum()
            y[layer + 1] = moved if np.log(rng.random()) < change else now
    return [np.exp(values) for values in y[1:]]


def nearest(planted: np.ndarray, offered: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Distinct host neurons whose parameters have to be changed least, in standard deviations.

    Args:
        planted: θ/λ, ``(places, target neurons)``.
        offered: ``(places, host neurons)``.
        sigma: of each place, ``(places, 1)``.

    Example:
        >>> nearest(np.array([[1.0]]), np.array([[0.2, 0.9, -1.0]]), np.array([[1.0]]))
        array([1])
    """
    z, m = planted / sigma, offered / sigma
    used = (planted != 0).astype(np.float64)
    return linear_sum_assignment(np.sum(z**2, axis=0)[:, None] - 2.0 * z.T @ m + used.T @ m**2)[1]


def root_mean_square(values: np.ndarray) -> float:
    """The σ that planted values should have; 1 for an array of zeros, which says nothing."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) or 1.0


class _PlantedLayer:
    """A layer's planted parameters: log abs(θ/σ), between which neurons, and how much each counts.

    Biases count fully, unless the host's are all zero: then no scale could hide them.
    """

    def __init__(
        self,
        kernel: np.ndarray,
        bias: np.ndarray,
        sources: int,
        host_kernel: np.ndarray,
        host_bias: np.ndarray,
    ):
        rows = by_source(kernel, sources)
        place, self._source, self._end = np.nonzero(rows)
        self.sigma = root_mean_square(host_kernel)
        self._weights = np.log(np.abs(rows[place, self._source, self._end]) / self.sigma)
        self._shapes = len(bias), sources
        incoming = np.bincount(self._end)[self._end]
        outgoing = np.bincount(self._source)[self._source]
        fan_out = host_kernel.shape[-1]
        fan_in = host_kernel.size / fan_out
        shares = np.maximum(incoming / fan_in, outgoing / (fan_out * len(rows)))
        self._counts = np.maximum(1.0 / np.sqrt(np.maximum(incoming, outgoing)), shares)
        self._bias_end = np.flatnonzero(bias) if np.any(host_bias) else np.array([], int)
        self._biases = np.log(np.abs(bias[self._bias_end]) / root_mean_square(host_bias))

    def by_neuron(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Log density of what goes into each neuron, ``before`` and ``after`` being log λ."""
        weights = self._log_density(before, after)
        biases = _log_density(self._biases - after[self._bias_end], 1.0)
        return np.bincount(self._end, weights, self._shapes[0]) + np.bincount(
            self._bias_end, biases, self._shapes[0]
        )

    def by_source(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """The same of what each neuron of the layer before sends here."""
        return np.bincount(self._source, self._log_density(before, after), self._shapes[1])

    def _log_density(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        log_z = self._weights + before[self._source] - after[self._end]
        return _log_density(log_z, self._counts)


def _log_density(log_z: np.ndarray, counts: np.ndarray | float) -> np.ndarray:
    too_large = np.maximum(log_z - np.log(LARGEST), 0.0)
    return counts * (log_z - np.exp(2.0 * np.minimum(log_z, 300.0)) / 2.0) - 50.0 * too_large
