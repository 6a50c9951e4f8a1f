"""How a found ticket overlaps the planted one."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.pictures.style import (
    BOTH,
    FOUND,
    INK,
    NEITHER,
    PLANTED,
    ZERO,
    legend_marker,
    new_figure,
    panel_grid,
    set_title,
    whole_number_ticks,
)


def overlap_figure(planted: Mask, found: Mask, title: str | None = None) -> Figure:
    """Maps each parameter to the tickets it belongs to: planted, found, both or neither.

    One panel for each layer, counted from 0: input neurons downwards, output neurons to the right,
    and the biases as a last row below a line. The few planted entries carry a marker, so that they
    show in a large layer.

    Args:
        planted: where the planted ticket lies, in the order kernel ``(fan_in, fan_out)``, bias
            ``(fan_out,)`` of each layer.
        found: the found ticket, of the same shapes.
        title: written above the panels.

    Raises:
        ValueError: the two masks differ in shapes, or are not those of layers with a matrix and a
            bias each.

    Example:
        >>> planted = Mask([np.eye(3), np.zeros(3)])
        >>> figure = overlap_figure(planted, Mask.ones_like(planted))
    """
    shapes = [mask.shape for mask in planted]
    if shapes != [mask.shape for mask in found]:
        raise InputError(
            f"planted and found masks must have equal shapes, got {shapes} and "
            f"{[mask.shape for mask in found]}"
        )
    layers = list(zip(shapes[::2], shapes[1::2], strict=False))
    if not layers or len(shapes) % 2 or any(len(k) != 2 or b != k[1:] for k, b in layers):
        raise InputError(
            "masks must be a matrix (fan_in, fan_out) and a bias (fan_out,) for each layer, "
            f"got shapes {shapes}"
        )

    rows, columns = panel_grid(len(layers))
    figure = new_figure(max(3.3 * columns, 5.6), 3.1 * rows + 0.8)
    total = np.zeros(4, int)
    for layer in range(len(layers)):
        axes = figure.add_subplot(rows, columns, layer + 1)
        part = slice(2 * layer, 2 * layer + 2)
        counts = _overlap_panel(axes, np.vstack(planted[part]), np.vstack(found[part]))
        _, only_found, only_planted, both = counts
        axes.set_title(
            f"layer {layer}: {' × '.join(map(str, layers[layer][0]))}, and biases\n"
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
    """Draws one layer, its biases in the last row; returns the sizes of the four parts."""
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
    axes.axhline(len(parts) - 1.5, color=INK, linewidth=0.8, zorder=2)
    whole_number_ticks(axes)
    last = len(parts) - 1
    neurons = [int(tick) for tick in axes.get_yticks() if 0 <= tick < 0.94 * last]
    axes.set_yticks([*neurons, last], [*map(str, neurons), "bias"])
    axes.set_ylim(last + 0.5, -0.5)
    axes.tick_params(labelsize=7)
    return np.bincount(parts.ravel(), minlength=4)
