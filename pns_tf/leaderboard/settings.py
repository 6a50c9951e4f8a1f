"""What a leaderboard consists of; apart from what carries it out, which takes long to import."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import choice, several

if TYPE_CHECKING:
    from pns_tf.leaderboard.board import Board


@dataclass(frozen=True)
class Leaderboard:
    """Who takes part, and on what.

    Attributes:
        pruner: only these, separated by commas, with all their variants; module:Class or
            file.py:Class for one of your own, which joins those that are named, or all.
        task: only these, separated by commas.
        density: these, separated by commas, instead of those that the limit is looked for at;
            baseline is the planted density.
        seeds: runs at each density.
        beside: runs.csv of another leaderboard, whose runs are not repeated and whose other entries
            and tasks stay; then only the pruners that are named are run, if any is.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> [entry.name for entry in Leaderboard("snip,my.module:Mine").board.entries]
        ['snip', 'snip, multishot', 'my.module:Mine']
    """

    pruner: str | tuple = ()
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

        pruners = several(self.pruner)
        entries = chosen(pruners, everybody=self.beside is None or not pruners)
        named = [choice("task", task, tasks.names()) for task in several(self.task)]
        names = list(dict.fromkeys(named)) or tasks.names()
        return Board(entries, names, self.seeds, several(self.density))
