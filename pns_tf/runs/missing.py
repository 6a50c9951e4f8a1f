"""Runs what a store does not have yet, under a progress bar."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pns_tf.recipe.run import Run
from pns_tf.runs.progress import RunsBar
from pns_tf.runs.store import Store
from pns_tf.runs.workers import RunsFailed, run_all


def run_missing(
    runs: Sequence[Run],
    store: Store,
    workers: int | None = None,
    scheduler: str | None = None,
    known: Collection[str] = (),
) -> tuple[int, RunsFailed | None]:
    """Executes the runs that are not finished, and keeps each as soon as it is.

    Args:
        runs: all runs, finished or not.
        store: where finished ones are kept.
        workers: processes on this machine; ``None`` for one per core.
        scheduler: address of a Dask scheduler to use instead.
        known: names of runs that count as finished, wherever their rows are.

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
    missing = [run for run in runs if run.name not in known and store.read(run) is None]
    if not missing:
        return 0, None
    executed, failure = 0, None
    with RunsBar(len(runs), done=len(runs) - len(missing)) as bar:

        def keep(run, result):
            nonlocal executed
            store.write(run, result)
            executed += 1
            bar.advance()

        try:
            run_all(missing, keep, workers, scheduler, places=bar.set_places)
        except RunsFailed as error:
            failure = error
    return executed, failure
