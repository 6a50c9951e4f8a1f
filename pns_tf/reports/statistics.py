"""Means over seeds, and how far they can be trusted: Student's t intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Mean of a sample and the interval that holds the true mean with 95 % confidence.

    Attributes:
        mean: NaN for an empty sample.
        low: −∞ for a single value, from which nothing follows about the spread.
        high: +∞ likewise.
        n: size of the sample.
    """

    mean: float
    low: float
    high: float
    n: int

    def widened(self, comparisons: int) -> Interval:
        """The interval that is right with 95 % confidence along with ``comparisons`` − 1 others.

        Bonferroni's correction: each has a confidence of 1 − 0.05 / ``comparisons``.
        """
        if self.n < 2:
            return self
        factor = _quantile(self.n, 1 - (1 - CONFIDENCE) / comparisons) / _quantile(self.n)
        half = float(factor) * (self.high - self.low) / 2
        return Interval(self.mean, self.mean - half, self.mean + half, self.n)

    def __str__(self) -> str:
        if self.n == 0:
            return "no runs"
        if self.n == 1:
            return f"{self.mean:.3f}, one run"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"


def interval(values: pd.Series) -> Interval:
    """Student's t interval of the mean; NaN values do not count.

    Example:
        >>> print(interval(pd.Series([1.0, 2.0, 3.0])))
        2.000 [-0.484, 4.484], n = 3
    """
    values = values.dropna()
    half = float(half_width(values.std(), len(values)))
    mean = float(values.mean())
    if len(values) == 1:
        half = np.inf
    return Interval(mean, mean - half, mean + half, len(values))


def half_width(deviation, n):
    """Half the width of Student's t interval, t(n − 1) s / √n; NaN for fewer than two values."""
    n = np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _quantile(n) * deviation / np.sqrt(n)


def _quantile(n, confidence: float = CONFIDENCE):
    """t of two-sided confidence for a sample of size n; NaN for fewer than two values."""
    return stdtrit(np.where(np.greater(n, 1), np.subtract(n, 1), np.nan), 0.5 + confidence / 2)
