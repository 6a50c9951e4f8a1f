"""What the leaderboard runs: a few densities for every entry, then those around its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pns_tf.checks import integer, number
from pns_tf.leaderboard.entries import Entry
from pns_tf.planting.algorithm import baseline_density
from pns_tf.recipe.run import Run

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.runs.store import Store

HIGHEST = 0.5
COARSE = 4.0  # from each density of the first stage to the next, beginning with the planted one
FINE = (3 / 4, 1 / 2, 3 / 8)  # of a density that is enough, tried in the second stage


@dataclass(frozen=True)
class Attempt:
    """One run of an entry."""

    entry: str
    run: Run


@dataclass(frozen=True)
class Board:
    """Entries, tasks and seeds, and at which densities they are run.

    The first stage has the planted density and 4, 16, … times as much up to 0.5. The second stage
    has for each entry and task ¾, ½ and ⅜ of the lowest density at which its strong ticket is near
    the planted one, and the same for its weak ticket. It follows from the rows of the first alone.

    Attributes:
        entries: who takes part.
        tasks: names.
        seeds: how many: 0, 1, ….
        densities: these instead, numbers or "baseline", and no second stage.
        depth: of the hosts.
        width: of the hosts.
    """

    entries: Sequence[Entry]
    tasks: Sequence[str]
    seeds: int = 5
    densities: Sequence[float | str] = ()
    depth: int = 5
    width: int = 100

    def __post_init__(self):
        integer("seeds", self.seeds, minimum=1)
        for task in self.tasks:
            baseline_density(task, self.depth, self.width)
        for density in self.densities:
            if density != "baseline":
                number("density", density, 0.0, 1.0, low_excluded=True)

    def coarse(self, task: str) -> list[float]:
        """Densities of the first stage, the highest first."""
        baseline = baseline_density(task, self.depth, self.width)
        if self.densities:
            found = {baseline if d == "baseline" else float(d) for d in self.densities}
            return sorted(found, reverse=True)
        levels = [HIGHEST]
        density = baseline
        while density < HIGHEST:
            levels.append(density)
            density *= COARSE
        return sorted(levels, reverse=True)

    def first_stage(self) -> list[Attempt]:
        """Every entry on every task at the densities of `coarse`."""
        return [
            attempt
            for task in self.tasks
            for density in self.coarse(task)
            for entry in self.entries
            for attempt in self._seeds(entry, task, density)
        ]

    def second_stage(self, table: pd.DataFrame) -> list[Attempt]:
        """What the rows of the first stage, see `collected`, give reason to run."""
        if self.densities or table.empty:
            return []
        return [
            attempt
            for task in self.tasks
            for entry in self.entries
            for density in self._fine(
                table[(table["task"] == task) & (table["entry"] == entry.name)], self.coarse(task)
            )
            for attempt in self._seeds(entry, task, density)
        ]

    def _fine(self, rows: pd.DataFrame, levels: Sequence[float]) -> list[float]:
        from pns_tf.leaderboard.distance import TICKETS, near

        below = dict(pairwise(levels))
        densities = set()
        for metric in TICKETS.values():
            enough = near(rows, metric, self.seeds)
            if enough:
                lowest = min(enough)
                tried = (lowest * part for part in FINE)
                densities |= {density for density in tried if density > below.get(lowest, 0.0)}
        return sorted(densities, reverse=True)

    def _seeds(self, entry: Entry, task: str, density: float) -> list[Attempt]:
        return [
            Attempt(entry.name, entry.run(task, density, seed, self.depth, self.width))
            for seed in range(self.seeds)
        ]


def collected(
    attempts: Sequence[Attempt], store: Store, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The rows of the finished ones, with the entry's name in a first column ``entry``.

    Args:
        attempts: what was to be run.
        store: where finished runs are.
        known: rows of another leaderboard, for those that are not in the store.

    Example:
        >>> attempts = Board([Entry("snip", "snip")], ["circle"], seeds=3).first_stage()
        >>> from pns_tf.runs.store import Store
        >>> len(collected(attempts, Store("nothing_yet")))
        0
    """
    import pandas as pd

    names = {attempt.run.name: attempt.entry for attempt in attempts}
    table = store.table(list({attempt.run.name: attempt.run for attempt in attempts}.values()))
    if known is not None:
        there = set(table["run"]) if len(table) else set()
        more = known[known["run"].isin(names) & ~known["run"].isin(there)]
        table = pd.concat([table, more.drop(columns="entry")], ignore_index=True)
        order = {name: place for place, name in enumerate(names)}
        table = table.sort_values("run", key=lambda runs: runs.map(order), ignore_index=True)
    runs = table["run"] if len(table) else pd.Series(dtype=str)
    table.insert(0, "entry", runs.map(names))
    return table
