"""What the leaderboard runs: a few densities for every entry, then those around its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pns_tf.checks import number
from pns_tf.leaderboard.entries import TRUTH, Entry
from pns_tf.leaderboard.instances import HIGHEST, INSTANCES, Instance
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

    The first stage has the truth density and 4, 16, … times as much, up to 0.5. Where the ticket is
    constructed, the rows of `constructions` say what that is. The second stage
    has for each entry and instance ¾, ½ and ⅜ of the density that its strong ticket needs to be
    near the planted one, and the same for its weak ticket. It follows from the rows of the first
    alone. The oracle has no second stage: it is never sparser than the truth. Nor has an instance
    with constructed tickets, which are of another density for each seed.

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

    def coarse(self, truth: float) -> list[float]:
        """Densities of the first stage, the highest first.

        Args:
            truth: density of the ticket that is known.
        """
        if self.densities:
            found = {truth if d == PLANTED else float(d) for d in self.densities}
            return sorted(found, reverse=True)
        return coarse_densities(truth)

    def trials(self) -> list[Attempt]:
        """One of each entry, in a host that is soon made, to see whether its pruner works."""
        instance = next((each for each in self.instances if not each.constructed), INSTANCES[0])
        seed = sealed(self.seeds)[0]
        return [self._attempt(entry, instance, HIGHEST, seed) for entry in self.entries]

    def constructions(self) -> list[Attempt]:
        """The oracle at the highest density wherever a ticket is constructed.

        Their rows say how large these tickets are.
        """
        return [
            self._attempt(TRUTH, instance, HIGHEST, seed)
            for seed in sealed(self.seeds)
            for instance in self.instances
            if instance.constructed
        ]

    def first_stage(self, table: pd.DataFrame | None = None) -> list[Attempt]:
        """Every entry on every instance at the densities of `coarse`, the first seeds first.

        So what is there when it is stopped is a ranking of fewer seeds.

        Args:
            table: rows of `constructions`, see `collected`; what they do not say of a constructed
                ticket is left out.

        Raises:
            ValueError: a constructed ticket fills too much of its host for a ranking.
        """
        found = {} if table is None or table.empty else _truths(table)
        attempts = []
        for seed in sealed(self.seeds):
            for instance in self.instances:
                truth = instance.truth or found.get((instance.name, seed))
                if truth is None:
                    continue
                instance.check_truth(truth)
                attempts += [
                    self._attempt(entry, instance, density, seed)
                    for density in self.coarse(truth)
                    for entry in self.entries
                    if entry != TRUTH or density >= truth
                ]
        return attempts

    def second_stage(self, table: pd.DataFrame) -> list[Attempt]:
        """What the rows of the first stage, see `collected`, give reason to run."""
        if self.densities or table.empty:
            return []
        return [
            self._attempt(entry, instance, density, seed)
            for instance in self.instances
            if instance.truth is not None
            for entry in self.entries
            if entry != TRUTH
            for density in self._fine(
                table[(table["instance"] == instance.name) & (table["entry"] == entry.name)],
                instance.truth,
            )
            for seed in sealed(self.seeds)
        ]

    def _fine(self, rows: pd.DataFrame, truth: float) -> list[float]:
        from pns_tf.leaderboard.distance import TICKETS, median_density

        levels = self.coarse(truth)
        below = dict(pairwise(levels))
        densities = set()
        for ticket in TICKETS:
            enough = median_density(rows[rows["density"].isin(levels)], ticket)
            tried = (enough * part for part in FINE if enough <= HIGHEST)
            densities |= {density for density in tried if density > below.get(enough, 0.0)}
        return sorted(densities, reverse=True)

    def _attempt(self, entry: Entry, instance: Instance, density: float, seed: int) -> Attempt:
        return Attempt(entry.name, instance.name, entry.run(instance, density, seed))


def coarse_densities(truth: float) -> list[float]:
    """The truth and 4, 16, … times as much, up to 0.5; the highest first.

    Example:
        >>> coarse_densities(0.01)
        [0.5, 0.16, 0.04, 0.01]
    """
    levels = [HIGHEST]
    density = truth
    while density <= HIGHEST / 2:  # nearer to the highest than that adds little
        levels.append(density)
        density *= COARSE
    return sorted(levels, reverse=True)


def _truths(table: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Densities of the known tickets, by the names of instances and by seeds."""
    rows = table[table["entry"] == TRUTH.name]
    places = zip(rows["instance"], rows["seed"].astype(int), strict=True)
    return dict(zip(places, rows["truth"].astype(float), strict=True))


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
