"""The command ``reproduce``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from pns_tf.checks import InputError, choice, flag, several, text
from pns_tf.commands.flags import command_line

REMADE = ("width_multiplier", "epochs", "samples")  # what figure 5 leaves to choose
CHOOSING = ("task", "pruner", "density", "seeds", *REMADE)  # among an experiment's runs
OF_RUNS = ("workers", "scheduler", "export", "data_dir", "beside")  # where runs are executed


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
    control: bool = False,
    export: str | None = None,
    width_multiplier: float | None = None,
    epochs: int | None = None,
    samples: int | None = None,
    data_dir: str | None = None,
    beside: str | None = None,
):
    """Runs an experiment, and continues one that was stopped.

    Finished runs are kept in <out>/runs and never repeated; those of the experiment are collected
    in <out>/<experiment>/runs.csv, one row each. Beside it are index.html with all pictures,
    tables and findings, the same as single files, and a TensorBoard log of all runs.

    Args:
        figure: number of a figure of the paper.
        experiment: one that the command experiments lists, or a Python file or module:NAME of your
            own.
        task: only these, separated by commas.
        pruner: only these, separated by commas; module:Class or file.py:Class for one of your own,
            and one that the experiment does not have, join those that are named, or all.
        density: only these, separated by commas; baseline is the planted density.
        seeds: runs of each setting, None for the experiment's own number.
        out: folder of all results.
        workers: processes, None for one per core.
        scheduler: address of a Dask scheduler to use instead, such as tcp://host:8786.
        check: run nothing, print what finished runs say about the paper's statements; without
            --figure and --experiment about all of them.
        control: also do each search in the host before anything is planted in it: what it finds
            there, nobody has planted.
        export: best or all, also write the found tickets as seek does, into
            <out>/<experiment>/tickets; best is one for each task, pruner and density.
        width_multiplier: for figure 5 and transfer, of all channels, None for 1 and 0.5.
        epochs: for figure 5 and transfer, of the final training; None for 10.
        samples: for figure 5 and transfer, training images, None for all and 5,000.
        data_dir: for figure 5 and transfer, where TensorFlow Datasets keeps its data sets, None for
            its own place.
        beside: for transfer, runs.csv of a leaderboard, whose ranking is compared with the one on
            images.
    """
    given = locals()
    command = command_line(reproduce, given)
    from pns_tf.commands.checks import check_data_dir, check_workers
    from pns_tf.experiments.catalog import find
    from pns_tf.runs.missing import run_missing
    from pns_tf.runs.store import Store
    from pns_tf.runs.trial import try_own_pruners
    from pns_tf.saving.storage import output_folder

    store = Store(output_folder(out, "runs", written=not flag("check", check)))
    everywhere = figure is None and experiment is None
    if check:
        _refuse_unheeded(given, [*OF_RUNS, *(CHOOSING if everywhere else ())])
    if check and everywhere:
        if flag("control", control):
            raise InputError("--control with --check needs --figure or --experiment")
        print(_findings(store))
        return
    if (figure is None) == (experiment is None):
        raise InputError("reproduce needs either --figure or --experiment")
    name = experiment if figure is None else f"figure{figure}"
    remade = {key: given[key] for key in REMADE if given[key] is not None}
    whole = find(name).remade(**remade)
    chosen = whole.narrowed(several(task), densities=several(density))
    chosen = chosen.sought_by(several(pruner))
    if flag("control", control):
        whole, chosen = whole.controlled(), chosen.controlled()
    ranked = None if beside is None else _ranked(beside, whole.name)
    data_dir = check_data_dir(data_dir)
    if data_dir is not None and not any(run.host.on_images for run in chosen.settings):
        raise InputError(f"--data_dir needs an experiment on images, got {name}")
    check_workers(workers, scheduler)
    if export is not None:
        choice("export", export, ("best", "all"))
    for run in chosen.settings:
        run.host.check_buildable()
    everything = chosen.runs(seeds)
    if ranked is not None:
        _check_comparable(ranked, everything)
    if check:
        print(_findings(store, whole, store.table(everything)))
        return
    output_folder(out, chosen.name)
    try_own_pruners(everything)
    start = time.perf_counter()
    new, failure = run_missing(everything, store, workers, scheduler, data_dir=data_dir)
    table = store.table(everything)
    if failure and table.empty:
        raise failure
    path = store.write_table(table, chosen.name)
    spent = time.perf_counter() - start
    print(f"{len(table)} runs, {new} of them new, in {spent:.0f} s")
    _report(whole, table, store, command, spent, everything)
    if ranked is not None:
        _compare(ranked, table, path.parent, command)
    if export is not None:
        _export(everything, store, path.parent / "tickets", export, workers, data_dir)
    if failure:
        raise failure


def _refuse_unheeded(given: Mapping[str, object], names: Iterable[str]) -> None:
    """Raises `InputError` for a flag that is given and that --check would ignore."""
    for name in names:
        if given[name] not in (None, ()):
            raise InputError(f"--{name} does not go with --check, got {given[name]!r}")


def _ranked(beside: object, name: str):
    """The rows of a leaderboard."""
    from pns_tf.commands.leaderboard import read_rows

    if name != "transfer":
        raise InputError(f"--beside goes with --experiment=transfer, got {name}")
    return read_rows(Path(text("beside", beside, "the name of a file with rows")))


def _check_comparable(computed, runs) -> None:
    """Raises `InputError` before anything is run if there will be nothing to compare."""
    import pandas as pd

    from pns_tf.reports.transfer import check_comparable

    check_comparable(computed, pd.DataFrame([run.settings for run in runs]))


def _compare(computed, images, folder: Path, command: str) -> None:
    """Writes how the ranking on images agrees with that of a leaderboard."""
    from pns_tf.pictures import save_figure
    from pns_tf.reports.transfer import as_page, figure, transfer
    from pns_tf.saving.storage import replacing, write_text

    result = transfer(computed, images)
    print(result.taus.to_string(index=False, float_format="{:.2f}".format))
    with replacing(folder / "transfer.png") as partial:
        save_figure(figure(result), partial)
    write_text(folder / "taus.csv", result.taus.to_csv(index=False))
    write_text(folder / "places.csv", result.places.to_csv(index=False))
    write_text(folder / "transfer.md", as_page(result, images, command))


def _findings(store, experiment=None, table=None) -> str:
    """What the rows that there are say about the paper's statements."""
    from pns_tf.experiments.findings import lines
    from pns_tf.experiments.report import check

    return lines(check(store, experiment, table)) or "the paper states nothing about it"


def _report(experiment, table, store, command: str, seconds: float, runs) -> None:
    from pns_tf.experiments.findings import lines
    from pns_tf.experiments.report import write_report

    verdicts, path = write_report(experiment, table, store, command, seconds, runs)
    if verdicts:
        print(lines(verdicts))
    print(f"written to  {path}")
    print("            runs.csv, summary.csv, summary.md, findings.md, figures")
    print(f"look at it  tensorboard --logdir {path.parent / 'tensorboard'}")


def _export(
    runs, store, folder: Path, which: str, workers: int | None, data_dir: str | None
) -> None:
    from tqdm import tqdm

    from pns_tf.runs.tickets import export

    with tqdm(unit="ticket", leave=False, disable=None) as bar:
        written, complaints = export(runs, store, folder, which, workers, data_dir, done=bar.update)
    print(f"tickets     {written} new ones in {folder}")
    for complaint in complaints:
        print(f"            {complaint}")
