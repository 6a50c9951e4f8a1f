"""What a strong ticket is judged by while its mask is searched, and its second-order expansion.

Outputs may be multiplied by one positive scale each. Array code only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION, Kind, kind_named
from pns_tf.tasks.metrics import accuracy
from pns_tf.tasks.output_scales import fit_class_scales, fit_scales

STEPS = 3  # of Newton's method on the logarithms of the scales, after each change of the mask
RIDGE = 1e-4  # on the diagonal of their Hessian
REACH = 0.5  # largest change of a logarithm in a step
ARRIVED = 1e-9  # a step so small is the last


@dataclass(frozen=True, eq=False)
class Expansion:
    """Loss of outputs f + d to second order in d: ``Σ gradient · d + ½ Σ |root d|²``.

    Attributes:
        gradient: ``(n, outputs)``.
        root: ``(n, outputs, outputs)``, a square root of each sample's Hessian.
    """

    gradient: np.ndarray
    root: np.ndarray


class MeanSquare:
    """Mean squared error after one least-squares scale per output."""

    def scales(self, outputs: np.ndarray, y: np.ndarray, near: np.ndarray | None) -> np.ndarray:
        """The best scales, ``(outputs,)``; ``near`` is not needed to find them."""
        return fit_scales(outputs, y)

    def loss(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        return float(np.mean((outputs * scales - y) ** 2))

    def error(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """What a strong ticket is judged by."""
        return self.loss(outputs, y, fit_scales(outputs, y))

    def expansion(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> Expansion:
        # An output left out, with scale 0, could never come back: it gets the size of its labels.
        size = np.sqrt(np.mean(outputs**2, axis=0))
        ratio = np.sqrt(np.mean(y**2, axis=0)) / np.where(size > 0, size, 1.0)
        scales = np.where(scales > 0, scales, ratio)
        gradient = 2 * (outputs * scales - y) * scales / outputs.size
        root = np.diag(scales * np.sqrt(2 / outputs.size))
        return Expansion(gradient, np.broadcast_to(root, (len(outputs), *root.shape)))


class CrossEntropy:
    """Cross entropy of logits, each multiplied by one positive scale."""

    def scales(self, outputs: np.ndarray, y: np.ndarray, near: np.ndarray | None) -> np.ndarray:
        """The best scales ``(outputs,)``, by Newton's method from ``near`` or from unit size."""
        z = np.asarray(outputs, np.float64)
        steps = STEPS
        if near is None:
            size = np.sqrt(np.mean(z**2, axis=0))
            near, steps = 1 / np.where(size > 0, size, 1.0), 20 * STEPS
        logs = np.log(near)
        for _ in range(steps):
            scaled = z * np.exp(logs)
            p = softmax(scaled)
            slope = np.mean((p - one_hot(y, p)) * scaled, axis=0)
            weighted = p * scaled
            curvature = np.diag(np.mean(weighted * scaled, axis=0)) - weighted.T @ weighted / len(z)
            step = np.linalg.solve(curvature + RIDGE * np.eye(len(slope)), slope)
            logs = logs - np.clip(step, -REACH, REACH)
            if np.abs(step).max() < ARRIVED:
                break
        return np.exp(logs)

    def loss(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        z = outputs * scales
        z = z - z.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]))

    def error(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """What a strong ticket is judged by: the fraction wrong with the scales best for that."""
        return 1 - accuracy(outputs * fit_class_scales(outputs, y, restarts=0), y)

    def expansion(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> Expansion:
        p = softmax(outputs * scales)
        gradient = (p - one_hot(y, p)) * scales / len(p)
        # diag(p) − p pᵀ = BᵀB with B = diag(√p) (1 − 1 pᵀ)
        root = np.sqrt(p)[:, :, None] * (np.eye(p.shape[1]) - p[:, None, :])
        return Expansion(gradient, root * scales / np.sqrt(len(p)))


def softmax(z: np.ndarray) -> np.ndarray:
    """Of each row of ``(n, outputs)``."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(y: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A row for each class number in ``y`` ``(n,)``, of the shape ``(n, outputs)`` of ``like``."""
    return np.equal(y[:, None], np.arange(like.shape[1])).astype(like.dtype)


OBJECTIVES: dict[Kind, type[MeanSquare] | type[CrossEntropy]] = {
    CLASSIFICATION: CrossEntropy,
    REGRESSION: MeanSquare,
}


def objective(kind: Kind | str) -> MeanSquare | CrossEntropy:
    """The objective for a kind of task."""
    return OBJECTIVES[kind_named(kind)]()
