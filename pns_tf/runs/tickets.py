"""Found tickets as SavedModels, made again from what is stored: settings and masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

import pandas as pd

from pns_tf.checks import InputError, json_object
from pns_tf.masks import Mask
from pns_tf.recipe.run import Run
from pns_tf.reports.rows import prepared
from pns_tf.runs.choosing import chosen_by
from pns_tf.runs.execute import found_in, network_of
from pns_tf.runs.ranked import BY_THE_PAPER
from pns_tf.runs.store import Store
from pns_tf.runs.workers import open_executor, shared_out
from pns_tf.saving.storage import RECORD
from pns_tf.tasks.kinds import kind_named


def chosen(table: pd.DataFrame, which: str) -> list[str]:
    """Names of the runs whose tickets are to be exported.

    Args:
        table: rows of `Store.table`.
        which: "all", or "best" for the one with the best final metric, on the validation set where
            rows say it, of each task, pruner and density (and of whatever else the experiment
            varies).
    """
    rows = prepared(table).set_index("run")
    if which == "best":
        better_below = ~rows["kind"].map(lambda kind: kind_named(kind).higher_is_better)
        values = chosen_by(rows, "final")
        loss = values.where(better_below, -values).dropna()
        groups = [rows.loc[loss.index, key] for key in ("panel", "label", "density")]
        rows = rows.loc[loss.groupby(groups, sort=False).idxmin()]
    return list(rows.index)


def export(
    runs: Sequence[Run],
    store: Store,
    folder: Path,
    which: str,
    workers: int | None = None,
    data_dir: str | None = None,
    done: Callable[[], None] = lambda: None,
) -> tuple[int, list[str]]:
    """Writes found tickets as ``seek`` does; leaves those that exist as they are.

    Args:
        runs: those of an experiment; only finished ones are exported.
        store: where their rows and masks are.
        folder: gets a folder for each ticket.
        which: "best" or "all", see `chosen`.
        workers: processes, ``None`` for one per core.
        data_dir: where data sets lie.
        done: called after each ticket.

    Returns:
        How many tickets were written, and a line for each that could not be made again, or in whose
        folder there is that of another run.
    """
    table = store.table(runs)
    rows = {row["run"]: row for row in table.to_dict("records")}
    by_name = {run.name: run for run in runs}
    wanted = {name: folder / by_name[name].folder for name in chosen(table, which)}
    written = 0
    complaints = [
        f"{path.name} is of run {there}, not of {name}: it is left as it is"
        for name, path in wanted.items()
        if (there := _run_of(path)) not in (None, name)
    ]
    workers, threads = shared_out(runs, workers)
    with open_executor(workers, scheduler=None, threads=threads) as (executor, _):
        futures = [
            executor.submit(
                export_one,
                by_name[name],
                rows[name],
                store.masks(by_name[name]),
                path,
                store.folder,
                data_dir,
            )
            for name, path in wanted.items()
            if not path.exists()
        ]
        for future in as_completed(futures):
            complaint = future.result()
            written += complaint is None
            complaints += [] if complaint is None else [complaint]
            done()
    return written, complaints


def export_one(
    run: Run,
    row: dict,
    masks: Mask,
    path: Path,
    results: Path | None = None,
    data_dir: str | None = None,
) -> str | None:
    """Plants and seeks again, and writes the ticket if it is the one that was found before.

    Args:
        run: its settings.
        row: its stored row.
        masks: its stored masks.
        path: the new folder.
        results: folder of all results, with the tickets that runs plant.
        data_dir: where data sets lie.

    Returns:
        ``None``, or a line that says why the ticket was not written.
    """
    from pns_tf.planting.planted import Planted
    from pns_tf.saving.found_run import write_found

    network = network_of(run, results)
    found = found_in(network, run, data_dir)
    elsewise = BY_THE_PAPER if run.ranked else ()  # the row judges these by another rule
    differing = [
        name
        for name, value in found.metrics.items()
        if name not in elsewise and not _same(value, row.get(name, value))
    ]
    if found.masks != masks or differing:
        return (
            f"{path.name} is not exported: run {run.name} finds another ticket here than where it "
            f"was stored ({', '.join(differing) or 'masks'} differ)"
        )
    write_found(
        found,
        network if isinstance(network, Planted) else None,
        run.search,
        path,
        planted_in=None if run.planting is None else run.planting.name,
        host=run.host,
        augmented=run.augmented,
        run=run.name,
    )
    return None


def _run_of(path: Path) -> str | None:
    """The run whose ticket a folder holds; ``None`` if there is no folder, or it does not say."""
    try:
        return json_object(path / RECORD, "found ticket").get("run") if path.exists() else None
    except InputError:  # whatever it holds, it is left as it is
        return None


def _same(value: float, stored: float) -> bool:
    return value == stored or (pd.isna(value) and pd.isna(stored))
