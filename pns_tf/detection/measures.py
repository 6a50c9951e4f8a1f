"""How well scores pick out the planted parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score


def auc(planted: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float:
    """Probability that a random planted parameter has a larger score than a random other one.

    Example:
        >>> auc([np.array([True, False, False])], [np.array([2.0, 2.0, 1.0])])
        0.75
    """
    return float(roc_auc_score(_flat(planted), _flat(scores)))


def auc_within(planted: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float:
    """The same for a random other parameter of the same array, kernel or bias of one layer.

    Small layers hold more of the ticket for each parameter, so that a guess by layer alone has an
    `auc` above 0.5; this one measures what the values give away. Arrays without or full of planted
    parameters do not count.

    Example:
        >>> planted = [np.array([True, False]), np.array([True, True])]
        >>> auc_within(planted, [np.array([0.0, 1.0]), np.array([9.0, 9.0])])
        0.0
    """
    counts, values = [], []
    for mask, score in zip(planted, scores, strict=True):
        if mask.any() and not mask.all():
            counts.append(np.count_nonzero(mask))
            values.append(roc_auc_score(mask.ravel(), score.ravel()))
    return float(np.average(values, weights=counts)) if counts else float("nan")


def precision(planted: Sequence[np.ndarray], scores: Sequence[np.ndarray]) -> float:
    """Fraction planted among the highest scores, as many as the ticket has parameters.

    Of parameters that tie for the last places the expected number counts.

    Example:
        >>> precision([np.array([True, False, True, False])], [np.array([3.0, 1.0, 1.0, 1.0])])
        0.6666666666666666
    """
    mask, score = _flat(planted), _flat(scores)
    size = np.count_nonzero(mask)
    last = np.partition(score, -size)[-size]
    above, tied = score > last, score == last
    places = size - np.count_nonzero(above)
    return float((mask[above].sum() + places * mask[tied].mean()) / size)


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])
