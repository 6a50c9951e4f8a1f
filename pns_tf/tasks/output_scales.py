"""One positive scale per output: what a strong ticket may still be corrected by. Array code only.

A ReLU network planted or found in a random one is right only up to a positive factor of each
output. The factors are fitted on training data, and always to the metric the ticket is judged by.
"""

from __future__ import annotations

import numpy as np

SWEEPS = 20  # over the classes; two to four are needed as a rule


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


def fit_class_scales(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive scales of the logits that make the accuracy on these samples highest.

    Coordinate ascent: for one class at a time the accuracy is a step function of its scale, whose
    steps lie where the class's logit meets the highest of the others, so that the best value is
    found exactly. It ends when no scale alone gains anything.

    Args:
        outputs: logits, ``(n, classes)``.
        y: classes, ``(n,)``.

    Returns:
        ``(classes,)``; never worse on these samples than equal scales.

    Example:
        >>> fit_class_scales(np.array([[0.1, 9.0], [0.2, 0.5]]), np.array([1, 0])).round(2)
        array([6.32, 0.16])
    """
    f = np.asarray(outputs, np.float64)
    size = np.sqrt(np.mean(f**2, axis=0))
    starts = [np.ones(f.shape[1]), 1 / np.where(size > 0, size, 1.0)]
    scales = max(starts, key=lambda s: _correct(f * s, y)).copy()
    correct = _correct(f * scales, y)
    for _ in range(SWEEPS):
        before = correct
        for c in range(f.shape[1]):
            moved = scales.copy()
            moved[c] = _best_scale(f, y, scales, c)
            now = _correct(f * moved, y)
            if now > correct:
                scales, correct = moved, now
        if correct == before:
            break
    return scales


def _correct(logits: np.ndarray, y: np.ndarray) -> int:
    return int(np.count_nonzero(np.argmax(logits, axis=1) == y))


def _best_scale(f: np.ndarray, y: np.ndarray, scales: np.ndarray, c: int) -> float:
    """The scale of class ``c`` that makes most samples correct while the others stay."""
    others = f * scales
    others[:, c] = -np.inf
    rival = np.argmax(others, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        threshold = others[np.arange(len(f)), rival] / f[:, c]
    # Above its threshold a sample with a positive logit goes to class c, one with a negative logit
    # back to its rival; no positive scale changes anything for the rest.
    steps = (f[:, c] != 0) & (threshold > 0)
    gain = (np.equal(y, c).astype(int) - np.equal(y, rival)) * np.sign(f[:, c]).astype(int)
    order = np.argsort(threshold[steps], kind="stable")
    places, gains = threshold[steps][order], np.cumsum(gain[steps][order])
    last_of_equals = np.append(places[1:] > places[:-1], True)[: len(places)]
    places, gains = places[last_of_equals], gains[last_of_equals]
    if len(places) == 0:
        return scales[c]
    totals = np.append(0, gains)  # correct samples more than for a scale below all places
    between = np.sqrt(places[1:] * places[:-1])
    return float(np.concatenate([places[:1] / 2, between, places[-1:] * 2])[np.argmax(totals)])
