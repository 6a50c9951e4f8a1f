"""What the leaderboard runs: a few densities for every entry, then those around its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pns_tf.checks import number
from pns_tf.leaderboard.entries import TRUTH, Entry
from pns_tf.leaderboard.instances import HIGHEST, Instance
from pns_tf.leaderboard.seeds import sealed
from pns_tf.recipe.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.runs.store import Store

COARSE = 4.0  # from each density of the first stage to the next, beginning with the truth
FINE = (3 / 4, 1 / 2, 3 / 8)  # of a density that is enough, tried in the second stage
PLANTED = "truth"  # word for the density of the planted ticket


@dataclass(frozen=True)
class Attempt:
    """One run of an entry."""

    entry: str
    instance: str
    run: Run


@dataclass(frozen=True)
class Board:
    """Entries, instances and seeds, and at which densities they are run.

    The first stage has the truth density and 4, 16, … times as much, up to 0.5. The second stage
    has for each entry and instance ¾, ½ and ⅜ of the density that its strong ticket needs to be
    near the planted one, and the same for its weak ticket. It follows from the rows of the first
    alone. The oracle has no second stage: it is never sparser than the truth.

    Attributes:
        entries: who takes part.
        instances: what they are ranked on.
        seeds: how many: the first sealed ones, see `pns_tf.leaderboard.seeds`.
        densities: these instead, numbers or "truth", and no second stage.
    """

    entries: Sequence[Entry]
    instances: Sequence[Instance]
    seeds: int = 5
    densities: Sequence[float | str] = ()

    def __post_init__(self):
        sealed(self.seeds)
        for density in self.densities:
            if density != PLANTED:
                number("density", density, 0.0, 1.0, low_excluded=True)

    def coarse(self, instance: Instance) -> list[float]:
        """Densities of the first stage, the highest first."""
        truth = instance.truth
        if self.densities:
            found = {truth if d == PLANTED else float(d) for d in self.densities}
            return sorted(found, reverse=True)
        levels = [HIGHEST]
        density = truth
        while density <= HIGHEST / 2:  # nearer to the highest than that adds little
            levels.append(density)
            density *= COARSE
        return sorted(levels, reverse=True)

    def first_stage(self) -> list[Attempt]:
        """Every entry on every instance at the densities of `coarse`, the first seeds first.

        So what is there when it is stopped is a ranking of fewer seeds.
        """
        return [
            self._attempt(entry, instance, density, seed)
            for seed in sealed(self.seeds)
            for instance in self.instances
            for density in self.coarse(instance)
            for entry in self.entries
            if entry != TRUTH or density >= instance.truth
        ]

    def second_stage(self, table: pd.DataFrame) -> list[Attempt]:
        """What the rows of the first stage, see `collected`, give reason to run."""
        if self.densities or table.empty:
            return []
        return [
            self._attempt(entry, instance, density, seed)
            for instance in self.instances
            for entry in self.entries
            if entry != TRUTH
            for density in self._fine(
                table[(table["instance"] == instance.name) & (table["entry"] == entry.name)],
                instance,
            )
            for seed in sealed(self.seeds)
        ]

    def _fine(self, rows: pd.DataFrame, instance: Instance) -> list[float]:
        from pns_tf.leaderboard.distance import TICKETS, median_density

        levels = self.coarse(instance)
        below = dict(pairwise(levels))
        densities = set()
        for ticket in TICKETS:
            enough = median_density(rows[rows["density"].isin(levels)], ticket)
            tried = (enough * part for part in FINE if enough <= HIGHEST)
            densities |= {density for density in tried if density > below.get(enough, 0.0)}
        return sorted(densities, reverse=True)

    def _attempt(self, entry: Entry, instance: Instance, density: float, seed: int) -> Attempt:
        return Attempt(entry.name, instance.name, entry.run(instance, density, seed))


def collected(
    attempts: Sequence[Attempt], store: Store, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The rows of the finished ones, with ``entry`` and ``instance`` as first columns.

    Args:
        attempts: what was to be run.
        store: where finished runs are.
        known: rows of another leaderboard, for those that are not in the store.

    Example:
        >>> attempts = Board([Entry("snip", "snip")], [Instance("circle")], 3).first_stage()
        >>> from pns_tf.runs.store import Store
        >>> len(collected(attempts, Store("nothing_yet")))
        0
    """
    import pandas as pd

    by_name = {attempt.run.name: attempt for attempt in attempts}
    table = store.table([attempt.run for attempt in by_name.values()])
    if known is not None:
        there = set(table["run"]) if len(table) else set()
        more = known[known["run"].isin(by_name) & ~known["run"].isin(there)]
        table = pd.concat([table, more.drop(columns=["entry", "instance"])], ignore_index=True)
        order = {name: place for place, name in enumerate(by_name)}
        table = table.sort_values("run", key=lambda runs: runs.map(order), ignore_index=True)
    runs = table["run"] if len(table) else pd.Series(dtype=str)
    table.insert(0, "entry", runs.map({name: each.entry for name, each in by_name.items()}))
    table.insert(1, "instance", runs.map({name: each.instance for name, each in by_name.items()}))
    return table
