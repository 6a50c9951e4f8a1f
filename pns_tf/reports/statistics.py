"""Means over seeds, and how far they can be trusted: Student's t, and Wilson for shares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95
LEAST_RUNS = 3  # of fewer, which may be equal by chance, a mean's interval decides nothing
LEAST_RUNS_OF_SHARES = 5
ROUNDING = 1e-9  # of a limit, or of 1: differences and quotients of decimal numbers are off by less


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

    @property
    def decides(self) -> bool:
        """Whether there are enough values to contradict something."""
        return self.n >= LEAST_RUNS

    def __str__(self) -> str:
        if self.n == 0:
            return "no runs"
        if self.n == 1:
            return f"{self.mean:.3f}, one run"
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"


@dataclass(frozen=True)
class Share(Interval):
    """The share of runs in which something is the case, with Wilson's score interval.

    It lies in [0, 1], and says also of runs that are all alike how far they can be trusted.
    """

    def widened(self, comparisons: int) -> Share:
        """See `Interval.widened`."""
        if self.n == 0:
            return self
        low, high = wilson(self.mean, self.n, 1 - (1 - CONFIDENCE) / comparisons)
        return Share(self.mean, float(low), float(high), self.n)

    @property
    def decides(self) -> bool:
        """Whether there are enough runs to contradict something."""
        return self.n >= LEAST_RUNS_OF_SHARES


def share(values: pd.Series) -> Share:
    """The share of ones among values of 0 and 1; NaN values do not count.

    Example:
        >>> print(share(pd.Series([0.0] * 10)))
        0.000 [0.000, 0.278], n = 10
    """
    values = values.dropna()
    mean, n = float(values.mean()), len(values)
    low, high = wilson(mean, n)
    return Share(mean, float(low), float(high), n)


def wilson(shares, n, confidence: float = CONFIDENCE):
    """Lower and upper end of Wilson's score interval of a binomial share.

    (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n); NaN for n = 0.

    Args:
        shares: p, observed.
        n: number of observations.
        confidence: two-sided.

    Reference: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.

    Example:
        >>> [round(float(end), 3) for end in wilson(1.0, 5)]
        [0.566, 1.0]
    """
    p, n = np.asarray(shares, float), np.asarray(n, float)
    squared = ndtri(0.5 + confidence / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = p + squared / (2 * n)
        half = np.sqrt(squared * (p * (1 - p) / n + squared / (4 * n**2)))
        low, high = (middle - half) / (1 + squared / n), (middle + half) / (1 + squared / n)
    # Rounding would leave a share of 0 or 1 just outside its own interval.
    return np.clip(low, 0.0, p), np.clip(high, p, 1.0)


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


def at_most(value, limit: float):
    """Whether values do not exceed a limit, where those that are equal but for rounding do not.

    Accuracies of 0.96 and 0.98 differ by exactly 0.02, but not in floating point:

    Example:
        >>> 0.98 - 0.96 <= 0.02, bool(at_most(0.98 - 0.96, 0.02))
        (False, True)
    """
    return value <= limit + ROUNDING * np.maximum(1.0, np.abs(limit))


def half_width(deviation, n):
    """Half the width of Student's t interval, t(n − 1) s / √n; NaN for fewer than two values."""
    n = np.asarray(n, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _quantile(n) * deviation / np.sqrt(n)


def _quantile(n, confidence: float = CONFIDENCE):
    """t of two-sided confidence for a sample of size n; NaN for fewer than two values."""
    return stdtrit(np.where(np.greater(n, 1), np.subtract(n, 1), np.nan), 0.5 + confidence / 2)
