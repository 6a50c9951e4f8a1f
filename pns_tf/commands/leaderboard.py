"""The command ``leaderboard``."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, choice, number, text
from pns_tf.commands.checks import check_workers
from pns_tf.commands.flags import Given, takes
from pns_tf.leaderboard.settings import Leaderboard

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.leaderboard.board import Attempt, Board
    from pns_tf.runs.store import Store
    from pns_tf.runs.workers import RunsFailed

NAME = "leaderboard"
NEEDED = (
    *("entry", "run", "task", "density", "baseline", "seed", "planted", "strong", "final"),
    *("pruning_seconds", "training_seconds", "trained_epochs"),
)
METRICS = ("planted", "strong", "final")
NUMBERS = {
    **dict.fromkeys(("density", "baseline"), (0.0, 1.0)),
    **dict.fromkeys(METRICS, (0.0, math.inf)),
    **dict.fromkeys(
        ("seed", "pruning_seconds", "training_seconds", "trained_epochs"), (0.0, math.inf)
    ),
}


@takes(Leaderboard)
def leaderboard(
    given: Given,
    *,
    out: str = "results",
    workers: int | None = None,
    scheduler: str | None = None,
):
    """Ranks pruners by how near their sparsest good tickets come to the planted ones.

    The distance to the truth is the lowest density at which a pruner's strong, or weak, ticket is
    near the planted one (accuracy at most 0.02 below, or MSE at most 3 times its own, mean over
    seeds), divided by the planted density: 1 or less is won. Finished runs are kept in <out>/runs
    and never repeated. <out>/leaderboard gets runs.csv with one row each, the tables as CSV and
    Markdown, a picture, and index.html with all of it.

    Args:
        out: folder of all results.
        workers: processes, None for one per core.
        scheduler: address of a Dask scheduler to use instead, such as tcp://host:8786.
    """
    from pns_tf.runs.store import Store
    from pns_tf.runs.trial import try_own_pruners
    from pns_tf.saving.storage import output_folder

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    folder = output_folder(out, "runs", NAME)
    settings = given.make(Leaderboard)
    board = settings.board
    check_workers(workers, scheduler)
    others = None
    if settings.beside is not None:
        beside = text("beside", settings.beside, "the name of a file with rows")
        others = read_rows(Path(beside))
    try_own_pruners(attempt.run for attempt in board.first_stage())

    from pns_tf.leaderboard.report import write_leaderboard

    store, start = Store(folder), time.perf_counter()
    table, failure = ranked_rows(board, store, workers, scheduler, others)
    if failure and table.empty:
        raise failure
    spent = time.perf_counter() - start
    if others is not None:
        import pandas as pd

        anew = others["entry"].isin([entry.name for entry in board.entries])
        anew &= others["task"].isin(board.tasks)
        table = pd.concat([others[~anew], table], ignore_index=True)
    path = store.write_table(table, NAME)
    print(f"{len(table)} runs, {spent:.0f} s\n")
    print(tables(write_leaderboard(table, path.parent, given.line)))
    print(f"\nwritten to  {path.parent / 'index.html'}")
    print("            runs.csv, leaderboard.csv, leaderboard.md, figures")
    if failure:
        raise failure


def ranked_rows(
    board: Board,
    store: Store,
    workers: int | None,
    scheduler: str | None,
    known: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, RunsFailed | None]:
    """Runs both stages of a leaderboard, but what is among the ``known`` rows.

    Returns:
        All its rows, and the error if some runs failed.
    """
    from pns_tf.leaderboard.board import collected
    from pns_tf.runs.missing import run_missing

    def finish(attempts: Sequence[Attempt]) -> RunsFailed | None:
        names = frozenset() if known is None else frozenset(known["run"])
        runs = [attempt.run for attempt in attempts]
        return run_missing(runs, store, workers, scheduler, known=names)[1]

    from pns_tf.runs.estimate import announced

    attempts = board.first_stage()
    names = frozenset() if known is None else frozenset(known["run"])
    todo = [attempt.run for attempt in attempts if attempt.run.name not in names]
    if scheduler is None and (line := announced("first stage", todo, store, workers)):
        print(line, flush=True)
    failure = finish(attempts)
    more = board.second_stage(collected(attempts, store, known))
    failure = finish(more) or failure
    return collected([*attempts, *more], store, known), failure


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of another leaderboard.

    Raises:
        ValueError: the file cannot be read, or is something else.
    """
    import pandas as pd

    from pns_tf.tasks import names

    try:
        table = pd.read_csv(path)
        if path.suffix == ".csv" and b"\0" in path.read_bytes():
            raise ValueError("it has NUL bytes")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {str(error).splitlines()[0]}") from error
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise InputError(
            f"{path} is no runs.csv of a leaderboard: it has no column {', '.join(missing)}"
        )
    if table.empty:
        raise InputError(f"{path} has no rows")
    for name, (low, high) in NUMBERS.items():
        _check_numbers(path, table, name, low, high)
    for task in table["task"].unique():
        choice(f"task in {path}", task, names())
    return table


def _check_numbers(path: Path, table: pd.DataFrame, name: str, low: float, high: float) -> None:
    """Raises ``InputError`` unless a column has numbers in the range; metrics may be missing."""
    import pandas as pd

    for row, value in enumerate(table[name], start=2):  # as lines of the file are counted
        missing = isinstance(value, float) and pd.isna(value) and name in METRICS
        if not missing:
            number(f"{name} in line {row} of {path}", value, low, high)


def tables(standings: pd.DataFrame) -> str:
    """Both rankings, as printed."""
    from tabulate import tabulate

    from pns_tf.leaderboard.distance import TICKETS
    from pns_tf.leaderboard.table import NOTE, ranking

    parts = []
    for ticket in TICKETS:
        text = tabulate(
            ranking(standings, ticket), headers="keys", showindex=False, disable_numparse=True
        )
        parts.append(f"{ticket} tickets\n\n{text}")
    return "\n\n".join([*parts, textwrap.fill(NOTE, 100)])
