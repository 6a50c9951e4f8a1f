"""Lemma 1: how far a ticket's parameters may be off if its outputs may be off by ε.

The paper's Lemma 1, as written, does not hold in two cases. It multiplies the layers' largest
entries ‖W^(k)‖_∞, so an error that a neuron passes on to many others, which the next layer adds
up again, counts once. And it takes later weights to be at most ‖W^(k)‖_∞ + ε/L after their own
error, which is true only if that error is at most ε/L; where the weights behind are small, the
lemma allows far more. `allowed_errors` gives errors that are proven to suffice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.checks import InputError, number
from pns_tf.tasks.task import Target
from pns_tf.theory.activations import activation_bounds, largest_norms


def lemma1_errors(target: Target, epsilon: float) -> np.ndarray:
    """ε_l of Lemma 1 as written (Plant 'n' Seek, §2).

    ε_l = ε / (L √m_l (1 + sup‖x^(l−1)‖₁) Π_{k>l} (‖W^(k)‖_∞ + ε/L)), m_l the layer's non-zero
    parameters, ‖·‖_∞ the largest absolute entry.

    Args:
        target: the network.
        epsilon: error allowed to each output, above 0.

    Returns:
        Allowed error of a parameter of each layer of weights, ``(layers,)``.

    Raises:
        ValueError: ``epsilon`` is not above 0.

    Example:
        >>> import tasks
        >>> lemma1_errors(tasks.get("relu").target(3), 0.1).round(4)
        array([0.0238, 0.025 ])
    """
    epsilon = number("epsilon", epsilon, low=0.0, low_excluded=True)
    layers = len(target.kernels)
    parameters = [
        max(int(np.count_nonzero(kernel) + np.count_nonzero(bias)), 1)
        for kernel, bias in zip(target.kernels, target.biases, strict=True)
    ]
    factors = [np.abs(kernel).max() + epsilon / layers for kernel in target.kernels]
    behind = np.cumprod([1.0, *factors[:0:-1]])[::-1]  # Π over the layers after each
    norms = largest_norms(target)
    return epsilon / (layers * np.sqrt(parameters) * (1.0 + norms) * behind)


def allowed_errors(target: Target, epsilon: float) -> np.ndarray:
    """Errors of parameters that are proven to move no output by more than ε on [−1, 1]^d.

    As in Lemma 1 each layer may spend ε/L. A layer's own error e costs each of its neurons at most
    e A, A = sup Σ abs(inputs it uses) + 1 if it has a bias; the layers after it pass that on by
    abs(W^(k)) + ε_k. So ε_l = ε / (L max_o [Π_{k>l} (abs(W^(k)) + ε_k M^(k)) A^(l)]_o), where M
    is 1 at the target's non-zero weights.

    Args:
        target: the network.
        epsilon: error allowed to each output, above 0.

    Returns:
        Allowed error of a parameter of each layer of weights, ``(layers,)``; 1 for a layer that no
        output depends on, where any would do.

    Raises:
        ValueError: ``epsilon`` is not above 0, or the target has convolutions.

    Example:
        >>> import tasks
        >>> allowed_errors(tasks.get("relu").target(3), 0.1).round(4)
        array([0.0476, 0.05  ])
    """
    epsilon = number("epsilon", epsilon, low=0.0, low_excluded=True)
    if any(kernel.ndim != 2 for kernel in target.kernels):
        raise InputError("epsilon needs a fully connected target, this one has convolutions")
    layers = len(target.kernels)
    errors = np.ones(layers)
    passed_on = np.eye(target.shape[-1])  # from a layer's neurons to the outputs
    for layer, cost in reversed(list(enumerate(_costs(target)))):
        largest = np.max(cost @ passed_on, initial=0.0)
        if largest > 0:
            errors[layer] = epsilon / (layers * largest)
        passed_on = _off_by(target.kernels[layer], errors[layer]) @ passed_on
    return errors


def output_error(target: Target, errors: Sequence[float] | np.ndarray) -> float:
    """Upper bound of what parameters off by ``errors``, layer by layer, do to any output.

    Example:
        >>> import tasks
        >>> target = tasks.get("circle").target(5)
        >>> output_error(target, allowed_errors(target, 0.1)) <= 0.1
        True
    """
    moved = np.zeros(target.shape[0])
    for kernel, cost, error in zip(target.kernels, _costs(target), errors, strict=True):
        moved = moved @ _off_by(kernel, error) + error * cost
    return float(moved.max())


def _off_by(kernel: np.ndarray, error: float) -> np.ndarray:
    """Largest absolute entries of a kernel whose non-zero ones are off by ``error``."""
    return np.abs(kernel) + np.where(kernel != 0, error, 0.0)


def _costs(target: Target) -> list[np.ndarray]:
    """A: what an error of 1 in all its parameters does to each neuron, ``(neurons,)`` a layer."""
    return [
        np.max(bounds @ (kernel != 0), axis=0) + (bias != 0)
        for bounds, kernel, bias in zip(
            activation_bounds(target), target.kernels, target.biases, strict=True
        )
    ]
