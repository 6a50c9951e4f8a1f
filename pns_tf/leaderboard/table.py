"""The leaderboard as tables of text: one for strong tickets and one for weak ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pns_tf.leaderboard.distance import TICKETS
from pns_tf.recipe.pruners import WEAK_FROM
from pns_tf.tasks.kinds import BELOW, TIMES

NOT_REACHED = "–"
NOTE = (
    "Lowest density at which the mean over seeds is near the planted ticket (classification: "
    f"accuracy at most {BELOW:g} below; regression: at most {TIMES:g} times its MSE), divided by "
    "the planted density; 1 or less is won. In brackets, from the 95 % confidence intervals of the "
    "means: the lowest whose interval reaches what is near, and the lowest whose interval lies "
    f"within. {NOT_REACHED}: at no density tried. Mean: geometric, {NOT_REACHED} counting as "
    "density 1; none for a pruner that was not run on all tasks. Seconds and epochs: what the "
    "median ticket took, mean over tasks, rounds of swaps counted as epochs; pruners do not spend "
    "the same. Trained from: a weak ticket's training begins with "
    + "; ".join(f"{words} ({name})" for name, words in WEAK_FROM.items())
    + "."
)


def ranking(standings: pd.DataFrame, ticket: str) -> pd.DataFrame:
    """Entries in order of the geometric mean of their distances, as text.

    Those that were not run on all tasks have no mean and come last.

    Args:
        standings: see `pns_tf.leaderboard.distance.standings`.
        ticket: "strong" or "weak".

    Returns:
        One row for each entry: its name, a column for each task, ``mean``, ``seconds``, ``epochs``,
        and for weak tickets what they were trained from.
    """
    part = standings[standings["ticket"] == ticket]
    tasks = sorted(part["task"].unique())
    by_entry = part.groupby("entry", sort=False)
    means = by_entry[["distance", "baseline"]].apply(mean_distance)
    means = means.where(by_entry["task"].nunique() == len(tasks))
    entries = means.sort_values(kind="stable", na_position="last").index
    shown = {"pruner": entries}
    for task in tasks:
        rows = part[part["task"] == task].set_index("entry").reindex(entries)
        shown[task] = [_distance(row) for _, row in rows.iterrows()]
    shown["mean"] = ["" if pd.isna(mean) else _number(mean) for mean in means[entries]]
    spent = part.groupby("entry")[["seconds", "epochs"]].mean().reindex(entries)
    shown["seconds"] = [_number(seconds) for seconds in spent["seconds"]]
    shown["epochs"] = [_number(epochs) for epochs in spent["epochs"]]
    if ticket == "weak" and "weak_from" in part:
        shown["trained from"] = by_entry["weak_from"].first().reindex(entries).tolist()
    return pd.DataFrame(shown)


def mean_distance(standings: pd.DataFrame) -> float:
    """Geometric mean of ``distance``; one that is missing is that of density 1.

    Args:
        standings: rows of one entry and ticket, with columns ``distance`` and ``baseline``.

    Example:
        >>> rows = pd.DataFrame({"distance": [4.0, np.nan], "baseline": [0.01, 1 / 16]})
        >>> round(mean_distance(rows), 9)
        8.0
    """
    distances = standings["distance"].fillna(1 / standings["baseline"])
    return float(np.exp(np.log(distances).mean()))


def as_markdown(standings: pd.DataFrame) -> str:
    """Both rankings as Markdown tables."""
    parts = [NOTE]
    for ticket in TICKETS:
        text = ranking(standings, ticket).to_markdown(index=False, disable_numparse=True)
        parts.append(f"## {ticket.capitalize()} tickets\n\n{text}")
    return "\n\n".join(parts) + "\n"


def _distance(row: pd.Series) -> str:
    if pd.isna(row["baseline"]):  # the entry was not run on this task
        return ""
    if pd.isna(row["distance_low"]) and pd.isna(row["distance_high"]):
        return _number(row["distance"])
    low, high = _number(row["distance_low"]), _number(row["distance_high"])
    return f"{_number(row['distance'])} [{low}, {high}]"


def _number(value: float) -> str:
    if pd.isna(value):
        return NOT_REACHED
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
