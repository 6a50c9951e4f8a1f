"""One positive scale per output: what a strong ticket may still be corrected by. Array code only.

A ReLU network planted or found in a random one is right only up to a positive factor of each
output. The factors are fitted on training data, and always to the metric the ticket is judged by.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.optimize import minimize

SWEEPS = 20  # over the classes; two to four are needed as a rule
RESTARTS = 2  # from the best scales, each moved at random
SPREAD = 0.3  # of these moves, standard deviation of the logarithms
STEPS = 30  # of the fit to the cross entropy, which of separable classes has no end
LEAST = 1e-6  # share of its start that a scale keeps in the fit to the cross entropy


def fit_scales(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The least-squares scale s ≥ 0 of each output: argmin_s Σ (s f(x) − y)².

    Args:
        outputs: f(x), ``(n, outputs)``.
        y: ``(n, outputs)``.

    Returns:
        ``(outputs,)``; 0 for an output that only a negative scale would bring closer to y.
    """
    f = np.asarray(outputs, np.float64)
    power = np.sum(f**2, axis=0)
    scales = np.divide(np.sum(f * y, axis=0), power, out=np.zeros_like(power), where=power > 0)
    return np.maximum(scales, 0.0)


def fit_class_scales(outputs: np.ndarray, y: np.ndarray, restarts: int = RESTARTS) -> np.ndarray:
    """Positive scales of the logits that make the accuracy on these samples highest.

    Ascent from several starts: equal scales, logits of unit size, the scales of the least cross
    entropy (a convex problem), and these moved at random. Each goes along single classes and pairs
    of classes: along each of these directions the accuracy is a step function, whose steps lie
    where the highest logit among the moved ones meets the highest of the others, so that the best
    value is found exactly. It ends when no direction gains anything.

    Args:
        outputs: logits, ``(n, classes)``.
        y: classes, ``(n,)``.
        restarts: how often the best scales are moved at random.

    Returns:
        ``(classes,)``; never worse on these samples than equal scales. Equal samples give equal
        scales.

    Example:
        >>> logits = np.array([[0.1, 9.0], [0.2, 0.5]])
        >>> np.argmax(logits * fit_class_scales(logits, np.array([1, 0])), axis=1)
        array([1, 0])
    """
    from pns_tf.tasks.ascent import ascent  # numba, which tasks alone do not need

    f = np.ascontiguousarray(outputs, np.float64)
    directions = _directions(f.shape[1])
    size = np.sqrt(np.mean(f**2, axis=0))
    unit = 1 / np.where(size > 0, size, 1.0)
    starts = (lambda: np.ones(f.shape[1]), lambda: unit, lambda: _least_cross_entropy(f, y, unit))
    rng = np.random.default_rng(0)  # whatever the run's seed: scales belong to the outputs
    best, correct = np.ones(f.shape[1]), -1
    for attempt in range(len(starts) + restarts):
        if correct == len(y):
            break
        if attempt < len(starts):
            start = starts[attempt]()
        else:
            start = best * np.exp(SPREAD * rng.standard_normal(len(best)))
        scales, now = ascent(f, y, start, directions, f.shape[1], SWEEPS)
        if now > correct:
            best, correct = scales, now
    return best


def _least_cross_entropy(f: np.ndarray, y: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """argmin_s −Σ log softmax(s ⊙ f)_y over s > 0."""
    scaled = f * unit
    rows = np.arange(len(f))

    def loss(factors: np.ndarray) -> tuple[float, np.ndarray]:
        z = scaled * factors
        z -= z.max(axis=1, keepdims=True)
        p = np.exp(z)
        total = p.sum(axis=1)
        value = np.mean(np.log(total) - z[rows, y])
        p /= total[:, None]
        p[rows, y] -= 1
        return float(value), np.mean(p * scaled, axis=0)

    start = np.ones(f.shape[1])
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(LEAST, None)] * len(start),
        options={"maxiter": STEPS},
    )
    return unit * found.x


def _directions(classes: int) -> np.ndarray:
    """Which classes are moved together: one, then two, bool ``(directions, classes)``.

    Pairs of three classes or fewer are nothing new.
    """
    singles = np.eye(classes, dtype=bool)
    pairs = combinations(range(classes if classes > 3 else 0), 2)
    return np.concatenate([singles, *(singles[[a]] | singles[[b]] for a, b in pairs)])
