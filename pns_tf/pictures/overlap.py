"""How a found ticket overlaps the planted one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from pns_tf.checks import InputError
from pns_tf.pictures.style import (
    BOTH,
    FOUND,
    NEITHER,
    PLANTED,
    ZERO,
    legend_marker,
    new_figure,
    panel_grid,
    set_title,
    whole_number_ticks,
)


def overlap_figure(
    planted_masks: Sequence[np.ndarray],
    found_masks: Sequence[np.ndarray],
    title: str | None = None,
) -> Figure:
    """Maps each weight to the tickets it belongs to: planted, found, both or neither.

    One panel for each layer, input neurons downwards, output neurons to the right. The few planted
    entries carry a marker, so that they show in a large layer.

    Args:
        planted_masks: one bool ``(fan_in, fan_out)`` array for each layer.
        found_masks: arrays of the same shapes.
        title: written above the panels.

    Raises:
        ValueError: the two lists differ in length or shapes, or hold no matrices.

    Example:
        >>> figure = overlap_figure([np.eye(3, dtype=bool)], [np.ones((3, 3), bool)])
    """
    planted_masks = [np.asarray(mask, bool) for mask in planted_masks]
    found_masks = [np.asarray(mask, bool) for mask in found_masks]
    shapes = [mask.shape for mask in planted_masks]
    if shapes != [mask.shape for mask in found_masks]:
        raise InputError(
            f"planted and found masks must have equal shapes, got {shapes} and "
            f"{[mask.shape for mask in found_masks]}"
        )
    if not shapes or any(len(shape) != 2 for shape in shapes):
        raise InputError(f"masks must be matrices (fan_in, fan_out), got shapes {shapes}")

    rows, columns = panel_grid(len(shapes))
    figure = new_figure(max(3.3 * columns, 5.6), 3.1 * rows + 0.8)
    total = np.zeros(4, int)
    for layer, (planted, found) in enumerate(zip(planted_masks, found_masks, strict=True)):
        axes = figure.add_subplot(rows, columns, layer + 1)
        counts = _overlap_panel(axes, planted, found)
        neither, only_found, only_planted, both = counts
        axes.set_title(
            f"layer {layer + 1}: {planted.shape[0]} × {planted.shape[1]}\n"
            f"both {both:,}, planted only {only_planted:,}, found only {only_found:,}",
            fontsize=8,
        )
        axes.set_xlabel("to neuron", fontsize=8)
        axes.set_ylabel("from neuron", fontsize=8)
        total += counts
    neither, only_found, only_planted, both = total
    figure.legend(
        handles=[
            legend_marker("o", BOTH, f"planted and found: {both:,}"),
            legend_marker("X", PLANTED, f"planted only: {only_planted:,}"),
            legend_marker("s", FOUND, f"found only: {only_found:,}"),
            legend_marker("s", NEITHER, f"neither: {neither:,}", edge=ZERO),
        ],
        loc="outside lower center",
        ncols=4 if columns > 2 else 2,
        fontsize=8,
        frameon=False,
    )
    if title is not None:
        set_title(figure, title)
    return figure


def _overlap_panel(axes: Axes, planted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Draws one layer; returns how many entries are in neither, found, planted, both."""
    parts = found + 2 * planted.astype(int)
    axes.imshow(
        parts,
        cmap=ListedColormap([NEITHER, FOUND, PLANTED, BOTH]),
        vmin=0,
        vmax=3,
        aspect="auto",
        interpolation="nearest",
    )
    size = np.clip(4000.0 / max(int(np.count_nonzero(planted)), 1), 1.0, 22.0)
    for part, marker, colour in ((3, "o", BOTH), (2, "X", PLANTED)):
        row, column = np.nonzero(parts == part)
        axes.scatter(
            column,
            row,
            s=size,
            marker=marker,
            color=colour,
            edgecolors="white",
            linewidths=0.02 * size,
            clip_on=False,
            zorder=3,
        )
    whole_number_ticks(axes)
    axes.tick_params(labelsize=7)
    return np.bincount(parts.ravel(), minlength=4)
