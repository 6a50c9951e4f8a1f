"""The architecture of a sparse network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pns_tf.masks import Mask
from pns_tf.pictures.style import (
    BOTH,
    INK,
    NEGATIVE,
    POSITIVE,
    ZERO,
    legend_marker,
    new_figure,
    set_title,
)
from pns_tf.tasks.task import check_layers

HALO: dict[str, Any] = {"color": BOTH, "linewidth": 4.5, "alpha": 0.35}
MAX_EDGES = 20_000  # edges drawn of a layer that has more: they hide each other


def ticket_figure(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    title: str | None = None,
    planted: Mask | None = None,
) -> Figure:
    """Draws a sparse network; zeros are no edges, and neurons without parameters are left out.

    Edges are as wide as their weight is large within its layer, but never too thin to see; of a
    layer with more than 20,000 the largest are drawn, and the legend says so. In a column neurons
    stand near the mean position of those they are joined to, which keeps crossings few; inputs and
    outputs are all drawn, in their own order. Hidden neurons are called by the layer that leads to
    them, and layers are counted from 0.

    Args:
        kernels: one ``(fan_in, fan_out)`` array for each layer of weights.
        biases: one ``(fan_out,)`` array for each layer of weights.
        title: written above the drawing.
        planted: where a ticket is planted: what of it is drawn is marked in green, edges by a halo,
            biases by a ring.

    Raises:
        ValueError: shapes that do not chain, or entries that are not finite.

    Example:
        >>> import tasks
        >>> target = tasks.get("circle").target(depth=5)
        >>> figure = ticket_figure(target.kernels, target.biases)
    """
    kernels, biases = check_layers("ticket", kernels, biases, np.float64)
    drawn = _neurons_drawn(kernels, biases)
    kept = [
        kernel[np.ix_(rows, columns)]
        for kernel, rows, columns in zip(kernels, drawn[:-1], drawn[1:], strict=True)
    ]
    most = max(len(neurons) for neurons in drawn)
    height = min(max(0.22 * most, 1.0), 7.5)  # of the columns, in inches
    positions = _place(kept, height)

    column_width = 1.1 if most < 40 else 1.6
    figure = new_figure(max(column_width * len(drawn) + 0.6, 5.6), height + 1.6)
    axes = figure.subplots()
    axes.set_axis_off()
    for layer, kernel in enumerate(kept):
        ends = positions[layer], positions[layer + 1]
        axes.add_collection(_edges(kernel, layer, *ends))
        if planted is not None:
            mask = planted.kernels[layer][np.ix_(drawn[layer], drawn[layer + 1])]
            axes.add_collection(_halo(kernel * mask, layer, *ends))
    signs = [np.full(len(drawn[0]), "white")] + [
        np.select([bias[neurons] > 0, bias[neurons] < 0], [POSITIVE, NEGATIVE], ZERO)
        for bias, neurons in zip(biases, drawn[1:], strict=True)
    ]
    rings = [np.zeros(len(neurons), bool) for neurons in drawn]
    if planted is not None:
        rings[1:] = [
            mask[neurons] & (bias[neurons] != 0)
            for mask, bias, neurons in zip(planted.biases, biases, drawn[1:], strict=True)
        ]
    for column, (y, colours, ring) in enumerate(zip(positions, signs, rings, strict=True)):
        diameter = min(0.75 * 72.0 * height / max(len(y), 1), 13.0)  # in points
        axes.scatter(
            np.full(len(y), column),
            y,
            s=diameter**2,
            c=colours,
            edgecolors=np.where(ring, BOTH, INK).tolist(),
            linewidths=(np.where(ring, 0.2, 0.06) * diameter).tolist(),
            zorder=3,
        )
    sizes = [kernels[0].shape[0], *(bias.size for bias in biases)]
    names = ["input", *(f"layer {layer}" for layer in range(len(kernels) - 1)), "output"]
    for column, (name, neurons, total) in enumerate(zip(names, drawn, sizes, strict=True)):
        count = f"{total}" if len(neurons) == total else f"{len(neurons)} of {total}"
        label = f"{name}\n{count}"
        axes.text(column, height / 2 + 0.1, label, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-0.5, len(drawn) - 0.5), ylim=(-height / 2, height / 2 + 0.5))
    _sign_legend(
        figure,
        some_left_out=max(int(np.count_nonzero(kernel)) for kernel in kept) > MAX_EDGES,
        planted=planted is not None,
    )
    if title is not None:
        set_title(figure, title)
    return figure


def _neurons_drawn(kernels: list[np.ndarray], biases: list[np.ndarray]) -> list[np.ndarray]:
    """Indices of the neurons that have a parameter; of all inputs and outputs."""
    hidden = [
        np.flatnonzero(incoming.any(axis=0) | outgoing.any(axis=1) | (bias != 0))
        for incoming, outgoing, bias in zip(kernels[:-1], kernels[1:], biases[:-1], strict=True)
    ]
    return [np.arange(kernels[0].shape[0]), *hidden, np.arange(kernels[-1].shape[1])]


def _place(kernels: list[np.ndarray], height: float, sweeps: int = 4) -> list[np.ndarray]:
    """Heights of all neurons, one array a column, by the barycentre heuristic."""
    counts = [len(kernels[0]), *(kernel.shape[1] for kernel in kernels)]
    columns = [_spread(count, height) for count in counts]
    for _ in range(sweeps):
        for layer in range(1, len(kernels)):
            left = _barycentre(kernels[layer - 1].T, columns[layer - 1])
            right = _barycentre(kernels[layer], columns[layer + 1])
            left, right = (np.where(np.isnan(a), b, a) for a, b in ((left, right), (right, left)))
            wanted = np.where(np.isnan(left), columns[layer], (left + right) / 2)
            order = np.argsort(-wanted.round(6), kind="stable")
            columns[layer][order] = _spread(len(order), height)
    return columns


def _barycentre(weights: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Mean of ``y (neighbours,)`` weighted by ``abs(weights)``; NaN for a neuron without edges.

    ``weights`` is ``(neurons, neighbours)``.
    """
    weights = np.abs(weights)
    total = weights.sum(axis=1)
    return np.divide(weights @ y, total, out=np.full(len(total), np.nan), where=total > 0)


