"""Pictures of an experiment's rows, as in the paper and beyond it.

One column of panels for each task, and for each value of what else the experiment varies; a row if
it compares variants at one density each.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from pns_tf.recipe.pruners import row_of
from pns_tf.reports.dots import dots_figure, one_density_each
from pns_tf.reports.lines import Row, lines_figure, panels_figure
from pns_tf.reports.rows import prepared
from pns_tf.reports.skill import trivial_metrics
from pns_tf.reports.writing import Picture

CONTROL = "control_strong"  # of rows with a control
EMPTY = "#ffffff"  # layers without a parameter


def draw(table: pd.DataFrame, title: str) -> list[Picture]:
    """Draws all pictures of an experiment.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        title: written above each.

    Example:
        >>> for picture in draw(store.table(experiment.runs()), experiment.title):
        ...     save_figure(picture.figure, f"{picture.name}.png")
    """
    rows = prepared(table)
    rows = rows.assign(planted_recall=1.0, trivial=trivial_metrics(rows))
    if one_density_each(rows):
        shown, figure_of = ": a dot for each seed, and the mean", dots_figure
    else:
        shown, figure_of = " over density: mean and range over seeds", lines_figure
    metric: dict[str, Any] = {"planted": "planted", "trivial": "trivial", "logarithmic": None}
    performance = [Row("strong", "after pruning (strong)", **metric)]
    searched = rows["pruner"].map(lambda pruner: row_of(pruner).trains)
    if (searched | (rows["epochs"] > 0)).any():  # something was trained
        performance.append(Row("final", "after training (weak)", **metric))
    if CONTROL in rows:
        performance.append(Row(CONTROL, "nothing planted (strong)", **metric))
    return [
        Picture(
            "performance",
            f"Test metric of the found tickets{shown}.",
            figure_of(rows, performance, title),
        ),
        Picture(
            "recovery",
            "How much of the planted ticket is in the found one (recall), "
            "and how much of the found one is planted (precision).",
            figure_of(
                rows,
                [
                    Row("recall", "recall of the planted mask", "planted_recall"),
                    Row("precision", "precision", "planted_recall", logarithmic=True),
                ],
                title,
            ),
        ),
        Picture(
            "collapse",
            "Parameters on a path from an input to an output, as a fraction of the host's, and how "
            "often a layer is empty or no path is left.",
            figure_of(
                rows,
                [
                    Row("effective_density", "effective density", logarithmic=True),
                    Row("layer_collapse", "runs with an empty layer", band=False),
                    Row("flow_collapse", "runs without any path", band=False),
                ],
                title,
            ),
        ),
        Picture(
            "layers",
            "Density of each layer, from first to last: mean over seeds, white where it is empty.",
            layers_figure(rows, title),
        ),
    ]


def layers_figure(rows: pd.DataFrame, title: str) -> Figure:
    """Density of each layer as a colour: a row of panels for each pruner, densities downwards.

    Args:
        rows: of `pns_tf.reports.rows.prepared`.
        title: written above.
    """
    panels, labels = rows["panel"].unique(), rows["label"].unique()
    levels = rows.groupby(["panel", "label"])["density"].nunique().max()
    figure = panels_figure(len(panels), len(labels) * (0.17 * min(levels, 8) + 0.5) + 1.4, title)
    grid = figure.subplots(len(labels), len(panels), squeeze=False)
    colours = colormaps["viridis_r"].with_extremes(bad=EMPTY)
    columns = [name for name in rows if name.startswith("density_layer")]
    positive = rows[columns].where(rows[columns] > 0).min(axis=None)
    norm = LogNorm(min(positive, 0.1) if positive > 0 else 0.1, 1.0)
    for (line, label), (column, panel) in itertools.product(enumerate(labels), enumerate(panels)):
        axes = grid[line, column]
        part = rows[(rows["panel"] == panel) & (rows["label"] == label)]
        means = part.groupby("density")[columns].mean().dropna(axis=1, how="all")
        if means.empty:
            axes.set_axis_off()
            continue
        image = axes.imshow(
            np.ma.masked_less_equal(means.to_numpy(), 0.0),
            cmap=colours,
            norm=norm,
            aspect="auto",
            interpolation="nearest",
        )
        last = line == len(labels) - 1
        numbers = [str(layer) if last else "" for layer in range(means.shape[1])]
        axes.set_xticks(range(len(numbers)), numbers)
        axes.set_yticks(range(len(means)), [f"{density:.2g}" for density in means.index])
        axes.tick_params(labelsize=7, length=0)
        if line == 0:
            axes.set_title(f"{panel}\n", fontsize=10)
        if column == 0:
            axes.set_title(label, fontsize=8, loc="left")
            axes.set_ylabel("density asked", fontsize=7)
        if last:
            axes.set_xlabel("layer", fontsize=8)
    bar = figure.colorbar(image, ax=grid, location="bottom", shrink=0.6, aspect=40, pad=0.02)
    bar.set_label("density of the layer, white if empty", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
