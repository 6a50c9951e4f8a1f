"""Who takes part: every pruner, and those that are better with other settings once more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pns_tf.leaderboard.instances import Instance
from pns_tf.recipe.pruners import ORACLE, PRUNERS, check_name
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import MULTISHOT, SeekSettings


@dataclass(frozen=True)
class Entry:
    """A pruner and how it is used.

    Attributes:
        name: in tables and pictures.
        pruner: its name, or "module:Class" for one of your own.
        options: of the pruner.
        search: fields of `SeekSettings` that are not the defaults.

    Example:
        >>> longer = Entry("imp, 30 epochs", "imp", search={"epochs": 30})
        >>> run = longer.run(Instance("circle"), density=0.01, seed=10_000)
    """

    name: str
    pruner: str
    options: dict = field(default_factory=dict)
    search: dict = field(default_factory=dict)

    def run(self, instance: Instance, density: float, seed: int) -> Run:
        """What is run for the entry at one density."""
        search = SeekSettings(
            self.pruner,
            density,
            seed=seed,
            noise=instance.noise,
            options=self.options,
            **self.search,
        )
        return Run(instance.host, search, ranked=True)


VARIANTS = (
    *(Entry(f"{name}, multishot", name, search=MULTISHOT) for name in ("magnitude", "snip")),
    Entry("synflow, multishot", "synflow", search=MULTISHOT),
    Entry("synflow, 300 epochs", "synflow", search=MULTISHOT | {"epochs": 300}),
    Entry("synflow, 100 rounds", "synflow", search={"prune_rounds": 100}),
    Entry("edge_popup, anneal", "edge_popup", {"anneal": True}),
    Entry("imp, 30 epochs", "imp", search={"epochs": 30}),
)
TRUTH = Entry(ORACLE, ORACLE, search={"epochs": 0})  # takes part in every ranking
ENTRIES = tuple(
    entry
    for name in PRUNERS
    for entry in (Entry(name, name), *(v for v in VARIANTS if v.pruner == name))
)


def chosen(pruners: Iterable[str] = (), everybody: bool = True) -> list[Entry]:
    """The entries of these pruners.

    Args:
        pruners: names of those that come along, and "module:Class" for the user's own, which come
            last. If there are no names, all that come along take part with the user's own.
        everybody: whether they do.

    Returns:
        They, after the oracle.

    Raises:
        ValueError: a pruner that is not known; the message names those that are.
    """
    named = [str(pruner) for pruner in dict.fromkeys(pruners)]
    wanted = [check_name(name) for name in named if ":" not in name and name != ORACLE]
    everybody = everybody and not wanted and ORACLE not in named
    entries = [entry for entry in ENTRIES if everybody or entry.pruner in wanted]
    return [TRUTH, *entries, *(Entry(name, name) for name in named if ":" in name)]
