"""Who is ahead, over all instances and seeds, and how sure that is."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pandas as pd

from pns_tf.leaderboard.distance import CONSTANT, completed, scores, with_constant
from pns_tf.leaderboard.statistics import (
    Estimate,
    Improvement,
    agreement,
    estimate,
    holm,
    interquartile_mean,
    median,
    places,
    probability_of_improvement,
    profile,
    resampled,
)
from pns_tf.recipe.pruners import ORACLE

WON = 1.0  # distance at which a ticket is as sparse as the planted one
REFERENCES = (ORACLE, CONSTANT)  # first and last by construction
SPLITS = 100  # of the seeds in two halves, at most
COMPARED = ("entry", "than", "probability", "low", "high", "p", "bound")
UNKNOWN = Improvement(np.nan, np.nan, np.nan, np.nan)
PROFILE = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # distances at which profiles are tabulated


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of all entries, made once from rows, see `pns_tf.leaderboard.distance.scores`.

    Attributes:
        table: one row for each entry, instance, seed and ticket.
        rows: what they were made from, the best constant an entry among them.

    Example:
        >>> run = {"entry": "oracle", "instance": "circle-d5-w100", "task": "circle"}
        >>> run |= {"seed": 10_000, "density": 0.1, "truth": 0.1, "planted": 0.98}
        >>> run |= {"best_constant": 0.4, "strong": 0.98, "final": 0.98, "final_published": 0.98}
        >>> Scores.of(pd.DataFrame([run])).strata("oracle", "weak", "distance")
        [array([1.])]
    """

    table: pd.DataFrame
    rows: pd.DataFrame

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Scores:
        """The scores of a leaderboard's rows."""
        rows = with_constant(completed(rows))
        return cls(scores(rows), rows)

    @property
    def entries(self) -> list[str]:
        """Names, in the order of the rows."""
        return list(dict.fromkeys(self.table["entry"]))

    @property
    def instances(self) -> list[str]:
        """Names, in the order of the rows."""
        return list(dict.fromkeys(self.table["instance"]))

    @property
    def seeds(self) -> list[int]:
        """All, in order."""
        return sorted(set(self.table["seed"]))

    def seeds_of(self, entry: str, ticket: str, score: str = "area") -> list[int]:
        """The seeds that count for an entry: those of which it lacks no instance.

        Pruners that take long may have fewer seeds than others.

        Args:
            entry: its name.
            ticket: "strong", "weak" or "published".
            score: "area" or "distance".
        """
        own = self._scores_of(entry, ticket)
        lacks = own[score].isna()
        run = own[~lacks].groupby("seed")["instance"].nunique()
        return sorted(run.index[run == len(self.instances)])

    def strata(
        self, entry: str, ticket: str, score: str, seeds: Collection[int] | None = None
    ) -> list[np.ndarray] | None:
        """An entry's scores, an array for each instance with one for each seed that counts.

        Args:
            entry: its name.
            ticket: "strong", "weak" or "published".
            score: "area" or "distance".
            seeds: only these, ``None`` for all.

        Returns:
            ``None`` if no seed is left on one of the instances.
        """
        counted = [s for s in self.seeds_of(entry, ticket, score) if seeds is None or s in seeds]
        own = self._scores_of(entry, ticket)
        own = own[own["seed"].isin(counted)].sort_values("seed")
        strata = [
            own.loc[own["instance"] == instance, score].to_numpy(float)
            for instance in self.instances
        ]
        return strata if all(map(len, strata)) else None

    @functools.cached_property
    def _parts(self) -> dict[tuple, pd.DataFrame]:
        return dict(iter(self.table.groupby(["entry", "ticket"])))

    def _scores_of(self, entry: str, ticket: str) -> pd.DataFrame:
        return self._parts.get((entry, ticket), self.table.iloc[:0])


@functools.lru_cache(maxsize=8)  # tables, page and printed text all begin with it
def ranking(made: Scores, ticket: str) -> pd.DataFrame:
    """All entries, the best first, by the interquartile mean of their areas.

    Args:
        made: scores.
        ticket: "strong" or "weak".

    Returns:
        One row for each entry: ``entry``; ``place`` and the best and the worst that it may be,
        ``place_low`` and ``place_high``; ``area`` with ``area_low`` and ``area_high``;
        ``distance`` with its interval, the median over instances and seeds; ``won``, the fraction
        of runs whose ticket is near the planted one at no more than its density, with its interval;
        ``never``, the fraction of runs with none at any density; ``seeds``, how many count, see
        `Scores.seeds_of`; ``seconds`` and ``epochs``, the median as published; for weak tickets
        ``published_area`` and ``published_distance``, and ``published_from``. Entries without a
        seed that counts have no scores and come last.
    """
    rows = [_ranked(made, entry, ticket) for entry in made.entries]
    table = pd.DataFrame(rows)
    table = table.sort_values("area", ascending=False, kind="stable", na_position="last")
    table.insert(1, "place", range(1, len(table) + 1))
    areas = [made.strata(entry, ticket, "area") or [] for entry in table["entry"]]
    resamples = [resampled(strata, interquartile_mean) for strata in areas]
    table[["place_low", "place_high"]] = places(table["area"].to_numpy(), resamples)
    return table.reset_index(drop=True)


