"""What a leaderboard consists of; apart from what carries it out, which takes long to import."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, several

if TYPE_CHECKING:
    from pns_tf.leaderboard.board import Board


@dataclass(frozen=True)
class Leaderboard:
    """Who takes part, and on what.

    Attributes:
        pruner: only these, separated by commas, with all their variants; module:Class or
            file.py:Class for one of your own, which joins those that are named, or all.
        instance: only these, separated by commas, or others, named <task>-d<depth>-w<width>, with
            -n<noise> if it is not the task's own and -constructed if nothing is planted.
        task: only instances of these, separated by commas.
        density: these, separated by commas, instead of those that the limit is looked for at; truth
            is the planted density.
        seeds: how many at each density, from the first sealed seed on, 10000.
        beside: rows of another leaderboard, runs.csv, or compressed as .gz or .xz, whose runs are
            not repeated and whose other entries and instances stay; then only the pruners that are
            named are run, if any is.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> [entry.name for entry in Leaderboard("snip,my.module:Mine").board.entries]
        ['oracle', 'snip', 'snip, multishot', 'my.module:Mine']
    """

    pruner: str | tuple = ()
    instance: str | tuple = ()
    task: str | tuple = ()
    density: float | str | tuple = ()
    seeds: int = 5
    beside: str | None = None

    def __post_init__(self):
        _ = self.board

    @functools.cached_property
    def board(self) -> Board:
        """What is run."""
        from pns_tf import tasks
        from pns_tf.leaderboard.board import Board
        from pns_tf.leaderboard.entries import chosen
        from pns_tf.leaderboard.instances import INSTANCES, Instance

        pruners = several(self.pruner)
        entries = chosen(pruners, everybody=self.beside is None or not pruners)
        named = [Instance.named(name) for name in several(self.instance)] or INSTANCES
        wanted = {tasks.get(name).name for name in several(self.task)}
        instances = [each for each in dict.fromkeys(named) if not wanted or each.task in wanted]
        if not instances:
            raise InputError(
                f"no instance has the task {', '.join(sorted(wanted))}: there are "
                f"{', '.join(each.name for each in named)}; name others with --instance"
            )
        return Board(entries, instances, self.seeds, several(self.density))
