"""Pictures of what constructed tickets need: over width, over depth, and for each weight."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pns_tf import tasks
from pns_tf.pictures.style import INK, label_logarithmic, new_figure
from pns_tf.theory.subset_bounds import fixed_size_pool, pensia_width

# Okabe and Ito's colours.
TASKS = {"circle": ("#0072b2", "o"), "helix": ("#d55e00", "s"), "relu": ("#009e73", "^")}
ELEMENTS = {1: "#d55e00", 2: "#e69f00", 3: "#0072b2"}
COLUMNS = {
    "kept": "parameters kept by the target's weights",
    "circle": "circle: accuracy",
    "helix": "helix: MSE",
}
EPSILON = 0.03  # the construction's tolerance


def frontier_figure(rows: pd.DataFrame) -> Figure:
    """Size and metric of tickets over the host's width, and over its depth.

    Args:
        rows: of ``docs/results/construct/rows.csv``; a point for each ticket.
    """
    found = rows[(rows["outcome"] == "found") & (rows["target_depth"] == 5)]
    shrunk = found[found["kept"].notna()]
    figure = new_figure(9.6, 6.0)
    grid = figure.subplots(2, len(COLUMNS))
    for axes, over in zip(grid, ("width", "host_depth"), strict=True):
        other = ("host_depth", 6) if over == "width" else ("width", 1000)
        here = shrunk[shrunk[other[0]] == other[1]]
        for panel, column in zip(axes, COLUMNS, strict=True):
            _frontier(panel, here, over, column)
    for name, (colour, _) in TASKS.items():
        kernels = tasks.get(name).target(5).kernels
        bound = max(pensia_width(len(kernel), len(kernel.T), EPSILON) for kernel in kernels)
        grid[0, 0].axvline(bound, color=colour, linestyle=":", linewidth=1)
    grid[0, 0].plot([], [], color=INK, linestyle=":", linewidth=1, label="d₁ log(2 d₁ d₂ / ε)")
    label_logarithmic(grid[0, 0].xaxis)  # more is in view than the tickets
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False
    )
    return figure


def _frontier(axes: Axes, rows: pd.DataFrame, over: str, column: str) -> None:
    for name, (colour, marker) in TASKS.items():
        mine = rows[rows["task"] == name]
        if column not in ("kept", name) or mine.empty:
            continue
        values = mine["kept"] / mine["target_weights"] if column == "kept" else mine["metric"]
        axes.plot(
            *(mine[over], values),
            color=colour,
            marker=marker,
            markersize=4.5,
            linestyle="none",
            alpha=0.6,
            label=name,
        )
        means = values.groupby(mine[over]).mean()
        axes.plot(means.index, means, color=colour, linewidth=1)
        if column != "kept":
            axes.axhline(mine["target"].mean(), color=INK, linestyle="--", linewidth=0.8)
            axes.text(
                *(0.02, mine["target"].mean()),
                "the target's own",
                transform=axes.get_yaxis_transform(),
                fontsize=7,
                va="bottom",
            )
    axes.set_title(COLUMNS[column], fontsize=9)
    axes.set_xlabel("neurons in each hidden layer" if over == "width" else "host depth", fontsize=8)
    if over == "width":
        axes.set_xscale("log")
        label_logarithmic(axes.xaxis)
    else:
        axes.set_xticks(sorted(rows[over].unique()))
    if column == "kept":
        axes.axhline(1.0, color=INK, linestyle="--", linewidth=0.8)
        axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=7)


def candidates_figure(rows: pd.DataFrame) -> Figure:
    """Candidates that a weight needs for an error of at most ε, beside the bounds.

    Args:
        rows: of ``docs/results/construct/subset_sums.csv``.
    """
    needed = rows[rows["part"] == "needed"]
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    epsilons = np.geomspace(needed["epsilon"].min(), 0.2, 60)
    for size, colour in ELEMENTS.items():
        mine = needed[needed["largest"].astype(str) == str(size)]
        _measured(axes, mine, colour, f"{size} element{'s' * (size > 1)} at most")
        pools = [fixed_size_pool(size, epsilon) for epsilon in epsilons]
        axes.plot(epsilons, pools, color=colour, linestyle=":", linewidth=1)
    _measured(axes, needed[needed["largest"].astype(str) == "all"], INK, "any number of elements")
    axes.plot(
        epsilons, np.log2(1 / epsilons), color=INK, linestyle="--", linewidth=1, label="log₂(1/ε)"
    )
    axes.plot([], [], color=INK, linestyle=":", linewidth=1, label="n H₂(k/n) = log₂(k/ε)")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.set_xlabel("ε, by which the best sum may miss the weight", fontsize=8)
    axes.set_ylabel("candidates n", fontsize=8)
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False)
    return figure


def _measured(axes: Axes, rows: pd.DataFrame, colour: str, label: str) -> None:
    rows = rows.sort_values("epsilon")
    low, high = rows["needed"] - rows["needed_low"], rows["needed_high"] - rows["needed"]
    axes.errorbar(
        rows["epsilon"],
        rows["needed"],
        yerr=[low, high],
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1,
        label=label,
    )
