"""The commands ``reproduce`` and ``experiments``."""

from __future__ import annotations

import time
from pathlib import Path

from tasks.checks import InputError, integer


def reproduce(
    *,
    figure: int | None = None,
    experiment: str | None = None,
    runs: int | None = None,
    tasks: str | tuple = (),
    pruners: str | tuple = (),
    densities: str | float | tuple = (),
    pruner: str | None = None,
    out: str = "results",
    workers: int | None = None,
    scheduler: str | None = None,
):
    """Runs an experiment, and continues one that was stopped.

    Finished runs are kept in <out>/runs and never repeated; those of the experiment are collected
    in <out>/<experiment>/runs.csv, one row each.

    Args:
        figure: number of a figure of the paper.
        experiment: one that the command experiments lists, or a Python file of your own.
        runs: seeds for each setting, None for the experiment's own number.
        tasks: only these, separated by commas.
        pruners: only these, separated by commas.
        densities: only these, separated by commas; baseline is the planted density.
        pruner: one more pruner, module:Class for one of your own.
        out: folder of all results.
        workers: processes, None for one per core.
        scheduler: address of a Dask scheduler to use instead, such as tcp://host:8786.
    """
    from tqdm import tqdm

    from pns_tf.experiments.catalog import find
    from pns_tf.experiments.store import Store
    from pns_tf.experiments.workers import run_all

    if (figure is None) == (experiment is None):
        raise InputError("reproduce needs either --figure or --experiment")
    name = experiment if figure is None else f"figure{figure}"
    chosen = find(name).narrowed(_several(tasks), _several(pruners), _several(densities))
    if pruner is not None:
        chosen = chosen.with_pruner(pruner)
    if workers is not None:
        integer("workers", workers, minimum=1)
    everything = chosen.runs(runs)
    store = Store(Path(str(out)))
    missing = [run for run in everything if store.read(run) is None]
    start = time.perf_counter()
    with tqdm(
        total=len(everything), initial=len(everything) - len(missing), unit="run", disable=None
    ) as bar:

        def keep(run, result):
            store.write(run, result)
            bar.update()

        run_all(missing, keep, workers, scheduler)
    table = store.table(everything)
    path = store.write_table(table, chosen.name)
    spent = time.perf_counter() - start
    print(f"{len(table)} runs, {len(missing)} of them new, in {spent:.0f} s")
    print(f"written to  {path}")


def experiments():
    """Lists the experiments with their number of runs."""
    from tabulate import tabulate

    from pns_tf.experiments.catalog import EXPERIMENTS

    rows = [
        [
            found.name,
            found.title,
            len(found.settings),
            found.seeds,
            len(found.settings) * found.seeds,
        ]
        for found in EXPERIMENTS.values()
    ]
    print(tabulate(rows, ["experiment", "question", "settings", "seeds", "runs"]))


def _several(values) -> list:
    """What Fire makes of ``a,b``: a tuple, or one value."""
    if values is True or values is False:
        raise InputError("a list of values is needed, separated by commas")
    return list(values) if isinstance(values, tuple | list) else [values]
