"""TensorBoard's HParams tab: a session for each row of a table."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

# What the plugin's ``api`` offers, without the import of TensorFlow, which takes seconds.
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    HParam,
    IntInterval,
    Metric,
    RealInterval,
    hparams_config_pb,
    hparams_pb,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from pns_tf.reports.rows import prepared
from pns_tf.saving.storage import new_folder

# Those that the rows have.
HPARAMS = ("task", "pruner", "density", "depth", "width", "width_multiplier", "noise", "seed")
METRICS = ("final", "strong", "recall", "effective_density")


def write_runs(table: pd.DataFrame, folder: Path) -> None:
    """Writes ``folder`` anew: a session for each run, in a folder named after it.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        folder: the log directory.

    Example:
        >>> write_runs(store.table(experiment.runs()), Path("results/figure3/tensorboard"))
    """
    rows = prepared(table)
    rows["pruner"] = rows["label"]
    rows["noise"] = rows["noise"].map(lambda noise: "default" if pd.isna(noise) else f"{noise:g}")
    names = [name for name in HPARAMS if name in rows]
    hparams = [HParam(name, Discrete(rows[name].unique().tolist())) for name in names]
    write_sessions(rows, "run", hparams, {metric: metric for metric in METRICS}, folder)


def write_sessions(
    rows: pd.DataFrame,
    session: str,
    hparams: Sequence[HParam],
    metrics: Mapping[str, str],
    folder: Path,
) -> None:
    """Writes ``folder`` anew: a session for each row, in a folder of its own.

    Args:
        rows: with a column for each hyperparameter.
        session: column with the names of the sessions.
        hparams: names and domains of hyperparameters, see `axis`.
        metrics: name → column with its values; those that are not numbers are left out.
        folder: the log directory.
    """
    names = [hparam.name for hparam in hparams]
    with new_folder(folder, overwrite=True) as new:
        _write(new, [hparams_config_pb(hparams, [Metric(metric) for metric in metrics])])
        for row in rows.to_dict("records"):
            (new / row[session]).mkdir()
            values = [
                Summary.Value(tag=metric, simple_value=row[column])
                for metric, column in metrics.items()
                if pd.notna(row[column])
            ]
            start = hparams_pb({name: row[name] for name in names}, trial_id=row[session])
            _write(new / row[session], [start, Summary(value=values), _session_end()])


def axis(name: str, values: pd.Series) -> HParam:
    """Numbers as an interval, so that the axis is drawn to scale; words as a list."""
    if pd.api.types.is_integer_dtype(values):
        return HParam(name, IntInterval(int(values.min()), int(values.max())))
    if pd.api.types.is_float_dtype(values):
        return HParam(name, RealInterval(float(values.min()), float(values.max())))
    return HParam(name, Discrete(values.unique().tolist()))


def _session_end() -> Summary:
    """Marks a session as finished."""
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS)
    content = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    value = Summary.Value(
        tag=metadata.SESSION_END_INFO_TAG,
        metadata=metadata.create_summary_metadata(content),
        tensor=metadata.NULL_TENSOR,
    )
    return Summary(value=[value])


def _write(folder: Path, summaries: Iterable[Summary]) -> None:
    """A file of events, written directly: summary writers would start a thread each."""
    with open(folder / f"events.out.tfevents.0.{platform.node()}.v2", "wb") as file:
        records = RecordWriter(file)
        records.write(Event(file_version="brain.Event:2").SerializeToString())
        for summary in summaries:
            records.write(Event(summary=summary).SerializeToString())
