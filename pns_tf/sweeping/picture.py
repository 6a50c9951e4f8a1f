"""The objective over the width of the host."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from pns_tf import tasks
from pns_tf.pictures.pruner_styles import PLANTED_LINE, styles
from pns_tf.pictures.style import (
    INK,
    ZERO,
    label_logarithmic,
    legend_below,
    new_figure,
    panel_grid,
    set_title,
)
from pns_tf.planting.algorithm import baseline_density
from pns_tf.reports.lines import STROKE, shifts
from pns_tf.sweeping.objectives import PERFORMANCE
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import best

MOST_SERIES, MOST_PANELS = 6, 9  # more could not be told apart
NAMES = {
    "final": "after training",
    "strong": "after pruning",
    "f1": "F1 of the planted mask",
    "jaccard": "Jaccard index of the planted mask",
    "precision": "precision of the planted mask",
    "recall": "recall of the planted mask",
}


def width_figure(table: pd.DataFrame, trials: pd.DataFrame, sweep: Sweep) -> Figure:
    """Draws each run as a dot, means over seeds as lines, the best ringed.

    Ranges over seeds are strokes, those of different lines a little apart. What is varied besides
    the width is told apart by lines; where these are too many, pruners are lines and the rest are
    panels.

    Args:
        table: of `pns_tf.sweeping.tuner.Outcome`.
        trials: of `pns_tf.sweeping.trials.summary`.
        sweep: names the objective and what is varied.
    """
    series, panels = _series_and_panels(trials, sweep)
    titles, found = panels.unique(), best(trials, sweep)
    rows, columns = panel_grid(len(titles))
    figure = new_figure(max(6.4, 3.2 * columns + 0.4), 3.8 if rows == 1 else 2.6 * rows + 0.6)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes, title in zip(grid.flat, titles, strict=False):
        labels = styles(series.unique())
        for shift, (label, style) in zip(shifts(len(labels)), labels.items(), strict=True):
            part = trials[(series == label) & (panels == title)].sort_values("width")
            runs = table[table["trial"].isin(part["trial"])]
            _draw_series(axes, part, runs, sweep, label, style, shift)
        if title == panels[found.name]:
            _ring(axes, found, sweep)
        if sweep.objective in PERFORMANCE:
            axes.axhline(table["planted"].mean(), label="planted ticket", **PLANTED_LINE)
        axes.set_title(title, fontsize=9)
        _scales(axes, sweep)
    for axes in grid.flat[len(titles) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel(_y_title(sweep), fontsize=9)
    _legend(figure, grid.flat[: len(titles)])
    set_title(figure, _title(sweep))
    return figure


def _draw_series(
    axes: Axes,
    trials: pd.DataFrame,
    runs: pd.DataFrame,
    sweep: Sweep,
    label: str,
    colour_and_marker: tuple[str, str],
    shift: float,
) -> None:
    colour, marker = colour_and_marker
    width, objective = trials["width"], sweep.objective
    low, high = trials[f"{objective}_min"], trials[f"{objective}_max"]
    style: dict[str, Any] = {
        "color": colour,
        "marker": marker,
        "markersize": 6,
        "markeredgecolor": "white",
    }
    axes.plot(runs["width"], runs[objective], ".", color=colour, markersize=4, alpha=0.6)
    axes.vlines(width * shift, low, high, color=colour, **STROKE)
    if not width.is_unique:
        style["linestyle"] = "none"
    axes.plot(width, trials[f"{objective}_mean"], label=label, **style)


def _ring(axes: Axes, found: pd.Series, sweep: Sweep) -> None:
    axes.plot(
        found["width"],
        found[f"{sweep.objective}_mean"],
        "o",
        markersize=13,
        markerfacecolor="none",
        markeredgecolor=INK,
        label=f"best: width {found['width']}",
    )


def _legend(figure: Figure, panels: Iterable[Axes]) -> None:
    handles: dict[str, Any] = {}
    for axes in panels:
        handles |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    legend_below(figure, list(handles.values()), list(handles))


def _series_and_panels(trials: pd.DataFrame, sweep: Sweep) -> tuple[pd.Series, pd.Series]:
    """What each trial's line and panel are called."""
    names = [*sweep.varied] + ["epochs"] * (trials["epochs"].nunique() > 1)
    others = [name for name in names if name != "pruner"]
    if "baseline" in sweep.choices["density"]:  # another number at each width
        trials = trials.assign(density=_densities(trials, sweep))
    everything, nothing = _labels(trials, names), _labels(trials, [])
    if names and everything.nunique() <= MOST_SERIES:
        return everything, nothing
    panels = _labels(trials, others)
    return trials["pruner"], panels if panels.nunique() <= MOST_PANELS else nothing


def _densities(trials: pd.DataFrame, sweep: Sweep) -> list[object]:
    sizes = zip(trials["density"], trials["depth"], trials["width"], strict=True)
    return [
        "baseline" if density == baseline_density(sweep.task, depth, width) else density
        for density, depth, width in sizes
    ]


def _labels(trials: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The values of some hyperparameters in words."""
    said = [trials[name].map(functools.partial(words, name)) for name in names]
    return (
        functools.reduce(lambda a, b: a + ", " + b, said) if said else pd.Series("", trials.index)
    )


def words(name: str, value: object) -> str:
    """A setting and its value, such as "snip" or "density 0.1".

    Example:
        >>> words("pruner", "snip"), words("learning_rate", 0.1), words("density", "baseline")
        ('snip', 'learning rate 0.1', 'density baseline')
    """
    if name == "pruner":
        return str(value)
    if isinstance(value, str):
        return f"{name.replace('_', ' ')} {value}"
    return f"{name.replace('_', ' ')} {value:.4g}"


def _title(sweep: Sweep) -> str:
    fixed = [
        words(name, values[0])
        for name, values in sweep.choices.items()
        if name in ("pruner", "density", "depth") and name not in sweep.varied
    ]
    return ", ".join([sweep.task, *fixed])


def _y_title(sweep: Sweep) -> str:
    name = NAMES.get(sweep.objective, sweep.objective.replace("_", " "))
    if sweep.objective in PERFORMANCE:
        return f"test {tasks.get(sweep.task).metric} {name}"
    return name


def _scales(axes: Axes, sweep: Sweep) -> None:
    width_axis(axes, sweep.narrowest, sweep.max_width)
    if sweep.objective in PERFORMANCE and tasks.get(sweep.task).kind.logarithmic:
        axes.set_yscale("log")
        label_logarithmic(axes.yaxis)
    axes.grid(color=ZERO, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def width_axis(axes: Axes, low: int, high: int) -> None:
    """Widths on a log scale, with plain numbers as labels."""
    axes.set_xscale("log")
    decades = math.log10(high / low)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades > 1 else range(1, 10)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("width of the host", fontsize=9)
