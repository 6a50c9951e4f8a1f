"""The command ``minimal_width``."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, flag, number, several
from pns_tf.commands.checks import check_workers
from pns_tf.commands.flags import Given, takes
from pns_tf.sweeping.settings import BISECTION, Sweep

if TYPE_CHECKING:
    import pandas as pd

TABLE = "minimal_width.csv"


@takes(
    Sweep,
    without=("oracle", "trials"),
    defaults={"task": "circle", "gap": 0.1, "min_width": 1, "step": 1, "seeds": 5},
    types={
        "task": "str | tuple",
        "density": "float | str",
        "step": "int",
        "depth": "int",
        "learning_rate": "float",
        "prune_rounds": "int",
        "gap": "float",
    },
)
def minimal_width(
    given: Given, *, workers: int | None = None, out: str = "results", overwrite: bool = False
):
    """Finds the smallest width of the host at which the found ticket comes near the planted one.

    Bisects the widths for each task and pruner, several of which are separated by commas; a wider
    host is taken not to be worse. Writes <out>/minimal_width/ with a table, a picture, and all that
    sweep leaves behind of each search. Finished runs are kept in <out>/runs: a search that was
    stopped goes on.

    Args:
        task: those that the command tasks lists.
        step: between widths.
        objective: final, strong, precision, recall, f1 or jaccard.
        gap: how much may be missing at that width, in the mean over seeds; for final and strong of
            the planted ticket's advantage over the best constant, for the others to 1.
        seeds: runs at each width.
        seed: of the first of them.
        workers: processes, None for one per core.
        out: folder of all results.
        overwrite: replace the folders and the table of other searches.
    """
    from pns_tf.runs.trial import try_own_pruners
    from pns_tf.saving.storage import output_folder
    from pns_tf.sweeping.cluster import from_environment
    from pns_tf.sweeping.record import check_folder, claim_folder

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    folder = output_folder(out, "runs", "minimal_width")
    for name in ("density", "depth", "learning_rate", "prune_rounds"):
        if isinstance(given[name], tuple | list):
            raise InputError(f"{name} must be one value for all searches, got {given[name]!r}")
    number("gap", given["gap"], low=0.0)
    wanted = {"task": several(given["task"]), "pruner": several(given["pruner"])}
    searches = given.each(Sweep, **wanted, oracle=[BISECTION])
    if not searches:
        raise InputError("minimal_width needs at least one task and one pruner")
    check_workers(workers)
    flag("overwrite", overwrite)
    parent = folder / "minimal_width"
    _check_table(parent / TABLE, searches, overwrite)
    for settings in searches:
        check_folder(parent / settings.name, settings, overwrite)
    try_own_pruners([run for settings in searches for run in settings.first_runs()])
    if from_environment() is not None:
        raise InputError("minimal_width runs on one machine: unset the KERASTUNER_ variables")

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.pruners import make_pruner

    for run in (run for each in searches for run in each.first_runs()):
        make_pruner(run.search)  # its options are checked
    from pns_tf.commands.sweep import searched
    from pns_tf.runs.estimate import announced
    from pns_tf.runs.pool import Pool
    from pns_tf.runs.store import Store
    from pns_tf.sweeping.likely import likely_runs
    from pns_tf.sweeping.minimal_width import gaps, smallest
    from pns_tf.sweeping.report import write_report

    start, store, tried, answers = time.perf_counter(), Store(folder), [], []
    runs = [run for each in searches for run in likely_runs(each)]
    if line := announced("all searches, at most", runs, store, workers):
        print(line, flush=True)
    with Pool(workers) as pool:
        for settings in searches:
            place = parent / settings.name
            claim_folder(place, settings, overwrite)
            outcome = searched(settings, store, pool, place)
            assert outcome is not None  # only workers of a cluster have none
            write_report(outcome.table, settings, place)
            tried.append(gaps(outcome.table, settings))
            answers.append(smallest(tried[-1], settings))
    _write(tried, answers, settings, parent, time.perf_counter() - start)


def _check_table(path: Path, searches: Sequence[Sweep], overwrite: bool) -> None:
    """Raises `InputError` if the table has answers that this command would not give again."""
    if overwrite or not path.exists():
        return
    with path.open(encoding="utf-8", newline="") as file:
        there = {
            (row.get("task"), row.get("pruner"), row.get("objective", "final"))
            for row in csv.DictReader(file)
        }
    asked = {(each.task, each.pruner, each.objective) for each in searches}
    if others := sorted(there - asked, key=str):
        said = ", ".join(f"{task} with {pruner}, {objective}" for task, pruner, objective in others)
        raise InputError(
            f"{path} also answers for {said}: name these too, another folder with --out, or "
            "--overwrite"
        )


def _write(
    tried: list[pd.DataFrame], answers: list[dict], settings: Sweep, folder: Path, spent: float
) -> None:
    import pandas as pd

    from pns_tf.pictures import save_figure
    from pns_tf.saving.storage import replacing, write_text
    from pns_tf.sweeping.minimal_width import as_markdown, gaps_figure

    widths, table = pd.concat(tried, ignore_index=True), pd.DataFrame(answers)
    text = as_markdown(table, settings)
    try:
        write_text(folder / TABLE, table.to_csv(index=False))
        write_text(folder / "distances.csv", widths.to_csv(index=False))
        write_text(folder / "minimal_width.md", text)
        with replacing(folder / "distances.png") as partial:
            save_figure(gaps_figure(widths, settings), partial)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    print(text)
    print(f"{len(widths)} trials, {widths['n'].sum()} runs, {spent:.0f} s")
    print(f"written to  {folder}")
    print("            minimal_width.csv and .md, distances.csv and .png, a folder of each search")
