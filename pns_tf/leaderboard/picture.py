"""The Pareto picture: what each entry reaches at which density."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from pns_tf import tasks
from pns_tf.leaderboard.distance import CONSTANT, RANKED, TICKETS, completed, with_common_densities
from pns_tf.pictures.pruner_styles import (
    BAND,
    BASELINE_LINE,
    PLANTED_LINE,
    styles,
)
from pns_tf.pictures.style import INK, faint_grid, label_logarithmic, new_figure, set_title
from pns_tf.recipe.pruners import ORACLE
from pns_tf.reports.skill import trivial_metrics
from pns_tf.reports.statistics import half_width
from pns_tf.reports.writing import Picture
from pns_tf.tasks.kinds import Kind

OTHERS: dict[str, Any] = {"color": "#c4c8cc", "linewidth": 0.8, "zorder": 1}
FRONT: dict[str, Any] = {
    "color": INK,
    "linewidth": 5.0,
    "alpha": 0.14,
    "zorder": 1.5,
    "solid_capstyle": "round",
}
LIMIT_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 0.9}
CONSTANT_LINE: dict[str, Any] = {"color": "#8a5a00", "linestyle": (0, (1, 1)), "linewidth": 1.0}
FLOOR = 1e-4  # of the error of classification, which may be zero
COLUMNS = 5  # of panels
BELOW_MEAN = 3.0  # times, as far down an interval is drawn at most


def pareto_picture(table: pd.DataFrame) -> Picture:
    """Test error over density: a panel for each instance, strong tickets above weak ones.

    Coloured are the entries that are on the front of at least one panel: at some density none that
    is as sparse is better. The rest is grey. Bands are 95 % confidence intervals of the
    means over seeds.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`. The planted ticket and the best
            constant are lines, whether they are entries or not.
    """
    rows = with_common_densities(completed(table))
    names = list(dict.fromkeys(rows["instance"]))
    parts = {name: rows[rows["instance"] == name] for name in names}
    panels = {
        (ticket, name): _errors(part, TICKETS[ticket])
        for ticket in RANKED
        for name, part in parts.items()
    }
    leading = {entry for errors in panels.values() for entry in front(errors)["entry"]}
    style = styles([entry for entry in dict.fromkeys(rows["entry"]) if entry in leading])
    columns = min(len(names), COLUMNS)
    lines = -(-len(names) // columns)
    figure = new_figure(
        max(3.4 * columns + 0.6, 6.0), 2.9 * len(RANKED) * lines + 0.8 + 0.2 * (len(style) // 4)
    )
    set_title(figure, "Distance to the truth: test error over density")
    grid = figure.subplots(len(RANKED) * lines, columns, squeeze=False)
    for block, ticket in enumerate(RANKED):
        cells = grid[block * lines : (block + 1) * lines].flat
        for place, axes in enumerate(cells):
            if place >= len(names):
                axes.set_visible(False)
                continue
            part = parts[names[place]]
            _draw(axes, panels[ticket, names[place]], style)
            _references(axes, part)
            _label(axes, part, ticket)
    _legend(figure, style)
    return Picture(
        "pareto",
        "Mean test error over density, with 95 % confidence intervals. In colour the entries on a "
        "Pareto front, which is shaded.",
        figure,
    )


def front(errors: pd.DataFrame) -> pd.DataFrame:
    """The points that no sparser or equally sparse one beats, from the sparsest on.

    What is better than the planted ticket counts as equal to it, as only chance can make it so.

    Args:
        errors: columns ``entry``, ``density``, ``error`` and ``planted``.
    """
    ordered = errors.sort_values(["density", "error"], kind="stable")
    error = np.maximum(ordered["error"], ordered["planted"])
    return ordered[error < error.cummin().shift(fill_value=np.inf)]


def _errors(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Mean error of each pruner and density with its interval, and the planted ticket's."""
    kind = _kind(part)
    part = part[~part["entry"].isin([ORACLE, CONSTANT])]
    errors = pd.DataFrame(
        {
            name: kind.error(part[column]).clip(lower=FLOOR if kind.higher_is_better else None)
            for name, column in (("error", metric), ("planted", "planted"))
        }
    )
    groups = errors["error"].groupby([part["entry"], part["density"]], sort=False)
    found = groups.agg(error="mean", deviation="std", seeds="count").reset_index()
    half = half_width(found.pop("deviation"), found.pop("seeds"))
    # A logarithmic axis has no place for what is below zero.
    low = np.maximum(found["error"] - half, found["error"] / BELOW_MEAN)
    found = found.assign(low=low, high=found["error"] + half, planted=errors["planted"].mean())
    return found.dropna(subset="error")


def _kind(part: pd.DataFrame) -> Kind:
    return tasks.get(part["task"].iloc[0]).kind


def _draw(axes: Axes, errors: pd.DataFrame, style: dict[str, tuple[str, str]]) -> None:
    best = front(errors)
    axes.step(best["density"], best["error"], where="post", **FRONT)
    for entry, points in errors.sort_values("density").groupby("entry", sort=False):
        if entry in style:
            colour, marker = style[entry]
            axes.fill_between(
                points["density"], points["low"], points["high"], color=colour, **BAND
            )
            axes.plot(
                points["density"],
                points["error"],
                color=colour,
                marker=marker,
                markersize=5,
                markeredgecolor="white",
                markeredgewidth=0.4,
                linewidth=1.4,
            )
        else:
            axes.plot(points["density"], points["error"], **OTHERS)


def _references(axes: Axes, part: pd.DataFrame) -> None:
    planted = part["planted"].mean()
    kind = _kind(part)
    axes.axhline(kind.error(planted), zorder=1, **PLANTED_LINE)
    axes.axhline(kind.error(kind.limit(planted)), zorder=1, **LIMIT_LINE)
    axes.axhline(kind.error(trivial_metrics(part).mean()), zorder=1, **CONSTANT_LINE)
    axes.axvline(part["truth"].iloc[0], zorder=1, **BASELINE_LINE)


def _label(axes: Axes, part: pd.DataFrame, ticket: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylabel(f"{ticket} tickets\n{_kind(part).error_title}", fontsize=8)
    axes.xaxis.set_major_locator(LogLocator(numticks=6))
    for axis in (axes.xaxis, axes.yaxis):
        label_logarithmic(axis)
    axes.set_title(part["instance"].iloc[0], fontsize=10)
    axes.set_xlabel("density", fontsize=8)
    faint_grid(axes)


def _legend(figure: Figure, style: dict[str, tuple[str, str]]) -> None:
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=5, label=entry)
        for entry, (colour, marker) in style.items()
    ]
    handles += [
        Line2D([], [], label="not on a front", color=OTHERS["color"]),
        Line2D([], [], label="planted ticket", **PLANTED_LINE),
        Line2D([], [], label="near the planted ticket", **LIMIT_LINE),
        Line2D([], [], label="best constant", **CONSTANT_LINE),
        Line2D([], [], label="planted density", **BASELINE_LINE),
    ]
    columns = max(int(figure.get_figwidth() / 2.1), 1)
    figure.legend(
        handles=handles, loc="outside lower center", ncols=columns, fontsize=8, frameon=False
    )
