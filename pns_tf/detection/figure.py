"""A picture of what attackers see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pns_tf.detection.table import CONTROL, SETTING
from pns_tf.pictures.style import INK, new_figure

# Okabe and Ito's colours.
STYLES = {
    "published": ("#d55e00", "X"),
    "default": ("#e69f00", "s"),
    "hide_biases": ("#56b4e9", "^"),
    "approximate": ("#0072b2", "v"),
    "strong": ("#009e73", "D"),
    "strong_approximate": ("#cc79a7", "P"),
    "constructed": ("#000000", "*"),
}
A_RUN = ("#000000", "o")  # on disk, which bears its folder's name
ROWS = {"auc_within": "AUC within arrays", "precision": "precision at the ticket's size"}
CHANCE = {"auc_within": 0.5, "precision": 0.0}


def detection_figure(summed: pd.DataFrame) -> Figure:
    """Draws each attacker's success, one column of panels for each task, depth and width.

    Args:
        summed: from `pns_tf.detection.table.summary`.
    """
    settings = list(summed[SETTING].drop_duplicates().itertuples(index=False))
    plantings = list(summed["planting"].unique())
    attackers = [name for name in summed["attacker"].unique() if name != CONTROL]
    figure = new_figure(max(3.2 * len(settings), 6.0), 5.6)
    grid = figure.subplots(len(ROWS), len(settings), sharex=True, sharey="row", squeeze=False)
    far = 0.3 if len(plantings) > 1 else 0.0
    shift = dict(zip(plantings, np.linspace(-far, far, len(plantings)), strict=True))
    for column, setting in enumerate(settings):
        here = summed[(summed[SETTING] == list(setting)).all(axis=1)]
        for row, measure in enumerate(ROWS):
            axes = grid[row, column]
            axes.axhline(CHANCE[measure], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
            for planting, rows in here.groupby("planting", sort=False):
                rows = rows.set_index("attacker").reindex(attackers)
                colour, marker = STYLES.get(planting, A_RUN)
                axes.errorbar(
                    np.arange(len(attackers)) + shift[planting],
                    rows[measure],
                    yerr=2.0 * rows[f"{measure}_se"].to_numpy(),
                    fmt=marker,
                    color=colour,
                    markersize=4.5,
                    elinewidth=0.8,
                )
            axes.grid(axis="y", alpha=0.3)
            axes.tick_params(labelsize=7)
            if column == 0:
                axes.set_ylabel(ROWS[measure], fontsize=8)
        grid[0, column].set_title(
            f"{setting.task}, depth {setting.depth}, width {setting.width}", fontsize=9
        )
        grid[-1, column].set_xticks(range(len(attackers)), attackers, rotation=40, ha="right")
    wide = 1 if len(settings) > 1 else 2  # a single column of panels has no room for one line
    handles = [
        Line2D([], [], linestyle="none", marker=marker, color=colour, label=planting)
        for planting, (colour, marker) in ((p, STYLES.get(p, A_RUN)) for p in plantings)
    ]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=-(-len(handles) // wide),
        fontsize=8,
        frameon=False,
    )
    return figure
