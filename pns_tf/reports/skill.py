"""One measure for all tasks: how much of the planted ticket's advantage a ticket has."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from pns_tf import tasks

GOOD = 0.9
FAILS = 0.5


def skill(table: pd.DataFrame, metric: str) -> pd.Series:
    """Skill of each row's ``metric`` ("before", "strong" or "final").

    skill = (value − trivial) / (planted − trivial), where *planted* is the planted ticket's metric
    on the same data and *trivial* that of the best constant predictor, see `trivial_metrics`. So 1
    is as good as the planted ticket and 0 as good as knowing nothing, for accuracy and for MSE
    alike (for MSE both differences change their sign: (trivial − value) / (trivial − planted)).
    It can be negative: a network with a dead output is worse than the best constant.

    A ticket is called *good* from 0.9, and is said to *fail* below 0.5: for MSE these are the
    shares of the explainable variance that it explains; for circle, where the planted ticket has
    accuracy 0.98 and the best constant 0.45, they are accuracies of 0.92 and 0.71.
    """
    trivial = trivial_metrics(table)
    advantage = table["planted"] - trivial
    return (table[metric] - trivial) / advantage.where(advantage != 0)


def trivial_metrics(table: pd.DataFrame) -> pd.Series:
    """The best constant's metric on each row's data; computed where rows of before do not say it.

    See `pns_tf.tasks.kinds.Kind`.
    """
    unsaid = pd.Series(np.nan, table.index, dtype=float)
    said = table["best_constant"].astype(float) if "best_constant" in table else unsaid
    if said.notna().all():
        return said
    keys = table.loc[said.isna(), ["task", "samples", "noise", "seed"]].astype(object)
    keys = keys.where(keys.notna(), None)
    metrics = [trivial_metric(*key) for key in keys.itertuples(index=False, name=None)]
    return said.fillna(pd.Series(metrics, keys.index, dtype=float))


@functools.cache
def trivial_metric(task: str, samples: int, noise: float | None, seed: int) -> float:
    """The best constant's test metric on a computed task's data."""
    problem = tasks.get(task)
    data = problem.data(int(samples), noise, int(seed))
    return problem.kind.best_constant(data.y_train, data.y_test)
