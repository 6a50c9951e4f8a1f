"""What a strong ticket is judged by while its mask is searched, and its second-order expansion.

Outputs may be multiplied by one positive scale each. Array code only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.swaps.compiled import cross_entropy
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION, Kind, kind_named
from pns_tf.tasks.metrics import accuracy
from pns_tf.tasks.output_scales import fit_class_scales, fit_scales

STEPS = 3  # of Newton's method on the logarithms of the scales, after each change of the mask
RIDGE = 1e-4  # on the diagonal of their Hessian
REACH = 0.5  # largest change of a logarithm in a step
ARRIVED = 1e-5  # of the loss: where a step promises to gain less, none is made


@dataclass(frozen=True, eq=False)
class Expansion:
    """Loss of outputs f + d to second order in d: ``Σ gradient · d + ½ Σ |root d|²``.

    Attributes:
        gradient: ``(n, outputs)``.
        root: ``(n, features, outputs)``, a square root of each sample's Hessian.
    """

    gradient: np.ndarray
    root: np.ndarray


class MeanSquare:
    """Mean squared error after one least-squares scale per output."""

    def fit(
        self, outputs: np.ndarray, y: np.ndarray, near: np.ndarray | None
    ) -> tuple[np.ndarray, float]:
        """The best scales ``(outputs,)`` and their loss; ``near`` is not needed to find them."""
        scales = fit_scales(outputs, y)
        return scales, self.loss(outputs, y, scales)

    def loss(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        return float(np.mean((outputs * scales - y) ** 2))

    def error(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """What a strong ticket is judged by."""
        return self.loss(outputs, y, fit_scales(outputs, y))

    def rough_error(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        """The same, as the best scales are those of the lowest loss."""
        return self.error(outputs, y)

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

    def fit(
        self, outputs: np.ndarray, y: np.ndarray, near: np.ndarray | None
    ) -> tuple[np.ndarray, float]:
        """The best scales ``(outputs,)`` and their loss.

        By Newton's method from ``near``, or from unit size with more steps.
        """
        z, y = _compiled_types(outputs, y)
        steps = STEPS
        if near is None:
            size = np.sqrt(np.mean(z.astype(np.float64) ** 2, axis=1))
            near, steps = 1 / np.where(size > 0, size, 1.0), 20 * STEPS
        scales = np.asarray(near, np.float64)
        loss, slope, curvature = cross_entropy(z, y, scales)
        for _ in range(steps):
            step = np.linalg.solve(curvature + RIDGE * np.eye(len(slope)), slope)
            if not slope @ step > ARRIVED * loss:
                break
            scales = scales * np.exp(-np.clip(step, -REACH, REACH))
            loss, slope, curvature = cross_entropy(z, y, scales)
        return scales, loss

    def loss(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        return cross_entropy(*_compiled_types(outputs, y), np.asarray(scales, np.float64))[0]

    def error(self, outputs: np.ndarray, y: np.ndarray) -> float:
        """What a strong ticket is judged by: the fraction wrong with the scales best for that."""
        return 1 - accuracy(outputs * fit_class_scales(outputs, y, restarts=0), y)

    def rough_error(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> float:
        """The fraction wrong with these scales, never less than the error."""
        return 1 - accuracy(outputs * scales, y)

    def expansion(self, outputs: np.ndarray, y: np.ndarray, scales: np.ndarray) -> Expansion:
        p = softmax(outputs * scales)
        gradient = (p - one_hot(y, p)) * scales / len(p)
        # All outputs moved alike change nothing, so the last one's change is taken from the others'
        # z: diag(p) − p pᵀ for these is RᵀR with R = (1 − q qᵀ / (1 + √p_last)) diag(q), q = √p.
        q, last = np.sqrt(p[:, :-1]), np.sqrt(p[:, -1])
        among = np.eye(q.shape[1]) - q[:, :, None] * q[:, None, :] / (1 + last)[:, None, None]
        root = among * q[:, None, :]
        root = np.concatenate([root, -root.sum(axis=2, keepdims=True)], axis=2)
        return Expansion(gradient, root * scales / np.sqrt(len(p)))


def _compiled_types(outputs: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and classes as one compiled function takes them, not one for each type."""
    return np.ascontiguousarray(outputs.T, np.float32), np.asarray(y, np.int64)


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
