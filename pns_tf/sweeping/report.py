"""What a sweep leaves behind: tables, the figure, the HParams log and the best ticket."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from pns_tf.checks import InputError
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.pictures import save_figure
from pns_tf.recipe.run import Run
from pns_tf.reports.hparams import axis, write_sessions
from pns_tf.runs.pool import Pool
from pns_tf.runs.store import Store
from pns_tf.runs.tickets import export_one
from pns_tf.sweeping.picture import width_figure
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import summary

METRICS = ("final", "strong", "f1", "recall", "effective_density")  # that TensorBoard shows


def write_report(table: pd.DataFrame, sweep: Sweep, folder: Path) -> pd.DataFrame:
    """Writes ``runs.csv``, ``trials.csv``, ``width.png`` and ``tensorboard/`` into ``folder``.

    Args:
        table: of `pns_tf.sweeping.tuner.Outcome`.
        sweep: what was searched.
        folder: of the sweep.

    Returns:
        The trials, see `pns_tf.sweeping.trials.summary`.

    Raises:
        ValueError: the folder cannot be written.
    """
    trials = summary(table)
    try:
        table.to_csv(folder / "runs.csv", index=False)
        trials.to_csv(folder / "trials.csv", index=False)
        save_figure(width_figure(table, trials, sweep), folder / "width.png")
        _write_sessions(trials, sweep, folder / "tensorboard")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    return trials


def _write_sessions(trials: pd.DataFrame, sweep: Sweep, folder: Path) -> None:
    """A session of TensorBoard's HParams for each trial, the objective being the first metric."""
    varied = [*sweep.varied, "width"] + ["epochs"] * (trials["epochs"].nunique() > 1)
    metrics = dict.fromkeys([sweep.objective, *METRICS])
    write_sessions(
        trials.assign(session=[f"trial{number}" for number in trials["trial"]]),
        "session",
        [axis(name, trials[name]) for name in varied],
        {name: f"{name}_mean" for name in metrics},
        folder,
    )


def export_ticket(run: Run, store: Store, pool: Pool, folder: Path) -> tuple[Path, str | None]:
    """Writes the found ticket of a run as ``seek`` does, unless it is there already.

    Args:
        run: its settings.
        store: where its row and masks are.
        pool: executes it once more.
        folder: the ticket gets a folder of its own in there.

    Returns:
        The ticket's folder, and a line that says why it was not written, if it was not.
    """
    path = folder / run.folder
    if path.exists():
        return path, None
    row = store.read(run) or {}
    done = pool.executor.submit(export_one, run, row, store.masks(run), path)
    return path, done.result()


def seek_flags(run: Run, seek: Callable) -> dict[str, object]:
    """All flags of the command ``seek`` that does such a run."""
    flags = {name: p.default for name, p in inspect.signature(seek).parameters.items()}
    usual = Run(FullyConnected(run.task)).settings  # what seek does unless it is told otherwise
    told = {name: value for name, value in run.settings.items() if value != usual[name]}
    told |= {"task": run.task}
    if run.search.options:
        told["options"] = run.search.options  # in the row it is text
    return flags | {name: value for name, value in told.items() if name in flags}
