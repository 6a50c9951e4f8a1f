"""Statistics of a ranking with few seeds, as Agarwal et al. have them.

Scores come in strata: an array for each instance, with one score for each seed. The bootstrap
resamples seeds within each instance; entries with equally many seeds get the same resamples, so
that their statistics are paired. Of n seeds it draws n − 1: with n, as with many seeds, it would
take variances for too small by (n − 1) / n (Rao & Wu, Resampling Inference With Complex Survey
Data, JASA 1988, section 2).

Reference: Agarwal, Schwarzer, Castro, Courville & Bellemare, Deep Reinforcement Learning at the
Edge of the Statistical Precipice, NeurIPS 2021, arXiv 2108.13264.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import kendalltau, quantile_test, trim_mean

from pns_tf.reports.statistics import at_most

RESAMPLES = 2000
CONFIDENCE = 0.95
Statistic = Callable[..., Any]  # of ``scores, axis=``


@dataclass(frozen=True)
class Estimate:
    """A statistic of a sample and its bootstrap interval, NaN where there is a single seed."""

    value: float
    low: float
    high: float


def interquartile_mean(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """Mean of the middle half: a quarter of the scores, rounded down, is cut off at either end.

    Agarwal et al. 2021, section 4.3.

    Example:
        >>> float(interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])))
        2.0
    """
    return trim_mean(scores, 0.25, axis=axis)


def resampled(strata: Sequence[np.ndarray], statistic: Statistic) -> np.ndarray:
    """A statistic of all scores, for each resample of the stratified bootstrap.

    Args:
        strata: scores of each instance, ``(seeds,)``.
        statistic: ``statistic(scores, axis=-1)``.

    Returns:
        ``(2000,)``; empty if an instance has fewer than two seeds, or a score is not known (NaN).

    Reference: Agarwal et al. 2021, section 4.1.
    """
    if not strata or min(map(len, strata)) < 2 or np.isnan(np.concatenate(list(strata))).any():
        return np.array([])
    draws = _draws([len(scores) for scores in strata])
    parts = [np.asarray(scores, float)[rows] for scores, rows in zip(strata, draws, strict=True)]
    return statistic(np.concatenate(parts, axis=-1), axis=-1)


def _draws(sizes: Sequence[int]) -> list[np.ndarray]:
    """Numbers of the seeds of each resample, ``(2000, n - 1)`` for an instance with n of them."""
    rng = np.random.default_rng(0)  # the same for every entry
    return [rng.integers(n, size=(RESAMPLES, n - 1)) for n in sizes]


def estimate(strata: Sequence[np.ndarray], statistic: Statistic = interquartile_mean) -> Estimate:
    """A statistic of all scores with its 95 % percentile interval, see `resampled`.

    Scores may be infinite, as those of distances that no density tried is enough for.

    Example:
        >>> estimate([np.array([0.5, 0.5]), np.array([0.7, 0.7])], np.mean)
        Estimate(value=0.6, low=0.6, high=0.6)
    """
    value = float(statistic(np.concatenate(list(strata)), axis=-1)) if len(strata) else np.nan
    return Estimate(value, *_ends(resampled(strata, statistic)))


def _ends(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return np.nan, np.nan
    outside = (1 - CONFIDENCE) / 2
    # No interpolation: between a number and infinity there is none.
    low, high = np.quantile(values, [outside, 1 - outside], method="inverted_cdf")
    return float(low), float(high)


def places(values: np.ndarray, resamples: Sequence[np.ndarray]) -> np.ndarray:
    """The best and the worst place that each entry may have, 95 % sure for each.

    From simultaneous intervals of its differences to all others, the maximum of their errors in
    standard errors bootstrapped: places are left out for those that are certainly above it, and for
    those certainly below. Entries that are much alike may have each other's places.

    Args:
        values: a statistic of each entry, larger for better ones.
        resamples: the same of its resamples, see `resampled`; of an entry that has none, nothing is
            certain.

    Returns:
        ``(entries, 2)``; NaN for an entry without resamples.

    Reference: Mogstad, Romano, Shaikh & Wilhelm, Inference for Ranks with Applications to Mobility
    across Neighbourhoods and Academic Achievement across Countries, Review of Economic Studies
    2024, section 3.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(3, 2000))
        >>> values = np.array([9.0, 1.0, 1.5])
        >>> places(values, values[:, None] + noise).tolist()
        [[1.0, 1.0], [2.0, 3.0], [2.0, 3.0]]
    """
    values, found = np.asarray(values, float), np.full((len(values), 2), np.nan)
    known = np.flatnonzero([len(draws) for draws in resamples])
    drawn = np.array([draws for draws in resamples if len(draws)])
    for place, entry in enumerate(known):
        gaps = values[known] - values[entry]
        errors = np.abs(drawn - drawn[place] - gaps[:, None])
        spreads = np.sqrt(np.mean(np.square(errors), axis=-1))
        in_spreads = errors[spreads > 0] / spreads[spreads > 0, None]
        largest = np.quantile(in_spreads.max(axis=0, initial=0.0), CONFIDENCE)
        certain = np.abs(gaps) > largest * spreads
        found[entry] = 1 + np.sum(certain & (gaps > 0)), len(values) - np.sum(certain & (gaps < 0))
    return found


def median(distances: np.ndarray, axis: int = -1) -> np.ndarray:
    """The median of right-censored distances, where a censored one is infinite.

    It is infinite, that is above the largest density tried, where half of them or more are.

    Example:
        >>> float(median(np.array([1.0, 4.0, np.inf]))), float(median(np.array([1.0, np.inf])))
        (4.0, inf)
    """
    ordered = np.sort(distances, axis=axis)
    n = ordered.shape[axis]
    upper = np.take(ordered, n // 2, axis=axis)
    lower = np.take(ordered, (n - 1) // 2, axis=axis)
    return (lower + upper) / 2


def median_of_one(distances: np.ndarray) -> Estimate:
    """The median of distances on one instance, with an interval that takes no resampling.

    The exact one of order statistics, at least 95 %; with fewer than six seeds, where there is none
    (the range of five holds the median in 94 % of cases, that of three in 75 %), the range.

    Args:
        distances: one for each seed, infinite where right-censored.

    Example:
        >>> median_of_one(np.array([4.0, 1.0, np.inf]))
        Estimate(value=4.0, low=1.0, high=inf)
    """
    value, ordered = float(median(distances)), np.sort(np.asarray(distances, float))
    if len(ordered) < 2:
        return Estimate(value, np.nan, np.nan)
    ranks = np.arange(len(ordered), dtype=float)  # infinity among the scores would be refused
    found = quantile_test(ranks, q=0.0, p=0.5).confidence_interval(CONFIDENCE)
    ends = (0.0, ranks[-1]) if np.isnan([found.low, found.high]).any() else found
    return Estimate(value, *(float(ordered[int(end)]) for end in ends))


def profile(strata: Sequence[np.ndarray], within: float) -> Estimate:
    """Performance profile: the fraction of runs whose distance is at most ``within``.

    Agarwal et al. 2021, section 4.2, where higher scores are better: F(τ) = mean(distance ≤ τ).

    Example:
        >>> profile([np.array([1.0, 8.0]), np.array([np.inf, 4.0])], 4.0).value
        0.5
    """
    return estimate([at_most(np.asarray(scores), within) for scores in strata], np.mean)


@dataclass(frozen=True)
class Improvement:
    """How often one entry is better than another.

    Attributes:
        probability: P(X > Y), a tie counting half; the mean over instances.
        low, high: its bootstrap interval.
        p: two-sided, that it is ½.
        bound: whether no resample is on the other side of ½, so that all that is known of ``p`` is
            that it is no larger.
    """

    probability: float
    low: float
    high: float
    p: float
    bound: bool = False


def probability_of_improvement(x: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> Improvement:
    """P(X > Y) = mean over instances of mean_{i,j} (1 if x_i > y_j, ½ if equal).

    Agarwal et al. 2021, section 4.3. The interval is from the stratified bootstrap of seeds, the
    same for both, from three on. p is twice the smaller share of resamples on one side of ½, those
    at ½ on both, with one resample more on either.

    Args:
        x: scores of one entry, an array ``(seeds,)`` for each instance.
        y: those of the other, of the same seeds.

    Example:
        >>> better = probability_of_improvement([np.array([3.0, 1.0])], [np.array([1.0, 2.0])])
        >>> better.probability  # 3 > 1, 3 > 2, 1 = 1, 1 < 2
        0.625
    """
    tables = [_wins(a, b) for a, b in zip(map(np.asarray, x), map(np.asarray, y), strict=True)]
    value = float(np.mean([table.mean() for table in tables]))
    if min(map(len, tables)) < 3:  # of two seeds each draw would be one, and all say the same
        return Improvement(value, np.nan, np.nan, np.nan)
    draws = _draws([len(table) for table in tables])
    found = [
        table[rows[:, :, None], rows[:, None, :]].mean(axis=(1, 2))
        for table, rows in zip(tables, draws, strict=True)
    ]
    # Among the pairs of n − 1 draws one in n − 1 is of a draw with itself, so of one seed, which
    # shifts their mean towards how the entries compare on the same seeds.
    shift = np.mean([(np.diag(t).mean() - t.mean()) / (len(t) - 1) for t in tables])
    values = np.clip(np.mean(found, axis=0) - shift, 0.0, 1.0)
    below, above = np.count_nonzero(values <= 0.5), np.count_nonzero(values >= 0.5)
    p = min(1.0, 2 * (min(below, above) + 1) / (len(values) + 1))
    return Improvement(value, *_ends(values), p, min(below, above) == 0)


def _wins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 where a score of ``a`` is above one of ``b``, ½ where it is equal: ``(len(a), len(b))``."""
    return (a[:, None] > b) + 0.5 * (a[:, None] == b)


def holm(p: Sequence[float]) -> np.ndarray:
    """p values corrected for being several: the i-th smallest of m by m − i + 1, none falling.

    Reference: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.

    Example:
        >>> holm([0.04, 0.01, 0.03]).tolist()
        [0.06, 0.03, 0.06]
    """
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    steps = values[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Kendall's τ-b of two rankings; NaN for fewer than two entries.

    Example:
        >>> round(agreement(np.array([3, 2, 1]), np.array([3, 1, 2])), 3)
        0.333
    """
    return float(kendalltau(first, second).statistic) if len(first) > 1 else np.nan