def _ranked(made: Scores, entry: str, ticket: str) -> dict[str, object]:
    own = made.rows[made.rows["entry"] == entry]
    spent = own["pruning_seconds"] + own["training_seconds"]
    found: dict[str, object] = {"entry": entry}
    areas = made.strata(entry, ticket, "area")
    distances = made.strata(entry, ticket, "distance")
    found |= _of("area", estimate(areas) if areas else None)
    found |= _of("distance", estimate(distances, median) if distances else None)
    found |= _of("won", profile(distances, WON) if distances else None)
    found["never"] = np.mean(np.isinf(np.concatenate(distances))) if distances else np.nan
    found["seeds"] = len(made.seeds_of(entry, ticket)) if areas else 0
    if ticket == "weak":
        areas = made.strata(entry, "published", "area")
        distances = made.strata(entry, "published", "distance")
        found |= _of("published_area", estimate(areas) if areas else None)
        found |= _of("published_distance", estimate(distances, median) if distances else None)
        found["published_from"] = "".join(sorted({str(word) for word in own["published_from"]}))
    return found | {"seconds": spent.median(), "epochs": own["trained_epochs"].median()}


def _of(name: str, found: Estimate | None) -> dict[str, float]:
    found = found or Estimate(np.nan, np.nan, np.nan)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def improvements(made: Scores, ticket: str) -> pd.DataFrame:
    """Each entry of the ranking against the next one, by the seeds that both have: is it better?

    Returns:
        Columns ``entry``, ``than``, ``probability`` with ``low`` and ``high``, NaN for entries that
        have no seed in common; ``p``, corrected by Holm for all pairs that have one, which
        takes three seeds; and ``bound``, whether it is at most this.
    """
    order = ranking(made, ticket).dropna(subset="area")["entry"].tolist()
    rows = []
    for entry, other in pairwise(order):
        both = set(made.seeds_of(entry, ticket)) & set(made.seeds_of(other, ticket))
        mine, theirs = (made.strata(name, ticket, "area", both) for name in (entry, other))
        found = probability_of_improvement(mine, theirs) if mine and theirs else UNKNOWN
        rows.append(
            {
                "entry": entry,
                "than": other,
                "probability": found.probability,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "bound": found.bound,
            }
        )
    table = pd.DataFrame(rows, columns=COMPARED)
    known = table["p"].notna()
    table.loc[known, "p"] = holm(table.loc[known, "p"].tolist())
    return table


def profiles(made: Scores, ticket: str) -> pd.DataFrame:
    """The fraction of runs whose distance is at most τ, for each entry and τ of `PROFILE`.

    Returns:
        Columns ``entry``, ``within``, ``fraction``, ``low`` and ``high``.
    """
    rows = []
    for entry in made.entries:
        distances = made.strata(entry, ticket, "distance")
        if distances is None:
            continue
        for within in PROFILE:
            found = profile(distances, within)
            rows.append((entry, within, found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=["entry", "within", "fraction", "low", "high"])


@dataclass(frozen=True)
class SplitHalf:
    """How well rankings by two halves of the seeds agree.

    Attributes:
        tau: Kendall's τ, the mean over the ways to halve the seeds; NaN if there is none.
        lowest: of these ways.
        splits: how many ways.
        entries: how many entries have part, without the references.
        whole: τ, mean as well, of the rankings with the references, as tables have them.
    """

    tau: float
    lowest: float
    splits: int
    entries: int
    whole: float


def split_half(made: Scores, ticket: str) -> SplitHalf:
    """Kendall's τ between the rankings by two disjoint halves of the seeds.

    Of all ways to halve them, or 100 drawn ones if there are more; of three seeds one half has one.
    In each, of the entries that have seeds in both halves. The oracle and the best constant, first
    and last by construction, have no part.
    """
    entries = sorted(made.entries, key=lambda entry: entry in REFERENCES)  # these last
    own = sum(entry not in REFERENCES for entry in entries)
    found = []
    for half in _halves(made.seeds):
        halves = half, set(made.seeds) - half
        areas = np.array([[_area(made, entry, ticket, s) for entry in entries] for s in halves])
        found.append((_known_agreement(areas[:, :own]), _known_agreement(areas)))
    known = np.array([values for values in found if not np.isnan(values[0])])
    if not known.size:
        return SplitHalf(np.nan, np.nan, 0, 0, np.nan)
    several = sum(len(made.seeds_of(entry, ticket)) > 1 for entry in entries[:own])
    tau, whole = known.mean(axis=0).tolist()
    return SplitHalf(tau, float(known[:, 0].min()), len(known), several, whole)


def _known_agreement(areas: np.ndarray) -> float:
    return agreement(*areas[:, ~np.isnan(areas).any(axis=0)])


def _halves(seeds: list[int]) -> list[set[int]]:
    size = len(seeds) // 2
    if size == 0:
        return []
    if math.comb(len(seeds), size) <= SPLITS:
        return [set(half) for half in combinations(seeds, size)]
    rng = np.random.default_rng(0)
    return [set(rng.choice(seeds, size, replace=False).tolist()) for _ in range(SPLITS)]


def _area(made: Scores, entry: str, ticket: str, seeds: Collection[int]) -> float:
    strata = made.strata(entry, ticket, "area", seeds)
    return float(interquartile_mean(np.concatenate(strata))) if strata else np.nan


def by_difficulty(made: Scores) -> list[str]:
    """Instances, the easiest first: by the mean area of all pruners' weak and strong tickets."""
    means = made.table[made.table["ticket"] != "published"].groupby("instance")["area"].mean()
    return list(means.sort_values(ascending=False, kind="stable").index)
