"""How much an error of each neuron of a target costs, to second order, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.swaps.objective import softmax
from pns_tf.tasks.kinds import CLASSIFICATION, Kind
from pns_tf.tasks.task import Target

TINY = 1e-300
RIDGE = 1e-5  # logits count a little even where the classes are certain


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What a target computes on samples, and what its neurons are worth there.

    Attributes:
        sums: of each layer of weights, before its ReLU, ``(samples, neurons)``.
        activations: what goes into each layer, the samples first.
        weights: of each layer, ``(samples, neurons)``: an error e of a neuron's activation costs
            the mean of weight × e².
    """

    sums: list[np.ndarray]
    activations: list[np.ndarray]
    weights: list[np.ndarray]


def sensitivity(target: Target, x: np.ndarray, kind: Kind | None) -> Sensitivity:
    """Gauss-Newton weights q_j = J_jᵀ H J_j, J the derivative of the outputs.

    H is half the Hessian of the loss: for classes of the Kullback-Leibler divergence,
    diag(p) − p pᵀ, otherwise of the square. Errors count by what outputs of 0 would cost, so that
    these cost 1.

    Args:
        target: the network.
        x: ``(samples, inputs)``.
        kind: of the task; ``None`` counts as regression.

    Example:
        >>> import tasks
        >>> from pns_tf.tasks.kinds import REGRESSION
        >>> found = sensitivity(tasks.get("relu").target(3), np.array([[-1.0], [1.0]]), REGRESSION)
        >>> [weight.ravel().tolist() for weight in found.weights]
        [[2.0, 2.0], [2.0, 2.0]]
    """
    activations, sums = [np.asarray(x, np.float64)], []
    for kernel, bias in zip(target.kernels, target.biases, strict=True):
        sums.append(activations[-1] @ kernel + bias)
        activations.append(np.maximum(sums[-1], 0.0))
    outputs = sums[-1]
    if kind is CLASSIFICATION:
        p = softmax(outputs)
        known = np.mean(np.sum(p * np.log(np.maximum(p, TINY)), axis=1)) + np.log(p.shape[1])
        hessian = p[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :]) / (2 * max(known, TINY))
        hessian = hessian + RIDGE * np.eye(p.shape[1])
    else:
        power = np.sum(np.mean(outputs**2, axis=0)) or 1.0
        hessian = np.broadcast_to(
            np.eye(outputs.shape[1]) / power, (len(x), *[outputs.shape[1]] * 2)
        )
    jacobian = np.broadcast_to(np.eye(outputs.shape[1]), hessian.shape)
    weights = []
    for layer in reversed(range(len(sums))):
        weights.append(np.einsum("noj,nop,npj->nj", jacobian, hessian, jacobian, optimize=True))
        # Of an activation, not of its sum: whether its own ReLU lets it pass is seen later.
        passed = jacobian if layer == len(sums) - 1 else jacobian * (sums[layer] > 0)[:, None, :]
        jacobian = passed @ target.kernels[layer].T
    return Sensitivity(sums, activations[:-1], weights[::-1])
