"""The command ``leaderboard``."""

from __future__ import annotations

import math
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, number, text
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

    Ranked is by the area: the mean skill of tickets over the logarithm of density, from the
    planted density to 0.5, where 1 is as good as the planted ticket and 0 as the best constant.
    The distance to the truth is the lowest density at which a ticket is near the planted one
    (accuracy at most 0.02 below, or MSE at most 3 times its own), divided by the planted density:
    1 or less is won. All tickets are judged by one rule, on 100,000 samples, and on seeds from
    10000 on, by which nothing was chosen. Finished runs are kept in <out>/runs and never repeated.
    <out>/leaderboard gets runs.csv with one row each, standings.csv, the tables as Markdown, a
    picture, and index.html with all of it.

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
        check_ranked_rows(others, beside)
    try_own_pruners(attempt.run for attempt in board.trials())

    from pns_tf.leaderboard.report import write_leaderboard

    store, start = Store(folder), time.perf_counter()
    table, failure = ranked_rows(board, store, workers, scheduler, others)
    if failure and table.empty:
        raise failure
    spent = time.perf_counter() - start
    if others is not None:
        import pandas as pd

        anew = others["entry"].isin([entry.name for entry in board.entries])
        anew &= others["instance"].isin([instance.name for instance in board.instances])
        table = pd.concat([others[~anew], table], ignore_index=True)
    path = store.write_table(table, NAME)
    print(f"{len(table)} runs, {spent:.0f} s\n")
    write_leaderboard(table, path.parent, given.line)
    print(tables(table))
    print(f"\nwritten to  {path.parent / 'index.html'}")
    print("            runs.csv, standings.csv, leaderboard.md, figures")
    if failure:
        raise failure


def ranked_rows(
    board: Board,
    store: Store,
    workers: int | None,
    scheduler: str | None,
    known: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, RunsFailed | None]:
    """Runs all stages of a leaderboard, but what is among the ``known`` rows.

    Returns:
        All its rows, and the error if some runs failed.
    """
    from pns_tf.leaderboard.board import collected
    from pns_tf.runs.estimate import announced
    from pns_tf.runs.missing import run_missing

    names = frozenset() if known is None else frozenset(known["run"])

    def finish(what: str, attempts: Sequence[Attempt]) -> RunsFailed | None:
        runs = [attempt.run for attempt in attempts]
        todo = [run for run in runs if run.name not in names]
        if scheduler is None and (line := announced(what, todo, store, workers)):
            print(line, flush=True)
        failure = None
        # Seed by seed, so that what is there when it is stopped is a ranking of fewer seeds.
        for seed in dict.fromkeys(run.search.seed for run in runs):
            some = [run for run in runs if run.search.seed == seed]
            failure = run_missing(some, store, workers, scheduler, known=names)[1] or failure
        return failure

    failure, sizes = None, None
    if constructions := board.constructions():
        failure = finish("constructed tickets", constructions)
        sizes = collected(constructions, store, known)
    attempts = board.first_stage(sizes)
    failure = finish("first stage", attempts) or failure
    more = board.second_stage(collected(attempts, store, known))
    failure = finish("second stage", more) or failure
    return collected([*attempts, *more], store, known), failure


def check_ranked_rows(table: pd.DataFrame, where: object) -> None:
    """Raises ``InputError`` unless rows are of sealed seeds and judged by the rule of rankings."""
    from pns_tf.leaderboard.seeds import check_sealed

    check_sealed(table["seed"], str(where))
    if not is_ranked(table):
        raise InputError(
            f"{where} has rows that are not judged by the rule of rankings: expected the runs of a "
            "leaderboard of this version"
        )


def is_ranked(table: pd.DataFrame) -> bool:
    """Whether all rows were judged by the rule of rankings, see `pns_tf.runs.ranked`."""
    said = table["ranked"].fillna(False).astype(str) if "ranked" in table else None
    return said is not None and said.isin(("True", "1", "1.0")).all()


def read_rows(path: Path) -> pd.DataFrame:
    """The rows of another leaderboard, those of before with all columns of today.

    Raises:
        ValueError: the file cannot be read, or is something else.
    """
    import pandas as pd

    from pns_tf.leaderboard.distance import completed
    from pns_tf.tasks import get

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
        try:
            get(task)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return completed(table)


def _check_numbers(path: Path, table: pd.DataFrame, name: str, low: float, high: float) -> None:
    """Raises ``InputError`` unless a column has numbers in the range; metrics may be missing."""
    import pandas as pd

    for row, value in enumerate(table[name], start=2):  # as lines of the file are counted
        missing = isinstance(value, float) and pd.isna(value) and name in METRICS
        if not missing:
            number(f"{name} in line {row} of {path}", value, low, high)


def tables(table: pd.DataFrame) -> str:
    """Both rankings, as printed.

    Args:
        table: rows of a leaderboard.
    """
    from tabulate import tabulate

    from pns_tf.leaderboard.distance import RANKED
    from pns_tf.leaderboard.ranking import Scores, ranking
    from pns_tf.leaderboard.table import NOTE, reliability, shown

    made = Scores.of(table)

    parts = []
    for ticket in RANKED:
        found = shown(ranking(made, ticket))
        text = tabulate(found, "keys", showindex=False, disable_numparse=True)
        parts.append(f"{ticket} tickets\n\n{text}\n\n{reliability(made, ticket)}")
    return "\n\n".join([*parts, textwrap.fill(NOTE, 100)])
