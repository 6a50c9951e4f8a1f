"""The smallest width at which a found ticket comes near the planted one: table and picture."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pns_tf.pictures.pruner_styles import styles
from pns_tf.pictures.style import INK, ZERO, legend_below, new_figure, set_title
from pns_tf.reports.lines import STROKE
from pns_tf.reports.statistics import at_most
from pns_tf.sweeping.gap import gap
from pns_tf.sweeping.objectives import STORED_GAP
from pns_tf.sweeping.picture import width_axis, words
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import FAILED

THRESHOLD = {"color": INK, "linestyle": (0, (5, 2)), "linewidth": 1.2}


def gaps(table: pd.DataFrame, sweep: Sweep) -> pd.DataFrame:
    """Mean, minimum and maximum gap at each width that a bisection tried.

    Args:
        table: of `pns_tf.sweeping.tuner.Outcome`.
        sweep: a bisection for one task and pruner.

    Returns:
        Columns ``task``, ``pruner``, ``width``, ``mean``, ``min``, ``max`` and ``n``, by width, and
        ``test``, the mean on the test set, by which no width is chosen. Where the trial failed, as
        a seed has no result, the mean is infinite.
    """
    values = gap(table, sweep.objective).groupby(table["width"])
    tried = values.agg(["mean", "min", "max", "size"]).rename(columns={"size": "n"}).reset_index()
    on_test = gap(table, sweep.objective, validated=False).groupby(table["width"]).mean()
    tried["test"] = tried["width"].map(on_test)
    failed = table.loc[table["status"] == FAILED, "width"]
    tried.loc[tried["width"].isin(failed), ["mean", "test"]] = np.inf
    tried.insert(0, "pruner", sweep.pruner)
    tried.insert(0, "task", sweep.task)
    return tried


def smallest(tried: pd.DataFrame, sweep: Sweep) -> dict:
    """The answer of a bisection: one row of the table.

    Args:
        tried: of `gaps`.
        sweep: the bisection.

    Returns:
        ``width`` is the smallest one that is near enough, ``None`` if not even the widest is; with
        the gap there, and at the widest of the ``narrower`` ones that were tried.
    """
    near = tried[at_most(tried["mean"], cast(float, sweep.gap))]
    row: dict[str, Any] = {
        "task": sweep.task,
        "pruner": sweep.pruner,
        "objective": sweep.objective,
        "width": None,
        "trials": len(tried),
    }
    if near.empty:
        widest = tried.iloc[-1]  # not always max_width, where step leads past that
        return row | {"narrower": int(widest["width"]), **_spread("narrower", widest)}
    found = near.iloc[0]
    row |= {"width": int(found["width"]), **_spread("", found)}
    narrower = tried[tried["width"] < found["width"]]
    if narrower.empty:
        return row
    last = narrower.iloc[-1]
    return row | {"narrower": int(last["width"]), **_spread("narrower", last)}


def _spread(where: str, row: pd.Series) -> dict[str, float]:
    names = ("mean", "min", "max")
    return {f"{where}_{STORED_GAP}_{name}".lstrip("_"): float(row[name]) for name in names}


def as_markdown(table: pd.DataFrame, sweep: Sweep) -> str:
    """The table of answers for readers.

    Args:
        table: rows of `smallest`.
        sweep: any of the bisections, for what they share.
    """
    shown = pd.DataFrame(
        {
            "task": table["task"],
            "pruner": table["pruner"],
            "smallest width": [
                f"> {row['narrower']:.0f}" if pd.isna(row["width"]) else f"{row['width']:.0f}"
                for row in table.to_dict("records")
            ],
            "gap there": [_words(row, STORED_GAP) for row in table.to_dict("records")],
            "gap at the next narrower width": [
                _narrowest(row["width"], sweep)
                if pd.isna(row.get("narrower"))
                else f"{row['narrower']:.0f}: {_words(row, f'narrower_{STORED_GAP}')}"
                for row in table.to_dict("records")
            ],
        }
    )
    return f"{shown.to_markdown(index=False, disable_numparse=True)}\n"


def _narrowest(width: float, sweep: Sweep) -> str:
    needed = "the ticket needs this width"
    return f"none: {needed if width > sweep.min_width else 'it is the narrowest searched'}"


def _words(row: dict, name: str) -> str:
    if pd.isna(row.get(f"{name}_mean")):
        return "–"
    mean, low, high = (row[f"{name}_{what}"] for what in ("mean", "min", "max"))
    if np.isinf(mean):
        return "failed"
    return f"{mean:.3f} ({low:.3f} to {high:.3f})"


def gaps_figure(tried: pd.DataFrame, sweep: Sweep) -> Figure:
    """Gap over width: a panel for each task, a line for each pruner.

    Args:
        tried: of `gaps`, for all bisections.
        sweep: any of them, for what they share.
    """
    tasks = tried["task"].unique()
    figure = new_figure(3.2 * len(tasks) + 0.6, 3.6)
    panels = figure.subplots(1, len(tasks), squeeze=False, sharey=True)[0]
    for axes, task in zip(panels, tasks, strict=True):
        part = tried[tried["task"] == task]
        for label, (colour, marker) in styles(tried["pruner"].unique()).items():
            line = part[part["pruner"] == label]
            axes.vlines(line["width"], line["min"], line["max"], color=colour, **STROKE)
            axes.plot(
                line["width"],
                line["mean"],
                **{"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.2},
                markeredgecolor="white",
                label=label,
            )
        axes.axhline(sweep.gap, label=f"near enough: {sweep.gap:g}", **THRESHOLD)
        axes.set_title(task, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.grid(color=ZERO, linewidth=0.4, alpha=0.5)
        width_axis(axes, part["width"].min(), part["width"].max())
    panels[0].set_ylim(min(0.0, tried["min"].min()) - 0.04, max(1.25, tried["max"].max() + 0.04))
    panels[0].set_ylabel("gap to the planted ticket", fontsize=9)
    legend_below(figure, *panels[0].get_legend_handles_labels())
    set_title(figure, f"{words('density', sweep.density)}, depth {sweep.depth}")
    return figure