def _spread(count: int, height: float) -> np.ndarray:
    """Heights of a column's neurons, from the top; each has an equal share of the height."""
    return height * (0.5 - (np.arange(count) + 0.5) / count)


def _edges(kernel: np.ndarray, layer: int, left: np.ndarray, right: np.ndarray) -> LineCollection:
    """Lines of the non-zero entries; the more, the thinner and fainter. Large ones on top."""
    row, column = np.nonzero(kernel)
    order = np.argsort(np.abs(kernel[row, column]), kind="stable")[-MAX_EDGES:]
    row, column = row[order], column[order]
    weights = kernel[row, column]
    start = np.stack([np.full(len(row), layer), left[row]], axis=1)
    end = np.stack([np.full(len(row), layer + 1), right[column]], axis=1)
    crowd = max(len(weights) / 100.0, 1.0)
    widest = max(3.0 / math.sqrt(crowd), 0.8)
    size = np.abs(weights) / np.max(np.abs(weights), initial=0.0)
    colours = np.empty((len(weights), 4))
    colours[:, :3] = np.where((weights > 0)[:, None], to_rgb(POSITIVE), to_rgb(NEGATIVE))
    colours[:, 3] = 0.85 * (size**2 + (1.0 - size**2) / crowd)
    return LineCollection(
        list(np.stack([start, end], axis=1)),
        linewidths=np.maximum(widest * size, 0.15 * widest),
        colors=colours,
        zorder=2,
    )


def _halo(kernel: np.ndarray, layer: int, left: np.ndarray, right: np.ndarray) -> LineCollection:
    """Wide faint lines below the edges of the non-zero entries."""
    row, column = np.nonzero(kernel)
    start = np.stack([np.full(len(row), layer), left[row]], axis=1)
    end = np.stack([np.full(len(row), layer + 1), right[column]], axis=1)
    return LineCollection(list(np.stack([start, end], axis=1)), zorder=1.5, **HALO)


def _sign_legend(figure: Figure, some_left_out: bool, planted: bool) -> None:
    title = "edge width: |weight|, relative to the largest of its layer"
    if some_left_out:
        title += f"\nonly the {MAX_EDGES:,} largest of a layer are drawn"
    edges = [
        Line2D([], [], color=colour, linewidth=2.5, label=f"weight {sign} 0")
        for sign, colour in ((">", POSITIVE), ("<", NEGATIVE))
    ]
    neurons = [
        legend_marker("o", colour, f"bias {sign} 0", edge=INK)
        for sign, colour in ((">", POSITIVE), ("<", NEGATIVE), ("=", ZERO))
    ]
    if planted:
        edges.append(Line2D([], [], label="planted, too", **{**HALO, "linewidth": 5.0}))
    figure.legend(
        handles=edges + neurons,
        loc="outside lower center",
        ncols=6 if planted else 5,
        title=title,
        title_fontsize=8,
        fontsize=8,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.2,
    )
