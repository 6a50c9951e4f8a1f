"""Probabilities below the smallest float and widths above the largest, by their logarithms."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln


def log1mexp(log_p: np.ndarray | float) -> np.ndarray:
    """log(1 − p) of probabilities given as log p.

    Example:
        >>> log1mexp(np.log([0.25, 0.5])).round(4)
        array([-0.2877, -0.6931])
    """
    log_p = np.minimum(np.asarray(log_p, dtype=float), 0.0)
    with np.errstate(divide="ignore"):
        return np.where(log_p > -0.6931, np.log(-np.expm1(log_p)), np.log1p(-np.exp(log_p)))


def log_fewer_than(needed: np.ndarray, log_n: float, log_p: np.ndarray) -> np.ndarray:
    """Upper bound of log P(fewer than ``needed`` of n trials succeed), each with probability p.

    P(X < d) = Σ_{k<d} C(n, k) p^k (1 − p)^(n−k) with C(n, k) ≤ n^k / k!, which is exact for d = 1.

    Args:
        needed: d ≥ 1, few, ``(cases,)``.
        log_n: logarithm of the number of trials.
        log_p: logarithms of p, ``(cases,)``.

    Example:
        >>> log_fewer_than(np.array([1]), np.log(1e300), np.array([np.log(1e-299)])).round(6)
        array([-10.])
    """
    k = np.arange(max(needed.max(initial=1), 1))[:, None]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = log_n + np.log1p(-np.minimum(k * np.exp(-log_n), 1.0))  # log(n − k)
        # log of −log(1 − p), which is p where p is too small for 1 − p to differ from 1
        rate = np.where(log_p < -30.0, log_p, np.log(-log1mexp(log_p)))
        failing = np.where(np.isneginf(left), 0.0, -np.exp(left + rate))
        terms = np.where(k == 0, 0.0, k * (log_n + log_p) - gammaln(k + 1.0)) + failing
    terms = np.where((k < needed) & ~np.isnan(terms), terms, -np.inf)
    return np.minimum(np.logaddexp.reduce(terms, axis=0), 0.0)
