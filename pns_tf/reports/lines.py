"""Metrics over density: a line for each pruner, the same colour and marker in every picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from pandas.api.typing import SeriesGroupBy

from pns_tf.pictures.pruner_styles import (
    BASELINE_LINE,
    PLANTED_LINE,
    TRIVIAL_LINE,
    styles,
)
from pns_tf.pictures.style import ZERO, label_logarithmic, legend_below, new_figure, set_title
from pns_tf.tasks.kinds import Kind, kind_named

PANEL_WIDTH, PANEL_HEIGHT = 3.1, 2.4  # inches
APART = 0.12  # of the natural logarithm of density, from the middle to the outermost pruner
STROKE: dict[str, Any] = {"alpha": 0.6, "linewidth": 0.9}


@dataclass(frozen=True)
class Row:
    """One row of panels: a metric over density.

    Attributes:
        metric: column of the rows.
        title: of the y axis.
        planted: column with the planted ticket's value, drawn as a dashed line.
        trivial: column with the best constant's value.
        logarithmic: a y axis that is, with a place for 0; ``None`` for the task's own metric:
            as its kind says.
        band: whether to show the range over seeds, as strokes.
    """

    metric: str
    title: str
    planted: str | None = None
    trivial: str | None = None
    logarithmic: bool | None = False
    band: bool = True


def lines_figure(rows: pd.DataFrame, metrics: Sequence[Row], title: str) -> Figure:
    """Metrics over density: a row of panels for each metric, a column for each task.

    Each pruner is a line through the means, with a stroke from minimum to maximum at each point.
    Strokes of different pruners stand a little apart, and markers get smaller from the first to the
    last, so that none is hidden by others of the same values. All lines are as wide.

    Args:
        rows: of `pns_tf.reports.rows.prepared`.
        metrics: what to draw.
        title: written above.
    """
    panels, style = rows["panel"].unique(), styles(rows["label"].unique())
    figure = panels_figure(len(panels), len(metrics) * PANEL_HEIGHT + 1.0, title)
    grid = figure.subplots(len(metrics), len(panels), squeeze=False, sharex="col")
    for column, panel in enumerate(panels):
        part = rows[rows["panel"] == panel]
        grid[0, column].set_title(panel, fontsize=10)
        grid[-1, column].set_xlabel("density asked for", fontsize=8)
        for axes, row in zip(grid[:, column], metrics, strict=True):
            count = len(style)
            for shift, size, (label, (colour, marker)) in zip(
                shifts(count), np.linspace(8.0, 4.5, count), style.items(), strict=True
            ):
                over = part[part["label"] == label].groupby("density")[row.metric]
                _line(axes, over, row.band, colour, marker, shift, size)
            _references(axes, part, row)
            _scales(axes, part, row)
            name = metric_title(row, part)
            if column == 0 or name != metric_title(row, rows[rows["panel"] == panels[column - 1]]):
                axes.set_ylabel(name, fontsize=8)
    _legend(figure, style, metrics)
    return figure


def metric_title(row: Row, part: pd.DataFrame) -> str:
    """What is written at the axis of a metric, for the rows of a panel."""
    if row.logarithmic is not None:
        return row.title
    return f"{row.title}\ntest {kind_of_rows(part).metric}"


def kind_of_rows(part: pd.DataFrame) -> Kind:
    """The kind of task that the rows of a panel belong to."""
    return kind_named(part["kind"].iloc[0])


def _line(
    axes: Axes, over: SeriesGroupBy, band: bool, colour: str, marker: str, shift: float, size: float
) -> None:
    values = over.agg(["mean", "min", "max"]).dropna()
    if values.empty:
        return
    if band:
        places = values.index.to_numpy() * shift
        axes.vlines(places, values["min"], values["max"], color=colour, **STROKE)
    axes.plot(
        values.index,
        values["mean"],
        color=colour,
        marker=marker,
        markersize=size,
        markeredgecolor="white",
        markeredgewidth=0.4,
        linewidth=1.3,
    )


def shifts(count: int) -> np.ndarray:
    """By which factor each of so many pruners' strokes stand off their density."""
    return np.exp(np.linspace(-APART, APART, count)) if count > 1 else np.ones(count)


def _references(axes: Axes, part: pd.DataFrame, row: Row) -> None:
    for baseline in part["baseline"].dropna().unique():
        axes.axvline(baseline, zorder=1, **BASELINE_LINE)
    if row.planted is not None and part[row.planted].notna().any():
        axes.axhline(part[row.planted].mean(), zorder=1, **PLANTED_LINE)
    if row.trivial is not None:
        axes.axhline(part[row.trivial].mean(), zorder=1, **TRIVIAL_LINE)


def _scales(axes: Axes, part: pd.DataFrame, row: Row) -> None:
    shown = part[["density", "baseline"]]
    axes.set_xlim(shown.min(axis=None) / 1.6, shown.max(axis=None) * 1.6)
    axes.set_xscale("log")
    label_logarithmic(axes.xaxis)
    if row.logarithmic:  # down to the smallest value; and 0 below it, because nothing may be left
        values = part[row.metric]
        smallest = min(values[values > 0].min(), 0.1) if (values > 0).any() else 0.1
        threshold = 10.0 ** np.floor(np.log10(smallest))
        axes.set_yscale("symlog", linthresh=threshold, linscale=0.4)
        axes.set_ylim(-0.1 * threshold, 1.6)
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif row.logarithmic is None and kind_of_rows(part).logarithmic:
        axes.set_yscale("log")
        label_logarithmic(axes.yaxis)
    else:
        axes.set_ylim(-0.04, 1.04)
    axes.grid(color=ZERO, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, style: dict[str, tuple[str, str]], metrics: Sequence[Row]) -> None:
    handles: list[Line2D] = [
        Line2D([], [], color=colour, marker=marker, markersize=5, label=label)
        for label, (colour, marker) in style.items()
    ]
    if any(row.planted is not None for row in metrics):
        handles.append(Line2D([], [], label="planted ticket", **PLANTED_LINE))
    if any(row.trivial is not None for row in metrics):
        handles.append(Line2D([], [], label="best constant", **TRIVIAL_LINE))
    handles.append(Line2D([], [], label="planted density", **BASELINE_LINE))
    legend_below(figure, handles, [str(handle.get_label()) for handle in handles])


def panels_figure(columns: int, height: float, title: str) -> Figure:
    """An empty figure for this many panels beside each other."""
    figure = new_figure(max(PANEL_WIDTH * columns + 0.6, 5.6), height)
    set_title(figure, title)
    return figure
