"""The command ``reproduce``."""

from __future__ import annotations

import inspect
import time
from pathlib import Path

from pns_tf.checks import InputError, choice, flag, integer, several
from pns_tf.commands.flags import command_line


def reproduce(
    *,
    figure: int | None = None,
    experiment: str | None = None,
    task: str | tuple = (),
    pruner: str | tuple = (),
    density: str | float | tuple = (),
    seeds: int | None = None,
    out: str = "results",
    workers: int | None = None,
    scheduler: str | None = None,
    check: bool = False,
    export: str | None = None,
    width_multiplier: float = 1.0,
    epochs: int | None = None,
    samples: int | None = None,
    data_dir: str | None = None,
):
    """Runs an experiment, and continues one that was stopped.

    Finished runs are kept in <out>/runs and never repeated; those of the experiment are collected
    in <out>/<experiment>/runs.csv, one row each. Beside it are index.html with all pictures,
    tables and findings, the same as single files, and a TensorBoard log of all runs.

    Args:
        figure: number of a figure of the paper.
        experiment: one that the command experiments lists, or a Python file of your own.
        task: only these, separated by commas.
        pruner: only these, separated by commas; module:Class for one of your own, and one that the
            experiment does not have, join those that are named, or all.
        density: only these, separated by commas; baseline is the planted density.
        seeds: runs of each setting, None for the experiment's own number.
        out: folder of all results.
        workers: processes, None for one per core.
        scheduler: address of a Dask scheduler to use instead, such as tcp://host:8786.
        check: run nothing, print what finished runs say about the paper's statements; without
            --figure and --experiment about all of them.
        export: best or all, also write the found tickets as seek does, into
            <out>/<experiment>/tickets; best is one for each task, pruner and density.
        width_multiplier: for figure 5, of all channels of VGG16.
        epochs: for figure 5, of the final training, half as many in each multishot round; None
            for 10.
        samples: for figure 5, training images, None for all.
        data_dir: for figure 5, where TensorFlow Datasets keeps its data sets, None for its own
            place.
    """
    given = locals()
    command = command_line(reproduce, given)
    from pns_tf.commands.checks import check_image_flags
    from pns_tf.commands.figure5 import figure5
    from pns_tf.experiments.catalog import find
    from pns_tf.runs.missing import run_missing
    from pns_tf.runs.store import Store

    store = Store(Path(str(out)))
    if flag("check", check) and figure is None and experiment is None:
        print(_findings(store))
        return
    if (figure is None) == (experiment is None):
        raise InputError("reproduce needs either --figure or --experiment")
    if figure == 5:
        for name in ("task", "workers", "scheduler", "check", "export"):
            if given[name] != inspect.signature(reproduce).parameters[name].default:
                raise InputError(f"--{name} does not go with --figure=5, got {given[name]!r}")
        figure5(
            Path(str(out)),
            width_multiplier=width_multiplier,
            epochs=epochs,
            samples=samples,
            seeds=seeds,
            pruners=several(pruner),
            densities=several(density),
            data_dir=data_dir,
        )
        return
    check_image_flags(
        reproduce,
        given,
        *("width_multiplier", "epochs", "samples", "data_dir"),
        needed_by="--figure=5",
    )
    name = experiment if figure is None else f"figure{figure}"
    chosen = find(name).narrowed(several(task), densities=several(density))
    chosen = chosen.sought_by(several(pruner))
    if workers is not None:
        integer("workers", workers, minimum=1)
    if export is not None:
        choice("export", export, ("best", "all"))
    everything = chosen.runs(seeds)
    if check:
        print(_findings(store, chosen, store.table(everything)))
        return
    start = time.perf_counter()
    new, failure = run_missing(everything, store, workers, scheduler)
    table = store.table(everything)
    if failure and table.empty:
        raise failure
    path = store.write_table(table, chosen.name)
    spent = time.perf_counter() - start
    print(f"{len(table)} runs, {new} of them new, in {spent:.0f} s")
    _report(chosen, table, store, command, spent)
    if export is not None:
        _export(everything, store, path.parent / "tickets", export, workers)
    if failure:
        raise failure


def _findings(store, experiment=None, table=None) -> str:
    """What the rows that there are say about the paper's statements."""
    from pns_tf.experiments.findings import lines
    from pns_tf.experiments.report import check

    return lines(check(store, experiment, table)) or "the paper states nothing about it"


def _report(experiment, table, store, command: str, seconds: float) -> None:
    from pns_tf.experiments.findings import lines
    from pns_tf.experiments.report import write_report

    verdicts, path = write_report(experiment, table, store, command, seconds)
    if verdicts:
        print(lines(verdicts))
    print(f"written to  {path}")
    print("            runs.csv, summary.csv, summary.md, findings.md, figures")
    print(f"look at it  tensorboard --logdir {path.parent / 'tensorboard'}")


def _export(runs, store, folder: Path, which: str, workers: int | None) -> None:
    from tqdm import tqdm

    from pns_tf.runs.tickets import export

    with tqdm(unit="ticket", leave=False, disable=None) as bar:
        written, complaints = export(runs, store, folder, which, workers, done=bar.update)
    print(f"tickets     {written} new ones in {folder}")
    for complaint in complaints:
        print(f"            {complaint}")
