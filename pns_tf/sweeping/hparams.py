"""A sweep's trials in TensorBoard's HParams tab: one session each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import tensorflow as tf
from tensorboard.plugins.hparams import api, api_pb2, summary

from pns_tf.saving.storage import new_folder
from pns_tf.sweeping.settings import Sweep

METRICS = ("final", "strong", "f1", "recall", "effective_density")


def write_hparams(trials: pd.DataFrame, sweep: Sweep, folder: Path) -> None:
    """Writes ``folder`` anew.

    Args:
        trials: of `pns_tf.sweeping.trials.summary`.
        sweep: names what is varied.
        folder: the log directory.
    """
    varied = [*sweep.varied, "width"] + ["epochs"] * (trials["epochs"].nunique() > 1)
    metrics = dict.fromkeys([sweep.objective, *METRICS])  # the objective first
    with new_folder(folder, overwrite=True) as new:
        with _writer(new):
            api.hparams_config(
                [_axis(name, trials[name]) for name in varied],
                [api.Metric(name) for name in metrics],
            )
        for row in trials.to_dict("records"):
            with _writer(new / f"trial{row['trial']}"):
                api.hparams({name: row[name] for name in varied}, trial_id=f"trial{row['trial']}")
                for name in metrics:
                    if pd.notna(row[f"{name}_mean"]):
                        tf.summary.scalar(name, row[f"{name}_mean"], step=0)
                done = summary.session_end_pb(api_pb2.STATUS_SUCCESS)
                tf.summary.experimental.write_raw_pb(done.SerializeToString(), step=0)


def _axis(name: str, values: pd.Series) -> api.HParam:
    """Numbers as an interval, so that the axis is drawn to scale; words as a list."""
    if pd.api.types.is_integer_dtype(values):
        return api.HParam(name, api.IntInterval(int(values.min()), int(values.max())))
    if pd.api.types.is_float_dtype(values):
        return api.HParam(name, api.RealInterval(float(values.min()), float(values.max())))
    return api.HParam(name, api.Discrete(values.unique().tolist()))


def _writer(folder: Path):
    return tf.summary.create_file_writer(str(folder)).as_default()
