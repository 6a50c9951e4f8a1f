"""TensorBoard's log of a table: a session of the HParams tab for each row, with its curves."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary

# What the plugin's ``api`` offers, without the import of TensorFlow, which takes seconds.
from tensorboard.plugins.hparams.summary_v2 import (
    Discrete,
    HParam,
    IntInterval,
    Metric,
    RealInterval,
    hparams_config_pb,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from pns_tf.pictures.style import png
from pns_tf.reports.rows import prepared
from pns_tf.reports.writing import Picture
from pns_tf.saving.sessions import session
from pns_tf.saving.storage import new_folder

# Those that the rows have.
HPARAMS = ("task", "pruner", "density", "depth", "width", "width_multiplier", "noise", "seed")
METRICS = ("final", "strong", "recall", "effective_density")


@dataclass(frozen=True, eq=False)
class Details:
    """What TensorBoard shows of a run besides its numbers.

    Attributes:
        curves: values of each epoch, by name.
        pictures: by name.
    """

    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    pictures: Mapping[str, Figure] = field(default_factory=dict)


def write_runs(
    table: pd.DataFrame,
    folder: Path,
    pictures: Sequence[Picture] = (),
    details: Callable[[str], Details] = lambda run: Details(),
) -> None:
    """Writes ``folder`` anew: a session for each run, named in words, and pictures of all.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        folder: the log directory.
        pictures: of the whole experiment.
        details: curves and pictures of a run, by its name in the table.

    Example:
        >>> write_runs(store.table(experiment.runs()), Path("results/figure3/tensorboard"))
    """
    rows = prepared(table)
    rows["pruner"] = rows["label"]
    rows["noise"] = rows["noise"].map(lambda noise: "default" if pd.isna(noise) else f"{noise:g}")
    rows["session"] = in_words(rows)
    names = [name for name in HPARAMS if name in rows]
    hparams = [HParam(name, Discrete(rows[name].unique().tolist())) for name in names]
    metrics = {metric: metric for metric in METRICS}
    shown = {picture.name: picture.figure for picture in pictures}
    write_sessions(
        rows,
        "session",
        hparams,
        metrics,
        folder,
        Details(pictures=shown),
        lambda row: details(row["run"]),
    )


def in_words(rows: pd.DataFrame) -> pd.Series:
    """A name for each run that says what it is, and that a folder can bear.

    Args:
        rows: of `pns_tf.reports.rows.prepared`.

    Returns:
        Such as "circle, synflow, 0.1, seed 0"; runs that would share a name have the hash, too.
    """
    density = rows["density"].map("{:.3g}".format)
    seeds = rows["seed"].map("seed {}".format)
    names = rows["panel"] + ", " + rows["label"] + ", " + density + ", " + seeds
    names = names.map(lambda name: re.sub(r"[^\w ,.=+-]", "_", name))
    return names.where(~names.duplicated(keep=False), names + ", " + rows["run"])


def write_sessions(
    rows: pd.DataFrame,
    name: str,
    hparams: Sequence[HParam],
    metrics: Mapping[str, str],
    folder: Path,
    overview: Details | None = None,
    details: Callable[[dict], Details] = lambda row: Details(),
) -> None:
    """Writes ``folder`` anew: a session for each row, in a folder of its own.

    Args:
        rows: with a column for each hyperparameter.
        name: column with the names of the sessions.
        hparams: names and domains of hyperparameters, see `axis`.
        metrics: name → column with its values; those that are not numbers are left out.
        folder: the log directory.
        overview: what is shown of all of them together.
        details: what else is shown of a row.
    """
    names = [hparam.name for hparam in hparams]
    with new_folder(folder, overwrite=True) as new:
        head = Event(summary=hparams_config_pb(hparams, [Metric(metric) for metric in metrics]))
        _write(new, [head, *_events(overview or Details())])
        for row in rows.to_dict("records"):
            (new / row[name]).mkdir()
            values = [
                Summary.Value(tag=metric, simple_value=row[column])
                for metric, column in metrics.items()
                if pd.notna(row[column])
            ]
            start, end = session({key: row[key] for key in names}, row[name])
            numbers = [Event(summary=summary) for summary in (start, Summary(value=values), end)]
            _write(new / row[name], [*numbers, *_events(details(row))])


def axis(name: str, values: pd.Series) -> HParam:
    """Numbers as an interval, so that the axis is drawn to scale; words as a list."""
    if pd.api.types.is_integer_dtype(values):
        return HParam(name, IntInterval(int(values.min()), int(values.max())))
    if pd.api.types.is_float_dtype(values):
        return HParam(name, RealInterval(float(values.min()), float(values.max())))
    return HParam(name, Discrete(values.unique().tolist()))


def _events(details: Details) -> Iterable[Event]:
    for tag, values in details.curves.items():
        for epoch, value in enumerate(values, start=1):
            point = Summary.Value(tag=tag, simple_value=value)
            yield Event(step=epoch, summary=Summary(value=[point]))
    for tag, figure in details.pictures.items():
        content, width, height = png(figure)
        image = Summary.Image(
            encoded_image_string=content, width=width, height=height, colorspace=4
        )
        yield Event(summary=Summary(value=[Summary.Value(tag=tag, image=image)]))


def _write(folder: Path, events: Iterable[Event]) -> None:
    """A file of events, written directly: summary writers would start a thread each."""
    with open(folder / f"events.out.tfevents.0.{platform.node()}.v2", "wb") as file:
        records = RecordWriter(file)
        records.write(Event(file_version="brain.Event:2").SerializeToString())
        for event in events:
            records.write(event.SerializeToString())
