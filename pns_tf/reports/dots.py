"""Variants that are all run at one density: a line of dots for each, a dot for each seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pns_tf.pictures.pruner_styles import PLANTED_LINE
from pns_tf.pictures.style import POSITIVE, ZERO, label_logarithmic, new_figure, set_title
from pns_tf.reports.lines import Row, kind_of_rows, metric_title

DOT: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 4.5, "alpha": 0.45}
MEAN: dict[str, Any] = {
    "linestyle": "none",
    "marker": "|",
    "markersize": 13,
    "markeredgewidth": 2.2,
}
PANEL_WIDTH, LINE_HEIGHT = 2.7, 0.24  # inches


def one_density_each(rows: pd.DataFrame) -> bool:
    """Whether there are several pruners or variants, and none has more than one density."""
    several = rows["label"].nunique() > 1
    return several and rows.groupby(["panel", "label"])["density"].nunique().max() == 1


def dots_figure(rows: pd.DataFrame, metrics: Sequence[Row], title: str) -> Figure:
    """Metrics of variants: a row of panels for each task, a column for each metric.

    Args:
        rows: of `pns_tf.reports.rows.prepared`, with one density for each variant.
        metrics: what to draw.
        title: written above.
    """
    parts = [part for _, part in rows.groupby("panel", sort=False)]
    counts = [part["label"].nunique() for part in parts]
    height = LINE_HEIGHT * sum(counts) + 0.75 * len(parts) + 0.8
    figure = new_figure(PANEL_WIDTH * len(metrics) + 2.4, height)
    set_title(figure, title)
    grid = figure.subplots(
        len(parts), len(metrics), squeeze=False, sharey="row", height_ratios=counts
    )
    for line, part in enumerate(parts):
        for axes, row in zip(grid[line], metrics, strict=True):
            _dots(axes, part, row)
            axes.set_xlabel(metric_title(row, part).replace("\n", ", "), fontsize=8)
        grid[line, 0].set_title(part["panel"].iloc[0], fontsize=10, loc="left")
    figure.legend(handles=_legend(metrics), loc="outside lower center", ncols=3, fontsize=8)
    return figure


def _dots(axes: Axes, part: pd.DataFrame, row: Row) -> None:
    groups = part.groupby(["label", "density"], sort=False)[row.metric]
    for place, (_, values) in enumerate(groups):
        axes.plot(values, np.full(len(values), place), color=POSITIVE, **DOT)
        axes.plot(values.mean(), place, color=POSITIVE, **MEAN)
    if row.planted is not None:
        axes.axvline(part[row.planted].mean(), zorder=1, **PLANTED_LINE)
    names = [f"{label}, {density:.2g}" for label, density in groups.groups]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _scale(axes, part, row)
    axes.grid(color=ZERO, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _scale(axes: Axes, part: pd.DataFrame, row: Row) -> None:
    logarithmic = kind_of_rows(part).logarithmic if row.logarithmic is None else row.logarithmic
    if logarithmic and (part[row.metric] > 0).all():
        axes.set_xscale("log")
        label_logarithmic(axes.xaxis)
    elif row.planted is None:  # a fraction; the others may differ by little
        axes.set_xlim(-0.04, 1.04)


def _legend(metrics: Sequence[Row]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=POSITIVE, label="a seed", **DOT),
        Line2D([], [], color=POSITIVE, label="mean", **MEAN),
    ]
    if any(row.planted is not None for row in metrics):
        handles.append(Line2D([], [], label="planted ticket", **PLANTED_LINE))
    return handles
