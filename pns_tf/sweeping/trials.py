"""A sweep's trials, from the rows of their runs."""

from __future__ import annotations

import pandas as pd

from pns_tf.runs.choosing import VALIDATION, chosen_by
from pns_tf.sweeping.objectives import OBJECTIVES, PERFORMANCE, direction
from pns_tf.sweeping.settings import Sweep

FAILED = "FAILED"  # status of Keras Tuner
HYPERPARAMETERS = ("pruner", "density", "depth", "learning_rate", "prune_rounds", "width", "epochs")


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Sums up each trial over its seeds; what failed, with a seed that has no result, is NaN.

    Args:
        table: of `pns_tf.sweeping.tuner.Outcome`.

    Returns:
        One row for each trial with its hyperparameters, the number of runs ``n``, and the mean,
        minimum and maximum of each metric, as in ``final_mean``, ``final_min``, ``final_max``; and
        of what trials are chosen by ``validation_mean`` and ``validation_strong_mean``.
    """
    measured = ["planted", *OBJECTIVES, *(name for name in VALIDATION.values() if name in table)]
    table = table.assign(**{name: table[name].mask(table["status"] == FAILED) for name in measured})
    groups = table.groupby("trial")
    columns = {name: groups[name].first() for name in (*HYPERPARAMETERS, "status")}
    columns["n"] = groups.size()
    for metric in ("planted", *OBJECTIVES):
        for what in ("mean", "min", "max"):
            columns[f"{metric}_{what}"] = groups[metric].agg(what)
    for metric in PERFORMANCE:
        by_trial = chosen_by(table, metric).groupby(table["trial"])
        columns[f"{VALIDATION[metric]}_mean"] = by_trial.mean()
    return pd.DataFrame(columns).reset_index()


def shown(trials: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """The columns of `summary` that are printed: what was varied, and the objective."""
    names = [*sweep.varied, "width"] + ["epochs"] * (trials["epochs"].nunique() > 1)
    columns = {f"{sweep.objective}_{what}": what for what in ("mean", "min", "max")}
    columns = {name: name.replace("_", " ") for name in ("trial", *names)} | columns
    by = f"{VALIDATION.get(sweep.objective, sweep.objective)}_mean"
    if not trials[by].equals(trials[f"{sweep.objective}_mean"]):  # rows of before do not know it
        columns[by] = "validation"
    return trials[list(columns)].rename(columns=columns)


def best(trials: pd.DataFrame, sweep: Sweep) -> pd.Series:
    """The row of the best trial, on the validation set; of equally good ones the narrowest host."""
    upwards = direction(sweep.objective, sweep.task) == "min"
    column = f"{VALIDATION.get(sweep.objective, sweep.objective)}_mean"
    order = trials.sort_values([column, "width"], ascending=[upwards, True])
    return order.iloc[0]


def best_run(table: pd.DataFrame, trial: pd.Series, sweep: Sweep) -> str:
    """Name of the best run of a trial, on the validation set."""
    rows = table.loc[table["trial"] == trial["trial"]]
    rows = rows.assign(chosen_by=chosen_by(rows, sweep.objective))
    upwards = direction(sweep.objective, sweep.task) == "min"
    return rows.sort_values(["chosen_by", "seed"], ascending=[upwards, True])["run"].iloc[0]
