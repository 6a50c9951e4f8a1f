"""Runs what a store does not have yet, under a progress bar."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pns_tf.recipe.run import Run
from pns_tf.runs.execute import TICKETS
from pns_tf.runs.progress import RunsBar
from pns_tf.runs.store import Store
from pns_tf.runs.workers import RunsFailed, run_all


def run_missing(
    runs: Sequence[Run],
    store: Store,
    workers: int | None = None,
    scheduler: str | None = None,
    known: Collection[str] = (),
    data_dir: str | None = None,
) -> tuple[int, RunsFailed | None]:
    """Executes the runs that are not finished, and keeps each as soon as it is.

    Args:
        runs: all runs, finished or not.
        store: where finished ones are kept.
        workers: processes on this machine; ``None`` for one per core.
        scheduler: address of a Dask scheduler to use instead.
        known: names of runs that count as finished, wherever their rows are.
        data_dir: where data sets lie.

    Returns:
        How many were executed without an error, and the error if some of them failed.

    Raises:
        ValueError: the scheduler cannot be reached, workers die again and again, or the store
            cannot be written.

    Example:
        >>> store = Store(Path("results"))
        >>> executed, failure = run_missing(experiment.runs(), store, workers=2)
        >>> table = store.table(experiment.runs())
    """
    planted = {run.ticket.name for run in runs if run.ticket is not None}

    def is_finished(run: Run) -> bool:
        if run.name in known:
            return True
        kept = run.name not in planted or (store.folder / TICKETS / run.name).exists()
        return kept and store.read(run) is not None

    missing = [run for run in runs if not is_finished(run)]
    if not missing:
        return 0, None
    first = [run for run in missing if run.ticket is None]  # then those that plant their tickets
    executed, failure = 0, None
    with RunsBar(len(runs), done=len(runs) - len(missing)) as bar:

        def keep(run, result):
            nonlocal executed
            store.write(run, result)
            executed += 1
            bar.advance()

        for stage in (first, [run for run in missing if run.ticket is not None]):
            try:
                run_all(
                    stage,
                    keep,
                    workers,
                    scheduler,
                    bar.set_places,
                    folder=store.folder,
                    data_dir=data_dir,
                    planted_later=planted,
                )
            except RunsFailed as error:
                failure = failure or error
    return executed, failure
