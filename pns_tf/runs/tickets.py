"""Found tickets as SavedModels, made again from what is stored: settings and masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

import pandas as pd

from pns_tf.masks import Mask
from pns_tf.recipe.names import found_name, run_name
from pns_tf.recipe.run import Run
from pns_tf.reports.rows import prepared
from pns_tf.runs.store import Store
from pns_tf.runs.workers import open_executor
from pns_tf.tasks.kinds import kind_named


def chosen(table: pd.DataFrame, which: str) -> list[str]:
    """Names of the runs whose tickets are to be exported.

    Args:
        table: rows of `Store.table`.
        which: "all", or "best" for the one with the best final metric of each task, pruner and
            density (and of whatever else the experiment varies).
    """
    rows = prepared(table).set_index("run")
    if which == "best":
        better_below = ~rows["kind"].map(lambda kind: kind_named(kind).higher_is_better)
        loss = rows["final"].where(better_below, -rows["final"]).dropna()
        groups = [rows.loc[loss.index, key] for key in ("panel", "label", "density")]
        rows = rows.loc[loss.groupby(groups, sort=False).idxmin()]
    return list(rows.index)


def folder_name(run: Run) -> str:
    """As ``seek`` would name it, and what the data and the host are made of if unusual.

    Example:
        >>> folder_name(Run("circle", search=SeekSettings("snip", 0.5, rounds=10, noise=0.1)))
        'circle-d5-w100-s0-snip-0.5-rounds=10-noise=0.1'
    """
    planted = run_name(run.task, run.depth, run.width, run.search.seed)
    return found_name(planted, run.search, run.search.seed) + run.planting.unusual


def export(
    runs: Sequence[Run],
    store: Store,
    folder: Path,
    which: str,
    workers: int | None = None,
    done: Callable[[], None] = lambda: None,
) -> tuple[int, list[str]]:
    """Writes found tickets as ``seek`` does; leaves those that exist as they are.

    Args:
        runs: those of an experiment; only finished ones are exported.
        store: where their rows and masks are.
        folder: gets a folder for each ticket.
        which: "best" or "all", see `chosen`.
        workers: processes, ``None`` for one per core.
        done: called after each ticket.

    Returns:
        How many tickets were written, and a line for each that could not be made again.
    """
    table = store.table(runs)
    rows = {row["run"]: row for row in table.to_dict("records")}
    by_name = {run.name: run for run in runs}
    wanted = {name: folder / folder_name(by_name[name]) for name in chosen(table, which)}
    written, complaints = 0, []
    with open_executor(workers, scheduler=None) as (executor, _):
        futures = [
            executor.submit(export_one, by_name[name], rows[name], store.masks(by_name[name]), path)
            for name, path in wanted.items()
            if not path.exists()
        ]
        for future in as_completed(futures):
            complaint = future.result()
            written += complaint is None
            complaints += [] if complaint is None else [complaint]
            done()
    return written, complaints


def export_one(run: Run, row: dict, masks: Mask, path: Path) -> str | None:
    """Plants and seeks again, and writes the ticket if it is the one that was found before.

    Args:
        run: its settings.
        row: its stored row.
        masks: its stored masks.
        path: the new folder.

    Returns:
        ``None``, or a line that says why the ticket was not written.
    """
    from pns_tf.planting.planted import plant
    from pns_tf.saving.found_run import write_found
    from pns_tf.seeking import seek_with

    settings = run.search
    planted = plant(**run.planting.arguments)
    found = seek_with(planted, settings)
    differing = [name for name, value in found.metrics.items() if not _same(value, row[name])]
    if found.masks != masks or differing:
        return (
            f"{path.name} is not exported: run {run.name} finds another ticket here than where it "
            f"was stored ({', '.join(differing) or 'masks'} differ)"
        )
    write_found(found, planted, settings, path, planted_in=run.planting.name)
    return None


def _same(value: float, stored: float) -> bool:
    return value == stored or (pd.isna(value) and pd.isna(stored))
