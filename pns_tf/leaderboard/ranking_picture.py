"""The ranking as a picture: areas with their intervals, and performance profiles below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pns_tf.leaderboard.distance import CONSTANT, RANKED
from pns_tf.leaderboard.ranking import REFERENCES, Scores, ranking
from pns_tf.pictures.pruner_styles import styles
from pns_tf.pictures.style import INK, faint_grid, legend_below, new_figure, set_title
from pns_tf.reports.statistics import at_most
from pns_tf.reports.writing import Picture

LEADERS = 5  # of each kind of ticket that are coloured
END_STYLE = (INK, "|")  # of the oracle and the best constant, which are not in the race
OTHER_STYLE = ("#9aa0a6", ".")
LINE: dict[str, Any] = {"linewidth": 1.4, "zorder": 3}
FAINT: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.6, "zorder": 2}
PUBLISHED: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": INK, "markersize": 4}


def ranking_picture(made: Scores) -> Picture:
    """Strong tickets left, weak ones right; who leads is coloured.

    Args:
        made: scores of all entries.
    """
    tables = {ticket: ranking(made, ticket).dropna(subset="area") for ticket in RANKED}
    style = _styles(tables)
    lines = max(map(len, tables.values()))
    heights = 0.19 * lines + 0.6, 2.6
    figure = new_figure(10.0, sum(heights) + 0.6)
    set_title(figure, "Who finds the planted tickets?")
    grid = figure.subplots(2, len(RANKED), squeeze=False, height_ratios=heights)
    for column, (ticket, table) in enumerate(tables.items()):
        _areas(grid[0, column], table, style)
        grid[0, column].set_title(f"{ticket} tickets", fontsize=10)
        _profiles(grid[1, column], made, ticket, style)
    coloured = [entry for entry in style if style[entry] not in (END_STYLE, OTHER_STYLE)]
    handles = [
        Line2D([], [], color=style[entry][0], marker=style[entry][1], markersize=5)
        for entry in coloured
    ]
    handles += [
        Line2D([], [], color=OTHER_STYLE[0]),
        Line2D([], [], marker="o", linestyle="none", **PUBLISHED),
    ]
    legend_below(figure, handles, [*coloured, "others", "trained as published"])
    return Picture(
        "ranking",
        "Above the interquartile mean of the areas with its 95 % bootstrap interval, below the "
        "fraction of runs whose distance to the truth is at most so much.",
        figure,
    )


def _styles(tables: dict[str, pd.DataFrame]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    leading: dict[str, None] = {}
    for table in tables.values():
        found |= dict.fromkeys(table["entry"], OTHER_STYLE)
        raced = table.loc[~table["entry"].isin(REFERENCES), "entry"]
        leading |= dict.fromkeys(raced.head(LEADERS))
    return found | styles(list(leading)) | dict.fromkeys(REFERENCES, END_STYLE)


def _areas(axes: Axes, table: pd.DataFrame, style: dict[str, tuple[str, str]]) -> None:
    for place, row in enumerate(table.to_dict("records")):
        colour, marker = style[row["entry"]]
        if not np.isnan(row["area_low"]):  # a single seed has no interval
            axes.plot([row["area_low"], row["area_high"]], [place, place], color=colour, **LINE)
        axes.plot(row["area"], place, color=colour, marker=marker, markersize=6, zorder=4)
        if row["entry"] not in REFERENCES and "published_area" in row:
            axes.plot(row["published_area"], place, "o", **PUBLISHED, zorder=3)
    axes.set_yticks(range(len(table)), table["entry"].tolist())
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("area", fontsize=8)
    faint_grid(axes)


def _profiles(axes: Axes, made: Scores, ticket: str, style: dict[str, tuple[str, str]]) -> None:
    finite = made.table.loc[np.isfinite(made.table["distance"]), "distance"]
    highest = max(finite.max(), 2.0) if len(finite) else 2.0
    for entry, (colour, _) in style.items():
        strata = made.strata(entry, ticket, "distance")
        if strata is None or entry == CONSTANT:
            continue
        runs = np.concatenate(strata)
        steps = np.unique([1.0, *runs[np.isfinite(runs) & (runs > 1.0)], highest])
        fractions = [float(np.mean(at_most(runs, step))) for step in steps]
        axes.step(
            steps,
            fractions,
            where="post",
            color=colour,
            **(FAINT if style[entry] == OTHER_STYLE else LINE),
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("distance τ", fontsize=8)
    axes.set_ylabel("runs with distance ≤ τ", fontsize=8)
    faint_grid(axes)
