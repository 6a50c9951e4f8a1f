"""The distance to the truth: how many times denser than the planted ticket a found one must be."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pns_tf import tasks
from pns_tf.recipe.pruners import row_of
from pns_tf.reports.statistics import at_most, interval

TICKETS = {"strong": "strong", "weak": "final"}  # what a ticket is called, and its metric
COLUMNS = (
    "entry",
    "task",
    "ticket",
    "distance",
    "distance_low",
    "distance_high",
    "density",
    "baseline",
    "metric",
    "metric_ci95",
    "planted",
    "runs",
    "seconds",
    "epochs",
    "weak_from",
)


def shortfall(table: pd.DataFrame, metric: str) -> pd.Series:
    """How far each row's ticket is from the planted one, in units of what is still called near.

    For classification (planted − metric) / 0.02, for regression metric / (3 planted). A ticket is
    near the planted one up to 1. A metric that is not a number counts as infinitely far.
    """
    planted, metrics = table["planted"].to_numpy(float), table[metric].to_numpy(float)
    found = np.full(len(table), np.inf)
    for task in set(table["task"]):
        rows = (table["task"] == task).to_numpy()
        found[rows] = tasks.get(task).kind.shortfall(planted[rows], metrics[rows])
    return pd.Series(found, table.index).fillna(np.inf)


def near(rows: pd.DataFrame, metric: str, seeds: int) -> list[float]:
    """Densities at which the mean `shortfall` over all seeds is at most 1.

    Args:
        rows: of one entry and task.
        metric: "strong" or "final".
        seeds: how many runs a density must have to count.

    Example:
        >>> rows = pd.DataFrame({"task": "circle", "density": [0.1, 0.2], "planted": 0.98})
        >>> near(rows.assign(strong=[0.95, 0.97]), "strong", seeds=1)
        [0.2]
    """
    by_density = shortfall(rows, metric).groupby(rows["density"])
    return [
        density for density, part in by_density if len(part) >= seeds and at_most(part.mean(), 1.0)
    ]


def standings(table: pd.DataFrame) -> pd.DataFrame:
    """Where each entry stands: its lowest density near the planted ticket, by the baseline density.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`.

    Returns:
        One row for each entry, task and ticket (strong or weak):

        * ``density``, the lowest whose mean `shortfall` over seeds is at most 1, NaN if there is
          none, and ``distance``, this by the ``baseline`` density: the distance to the truth;
        * ``distance_low`` and ``distance_high``, the lowest for which the 95 % confidence interval
          of the mean (Student's t) reaches down to 1, and for which all of it is below 1; NaN if
          none, or for a single seed;
        * ``metric``, ``metric_ci95`` and ``planted``, mean, half the interval and the planted
          ticket's mean at that density; ``runs``, how many of the entry there are at each density;
        * ``weak_from``, from where the weak ticket was trained;
        * ``seconds`` and ``epochs``, the median of what a ticket took, of all runs of the entry.

    Example:
        >>> run = {"entry": "snip", "task": "circle", "seed": 0, "density": 0.1, "baseline": 0.005}
        >>> run |= {"planted": 0.98, "strong": 0.5, "final": 0.97}
        >>> run |= {"pruning_seconds": 0.1, "training_seconds": 0.3, "trained_epochs": 10}
        >>> standings(pd.DataFrame([run]))["distance"].tolist()
        [nan, 20.0]
    """
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = [
        _standing(entry, task, ticket, part)
        for (entry, task), part in table.groupby(["entry", "task"], sort=False)
        for ticket in TICKETS
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _standing(entry: str, task: str, ticket: str, part: pd.DataFrame) -> dict:
    metric, baseline, seeds = TICKETS[ticket], part["baseline"].iloc[0], part["seed"].nunique()
    found = {"entry": entry, "task": task, "ticket": ticket, "baseline": baseline, "runs": seeds}
    enough = near(part, metric, seeds)
    if enough:
        rows = part[part["density"] == min(enough)]
        measured = interval(rows[metric])
        found |= {
            "density": min(enough),
            "distance": min(enough) / baseline,
            "metric": measured.mean,
            "metric_ci95": measured.high - measured.mean if measured.n > 1 else np.nan,
            "planted": rows["planted"].mean(),
        }
    if seeds > 1:
        intervals = {
            density: interval(values)
            for density, values in shortfall(part, metric).groupby(part["density"])
        }
        for name, bound in (("distance_low", "low"), ("distance_high", "high")):
            lowest = [
                density
                for density, measured in intervals.items()
                if measured.n >= seeds and at_most(getattr(measured, bound), 1.0)
            ]
            found[name] = min(lowest) / baseline if lowest else np.nan
    spent = part["pruning_seconds"] + part["training_seconds"]
    found["weak_from"] = "".join(sorted(_begins(part)))
    return found | {"seconds": spent.median(), "epochs": part["trained_epochs"].median()}


def _begins(rows: pd.DataFrame) -> set[str]:
    """Where weak tickets begin, see `pns_tf.recipe.pruners.WEAK_FROM`.

    Rows of before do not say it, but their pruners are known.
    """
    known = {row_of(pruner).weak_from for pruner in rows["pruner"]} if "pruner" in rows else set()
    said = set(rows["weak_from"].dropna()) if "weak_from" in rows else set()
    return {word for word in said or known if word}
