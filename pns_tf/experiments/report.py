"""Everything that is written about an experiment, from its rows: pictures, tables, one page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from pns_tf.checks import InputError
from pns_tf.experiments import findings
from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.experiments.experiment import Experiment
from pns_tf.experiments.figures import draw
from pns_tf.experiments.findings import Verdict
from pns_tf.experiments.page import page
from pns_tf.experiments.run_details import RunDetails
from pns_tf.experiments.statements import FINDINGS
from pns_tf.recipe.run import Run
from pns_tf.reports.hparams import write_runs
from pns_tf.reports.rows import SETTINGS
from pns_tf.reports.table import as_markdown, readable, summary
from pns_tf.reports.writing import distinct_values, effort, write_pictures
from pns_tf.runs.store import Store
from pns_tf.saving.storage import write_text


def check(store: Store, experiment: Experiment | None, table: pd.DataFrame | None) -> list[Verdict]:
    """Tests the paper's statements on the rows that there are.

    Args:
        store: has the rows of the other experiments, of those that a statement compares.
        experiment: statements about this one only, not narrowed; ``None`` for all.
        table: its rows.
    """
    about = FINDINGS if experiment is None else findings.about(FINDINGS, experiment.name)
    needed = {name for finding in about for name in finding.needs} & set(EXPERIMENTS)
    tables = {name: store.table(EXPERIMENTS[name].runs()) for name in needed}
    settings = {}
    if experiment is not None:
        name = findings.canonical(experiment.name)
        tables[name], settings[name] = table, experiment.settings
    return findings.judge(about, tables, settings)


def write_report(
    experiment: Experiment,
    table: pd.DataFrame,
    store: Store,
    command: str,
    seconds: float,
    runs: Iterable[Run] = (),
) -> tuple[list[Verdict], Path]:
    """Writes pictures, summary, findings, TensorBoard log and page of an experiment.

    They go to ``<store's folder>/<experiment>/``: ``figures/*.png`` and ``*.svg``,
    ``summary.csv`` and ``.md``, ``findings.md``, ``tensorboard/`` and ``index.html``.

    Args:
        experiment: what was run, or some of it.
        table: its rows.
        store: has the rows that findings compare with.
        command: the command line, for the page.
        seconds: that the command took.
        runs: those of the table, whose losses and masks TensorBoard is to show.

    Returns:
        The verdicts on the paper's statements about the experiment, and the path of the page.

    Raises:
        ValueError: the folder cannot be written.
    """
    folder = store.folder / experiment.name
    verdicts = check(store, experiment, table)
    summed = summary(table)
    try:
        drawn = draw(table, f"{experiment.name}: {experiment.title}")
        pictures = write_pictures(drawn, folder / "figures")
        details = RunDetails(runs, store)
        write_text(folder / "summary.csv", summed.to_csv(index=False))
        write_text(folder / "summary.md", as_markdown(summed))
        write_text(folder / "findings.md", findings.as_markdown(verdicts))
        text = page(
            experiment.name,
            experiment.title,
            f"{effort(table)}, {seconds:.0f} s for the last command",
            command,
            pictures,
            verdicts,
            readable(summed),
            distinct_values(table[[name for name in SETTINGS if name in table]]),
            distinct_values(table.filter(regex="^version_").rename(columns=lambda name: name[8:])),
        )
        write_text(folder / "index.html", text)
        write_runs(table, folder / "tensorboard", drawn, details)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    return verdicts, folder / "index.html"
