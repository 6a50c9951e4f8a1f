"""Theorem 2: how likely a random host holds a scaled copy of the target that is off by at most ε.

Everything is computed with logarithms: widths of 10^300 and probabilities of 10^−3000 are normal
here.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy.special import log_ndtr

from pns_tf.checks import choice, number
from pns_tf.theory.logarithms import log1mexp, log_fewer_than
from pns_tf.theory.unit_target import UnitTarget

INITS = ("uniform", "normal")
LARGEST_LOG_WIDTH = 1e12  # no float64 can tell wider hosts apart


def log_bound(
    unit: UnitTarget, log_width: float, init: str = "uniform", *, wide_output: bool = False
) -> np.ndarray:
    """Logarithms of the factors that Theorem 2's lower bound is made of, one for each layer.

    With ``unit.bound`` "theorem" these are the paper's, the sum over the layer's target neurons i:
    1 − Σ_i (1 − p_i)^n, p_i = ε_l^{k_i}, with ε_l / 2 for normal initialisation; k_i counts a
    neuron's non-zero parameters and n the host neurons to choose from.

    With "proven" they hold for the hosts of this project, in which each output has one place only:

    * p_i is the exact probability that all parameters of neuron i are within ε_l;
    * target neurons that one host neuron could serve need a host neuron each: d_i of them can do
      if at least d_i host neurons fit, so (1 − p_i)^n becomes P(Binomial(n, p_i) < d_i);
    * where this says nothing, each target neuron may search a share of its own of the host neurons:
      Π_i (1 − (1 − p_i)^⌊n/neurons⌋);
    * a neuron of the last hidden layer must have the right outgoing weights, too, so that the
      output layer's own factor is left with the outputs' biases.

    Args:
        unit: from `unit_target`.
        log_width: natural logarithm of the number of neurons in a hidden layer.
        init: "uniform" or "normal".
        wide_output: the output layer has that many neurons as well, any of which may be an output;
            for the theorem's formula only.

    Returns:
        ``(layers,)``; −inf where a layer's bound is no better than 0.

    Raises:
        ValueError: unknown ``init``.

    Example:
        >>> import tasks
        >>> from pns_tf.theory.unit_target import unit_target
        >>> unit = unit_target(tasks.get("relu").target(3), epsilon=0.5)
        >>> np.exp(log_bound(unit, np.log(1000))).round(3)
        array([1.   , 0.107])
    """
    choice("init", init, INITS)
    if unit.bound == "proven":
        return _proven_factors(unit, log_width, init)
    factors = []
    for layer, error in enumerate(unit.errors):
        kernel, bias = unit.target.kernels[layer], unit.target.biases[layer]
        k = np.count_nonzero(kernel, axis=0) + (bias != 0)
        log_p = k * min(math.log(error / (2.0 if init == "normal" else 1.0)), 0.0)
        last = layer == len(unit.errors) - 1
        log_n = math.log(len(k)) if last and not wide_output else log_width
        factors.append(_all_found(np.ones_like(k), log_n, log_p))
    return np.array(factors)


def log_limit(unit: UnitTarget, init: str = "uniform") -> float:
    """Logarithm of the bound for infinitely wide hidden layers.

    Example:
        >>> import tasks
        >>> from pns_tf.theory.unit_target import unit_target
        >>> log_limit(unit_target(tasks.get("relu").target(3), 0.5, bound="proven"))
        0.0
    """
    return float(log_bound(unit, LARGEST_LOG_WIDTH, init).sum())


def log_width_needed(
    unit: UnitTarget, delta: float = 0.1, init: str = "uniform", *, wide_output: bool = False
) -> float:
    """Natural logarithm of the smallest width for which the bound is at least 1 − δ.

    Returns:
        The logarithm, found by bisection; infinite if no width suffices.

    Raises:
        ValueError: δ outside (0, 1), or an unknown ``init``.

    Example:
        >>> import tasks
        >>> from pns_tf.theory.unit_target import unit_target
        >>> unit = unit_target(tasks.get("relu").target(3), 0.1, bound="proven")
        >>> round(np.exp(log_width_needed(unit)))
        1193
    """
    delta = number("delta", delta, low=0.0, high=1.0, low_excluded=True)
    goal = math.log1p(-delta) if delta < 1 else -math.inf

    def suffices(log_width: float) -> bool:
        return log_bound(unit, log_width, init, wide_output=wide_output).sum() >= goal

    low, high = 0.0, 1.0
    while not suffices(high):
        low, high = high, 2.0 * high
        if high > LARGEST_LOG_WIDTH:
            return math.inf
    if suffices(0.0):
        return 0.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def log_rule_of_thumb(unit: UnitTarget, delta: float = 0.1) -> float:
    """Logarithm of log(L n / δ) max_l ε_l^{−k_max}, the paper's estimate of that width, C = 1."""
    target = unit.target
    exponents = [
        np.max(np.count_nonzero(kernel, axis=0) + (bias != 0))
        for kernel, bias in zip(target.kernels, target.biases, strict=True)
    ]
    neurons = max(target.shape[1:])
    largest = max(-k * math.log(error) for k, error in zip(exponents, unit.errors, strict=True))
    return math.log(math.log(len(unit.errors) * neurons / delta)) + largest


