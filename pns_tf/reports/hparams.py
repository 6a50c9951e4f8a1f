"""All runs of an experiment in TensorBoard's HParams tab: one session each."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

# What the plugin's ``api`` offers, without the import of TensorFlow, which takes seconds.
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    HParam,
    Metric,
    hparams_config_pb,
    hparams_pb,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from pns_tf.reports.rows import prepared
from pns_tf.saving.storage import new_folder

# Those that the rows have.
HPARAMS = ("task", "pruner", "density", "depth", "width", "width_multiplier", "noise", "seed")
METRICS = ("final", "strong", "recall", "effective_density")


def write_hparams(table: pd.DataFrame, folder: Path) -> None:
    """Writes ``folder`` anew: a session for each row, in a folder named after the run.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        folder: the log directory.

    Example:
        >>> write_hparams(store.table(experiment.runs()), Path("results/figure3/tensorboard"))
    """
    rows = prepared(table)
    rows["pruner"] = rows["label"]
    rows["noise"] = rows["noise"].map(lambda noise: "default" if pd.isna(noise) else f"{noise:g}")
    names = [name for name in HPARAMS if name in rows]
    config = hparams_config_pb(
        [HParam(name, Discrete(rows[name].unique().tolist())) for name in names],
        [Metric(metric) for metric in METRICS],
    )
    with new_folder(folder, overwrite=True) as new:
        _write(new, [config])
        for row in rows[["run", *names, *METRICS]].to_dict("records"):
            session = new / row["run"]
            session.mkdir()
            metrics = [
                Summary.Value(tag=metric, simple_value=row[metric])
                for metric in METRICS
                if pd.notna(row[metric])
            ]
            _write(
                session,
                [
                    hparams_pb({name: row[name] for name in names}, trial_id=row["run"]),
                    Summary(value=metrics),
                    _session_end(),
                ],
            )


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
