"""The command ``sweep``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import flag
from pns_tf.commands.checks import check_workers
from pns_tf.commands.flags import Given, command_line, takes
from pns_tf.sweeping.settings import Sweep

if TYPE_CHECKING:
    from pns_tf.runs.pool import Pool
    from pns_tf.runs.store import Store
    from pns_tf.sweeping.cluster import Cluster
    from pns_tf.sweeping.tuner import Outcome


@takes(Sweep, without=("gap",), defaults={"task": "circle"})
def sweep(
    given: Given, *, workers: int | None = None, out: str = "results", overwrite: bool = False
):
    """Lets Keras Tuner look for the width of the host at which a pruner finds most.

    Varies the width, and each of pruner, density, depth, learning_rate and prune_rounds for which
    several values are given, separated by commas. The folder <out>/sweep-<task>-<pruner>-... gets
    tables of trials and runs, a picture of the objective over the width, a TensorBoard log and the
    best ticket. Finished runs are kept in <out>/runs: a sweep that was stopped goes on.
    With KERASTUNER_TUNER_ID, KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set, the process is
    the chief, or one of the workers, of a sweep over machines that share <out>.

    Args:
        workers: processes, None for one per core.
        out: folder of all results.
        overwrite: replace the folder of another sweep.
    """
    from pns_tf.runs.trial import try_own_pruners
    from pns_tf.saving.storage import output_folder
    from pns_tf.sweeping.cluster import from_environment
    from pns_tf.sweeping.record import check_folder, check_joined, claim_folder

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    results = output_folder(out, "runs")
    settings = given.make(Sweep)
    check_workers(workers)
    flag("overwrite", overwrite)
    folder, cluster = results / settings.name, from_environment()
    if cluster is None or cluster.is_chief:
        check_folder(folder, settings, overwrite)
    if cluster is not None:
        cluster.check()
        if not cluster.is_chief:
            check_joined(folder, settings)
    try_own_pruners(settings.first_runs())
    if settings.narrowest > settings.min_width:
        print(
            f"widths below {settings.narrowest} do not hold the {settings.task} ticket "
            f"and are left out"
        )

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.pruners import make_pruner

    for run in settings.first_runs():
        make_pruner(run.search)  # its options are checked
    from pns_tf.runs.estimate import announced
    from pns_tf.runs.pool import Pool
    from pns_tf.runs.store import Store
    from pns_tf.sweeping.likely import likely_runs

    start, store = time.perf_counter(), Store(results)
    if cluster is None or cluster.is_chief:
        claim_folder(folder, settings, overwrite)
    line = announced(f"{settings.oracle} search", likely_runs(settings), store, workers)
    if cluster is None and line is not None:
        print(line, flush=True)
    with Pool(workers) as pool:
        outcome = searched(settings, store, pool, folder, cluster)
        if outcome is None:
            print("the sweep is over: the chief has the results")
            return
        spent = time.perf_counter() - start
        trials = outcome.table["trial"].nunique()
        print(f"{trials} trials, {len(outcome.runs)} runs, {spent:.0f} s\n")
        print(report(outcome, settings, store, pool, folder))


def searched(
    settings: Sweep, store: Store, pool: Pool, folder: Path, cluster: Cluster | None = None
) -> Outcome | None:
    """What a sweep results in, see `pns_tf.sweeping.tuner.search`, under a bar of runs."""
    from tqdm import tqdm

    from pns_tf.sweeping.tuner import search

    knows_all = cluster is None or cluster.is_chief
    total = settings.max_trials * settings.seeds if knows_all and settings.max_trials else None
    with tqdm(total=total, unit="run", disable=None) as bar:
        return search(settings, store, pool, folder / "keras_tuner", cluster, bar.update)


def report(outcome: Outcome, settings: Sweep, store: Store, pool: Pool, folder: Path) -> str:
    """Writes what a sweep leaves behind, and says what is best."""
    from tabulate import tabulate

    from pns_tf.commands.seek import seek
    from pns_tf.sweeping.report import export_ticket, seek_flags, write_report
    from pns_tf.sweeping.trials import best, best_run, shown

    trials = write_report(outcome.table, settings, folder)
    found = best(trials, settings)
    run = outcome.runs[best_run(outcome.table, found, settings)]
    path, complaint = export_ticket(run, store, pool, folder / "tickets")
    values = [f"{name.replace('_', ' ')} {found[name]}" for name in (*settings.varied, "width")]
    return "\n".join(
        [
            tabulate(shown(trials, settings), headers="keys", showindex=False, floatfmt=".4g"),
            "",
            f"best        {', '.join(values)}",
            f"once more   {command_line(seek, seek_flags(run, seek))}",
            f"ticket      {complaint or path}",
            f"written to  {folder}",
            "            trials.csv, runs.csv, width.png",
            f"look at it  tensorboard --logdir {folder / 'tensorboard'}",
        ]
    )