def log_match(theta: np.ndarray, error: float | np.ndarray, init: str) -> np.ndarray:
    """Logarithm of the probability that a host's parameter is within ``error`` of ``theta``.

    The host's parameters are divided by σ first: uniform on [−1, 1], or standard normal.

    Example:
        >>> np.exp(log_match(np.array([0.0, 1.0]), 0.1, "uniform")).round(6)
        array([0.1 , 0.05])
    """
    low, high = np.abs(theta) - error, np.abs(theta) + error
    with np.errstate(divide="ignore"):
        if init == "uniform":
            return np.log(np.maximum(np.minimum(high, 1.0) - np.maximum(low, -1.0), 0.0) / 2.0)
        below = log_ndtr(-low)  # P(draw ≥ low) − P(draw ≥ high)
        return below + log1mexp(np.minimum(log_ndtr(-high) - below, 0.0))


def overlaps(theta: np.ndarray, used: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Number of target neurons, itself included, that a neuron's host neuron could serve as well.

    Two target neurons can share one if their parameters differ by at most twice the allowed error
    at all places that both use.

    Args:
        theta: ``(places, neurons)``.
        used: bool, of the same shape.
        error: allowed at each place, ``(places, 1)``.

    Example:
        >>> theta = np.array([[0.5, 0.6, -0.5]])
        >>> overlaps(theta, theta != 0, np.array([[0.1]]))
        array([2, 2, 1])
    """
    shared = np.ones((theta.shape[1],) * 2, bool)
    for values, use, e in zip(theta, used, error, strict=True):
        far = np.abs(values[:, None] - values) > 2.0 * e
        shared &= ~(far & use[:, None] & use)
    return shared.sum(axis=0)


def _all_found(needed: np.ndarray, log_n: float, log_p: np.ndarray) -> float:
    """Lower bound of log P(all target neurons of a layer find their host neurons)."""
    log_failing = float(np.logaddexp.reduce(log_fewer_than(needed, log_n, log_p)))
    return float(log1mexp(log_failing)) if log_failing < 0 else -math.inf


def _found_in_shares(log_n: float, log_p: np.ndarray) -> float:
    """The same if each target neuron may choose from an equal share of the host neurons only."""
    log_share = log_n - math.log(len(log_p))
    if log_share < 30.0:  # beyond, rounding down changes nothing
        share = math.floor(math.exp(log_share) * (1.0 + 1e-12))
        if share == 0:
            return -math.inf
        log_share = math.log(share)
    return float(log1mexp(log_fewer_than(np.ones_like(log_p, int), log_share, log_p)).sum())


def _proven_factors(unit: UnitTarget, log_width: float, init: str) -> np.ndarray:
    hidden, log_outputs = _hidden_and_outputs(unit, init)
    factors = [
        max(_all_found(needed, log_width, log_p), _found_in_shares(log_width, log_p))
        for needed, log_p in hidden
    ]
    return np.array([*factors, log_outputs])


@functools.lru_cache(maxsize=64)  # the same for all widths
def _hidden_and_outputs(
    unit: UnitTarget, init: str
) -> tuple[list[tuple[np.ndarray, np.ndarray]], float]:
    """d and log p of each hidden layer's target neurons, and log p of what outputs need besides."""
    kernels, biases, errors = unit.target.kernels, unit.target.biases, unit.errors
    hidden = []
    for layer, (kernel, bias) in enumerate(zip(kernels[:-1], biases[:-1], strict=True)):
        theta = np.vstack([bias, kernel])
        error = np.full((len(theta), 1), errors[layer])
        if layer == len(kernels) - 2:
            theta = np.vstack([theta, kernels[-1].T])
            error = np.vstack([error, np.full((kernels[-1].shape[1], 1), errors[-1])])
        used = theta != 0
        log_p = np.where(used, log_match(theta, error, init), 0.0).sum(axis=0)
        hidden.append((overlaps(theta, used, error), log_p))
    outputs = biases[-1][:, None]
    if len(kernels) == 1:
        outputs = np.vstack([biases[-1], kernels[-1]])
    log_match_of_outputs = np.where(outputs != 0, log_match(outputs, errors[-1], init), 0.0)
    return hidden, float(log_match_of_outputs.sum())
