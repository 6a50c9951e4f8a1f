"""Pictures of the data, of tickets, and of how a found ticket overlaps the planted one.

Figures use matplotlib's object API: no window system, no global state. Colours can be told apart
by colour-blind readers and mean the same in all pictures.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from tasks.checks import InputError
from tasks.task import Data, Task, check_layers

POSITIVE, NEGATIVE, ZERO = "#0072b2", "#d55e00", "#b0b0b0"  # signs of weights and biases
BOTH, PLANTED, FOUND, NEITHER = "#117733", "#aa3377", "#88ccee", "#ffffff"  # parts of a ticket
DATA, INK = "#888888", "#333333"

MAX_PANELS = 12  # outputs drawn of a task that has more
MAX_EDGES = 20_000  # edges drawn of a layer that has more: they hide each other
MAX_COUNTED_CLASSES = 15  # a confusion matrix with more has no room for numbers


def data_figure(task: Task, data: Data, prediction: np.ndarray) -> Figure:
    """Draws a task's test data beside what a ticket makes of it (the paper's Figure 1).

    The task's kind and dimensions choose the picture:

    * classes of points in the plane: the points, coloured by class and by predicted class;
    * other classes: the confusion matrix;
    * one input, three outputs: a curve in space;
    * one input otherwise: each output over x;
    * other regression: each output, predicted over true (the first 12, if there are more).

    Args:
        task: what was learned.
        data: its samples; only the test set is drawn.
        prediction: the ticket's outputs for ``data.x_test``, ``(n_test, outputs)``; logits for
            classification.

    Raises:
        ValueError: ``prediction`` has another shape.

    Example:
        >>> import tasks
        >>> task = tasks.get("helix")
        >>> data = task.data()
        >>> figure = data_figure(task, data, task.target(5)(data.x_test))
    """
    expected = (len(data.x_test), task.outputs)
    if np.shape(prediction) != expected:
        raise InputError(f"prediction must have shape {expected}, got {np.shape(prediction)}")
    prediction = np.asarray(prediction)
    if task.kind == "classification":
        draw = _class_map if task.inputs == 2 else _confusion_matrix
        figure = draw(data.x_test, data.y_test, prediction)
    else:
        y = np.reshape(data.y_test, expected)
        if task.inputs == 1 and task.outputs == 3:
            draw = _space_curve
        else:
            draw = _curves if task.inputs == 1 else _predicted_over_true
        figure = draw(data.x_test, y, prediction)
    title = f"{task.name}: {task.summary}"
    if task.kind == "regression" and task.outputs > MAX_PANELS:
        title += f" (the first {MAX_PANELS} of {task.outputs} outputs)"
    _title(figure, title)
    return figure


def _class_map(x: np.ndarray, y: np.ndarray, logits: np.ndarray) -> Figure:
    classes = logits.shape[1]
    colours = colormaps["viridis"](np.linspace(0.0, 0.92, classes))
    figure = _figure(8.4, 4.4)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    panels = [(left, "test data", y), (right, "planted ticket", np.argmax(logits, axis=1))]
    for axes, title, labels in panels:
        for label, colour in enumerate(colours):
            points = x[labels == label]
            axes.scatter(*points.T, s=14, color=colour, linewidths=0, label=str(label))
        axes.set(title=title, xlabel="x₁", aspect="equal")
    left.set_ylabel("x₂")
    handles, names = left.get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        title="class",
        loc="outside right center",
        markerscale=1.8,
        ncols=math.ceil(classes / 15),
    )
    return figure


def _confusion_matrix(_x: np.ndarray, y: np.ndarray, logits: np.ndarray) -> Figure:
    classes = logits.shape[1]
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (y, np.argmax(logits, axis=1)), 1)
    figure = _figure(5.4, 4.8)
    axes = figure.subplots()
    image = axes.imshow(counts, cmap="cividis")
    figure.colorbar(image, label="test samples")
    axes.set(title="planted ticket on test data", xlabel="predicted class", ylabel="class")
    _whole_number_ticks(axes)
    if classes <= MAX_COUNTED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            colour = "black" if count > counts.max() / 2 else "white"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    return figure


def _space_curve(x: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> Figure:
    order = np.argsort(x[:, 0])
    figure = _figure(6.0, 5.4)
    axes = figure.add_subplot(projection="3d")
    axes.scatter(*y.T, s=5, color=DATA, linewidths=0, depthshade=False, label="test data")
    axes.plot(*prediction[order].T, color=PLANTED, linewidth=1.5, label="planted ticket")
    axes.set(xlabel="y₁", ylabel="y₂", zlabel="y₃")
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(nbins=5))
    figure.legend(loc="outside lower center", ncols=2, markerscale=2)
    return figure


def _curves(x: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> Figure:
    order = np.argsort(x[:, 0])
    figure, panels = _output_panels(y.shape[1])
    for output, axes in enumerate(panels):
        axes.scatter(x[:, 0], y[:, output], s=6, color=DATA, linewidths=0, label="test data")
        axes.plot(x[order, 0], prediction[order, output], color=PLANTED, label="planted ticket")
        axes.set(xlabel="x", ylabel=_output_name(output, y.shape[1]))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, markerscale=2)
    return figure


def _predicted_over_true(_x: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> Figure:
    figure, panels = _output_panels(y.shape[1])
    for output, axes in enumerate(panels):
        name = _output_name(output, y.shape[1])
        axes.scatter(y[:, output], prediction[:, output], s=6, color=PLANTED, linewidths=0)
        axes.axline((0.0, 0.0), slope=1.0, color=INK, linewidth=0.8, linestyle="--")
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xlabel=f"{name} of the test data", ylabel=f"{name} of the planted ticket")
    return figure


def _output_panels(outputs: int) -> tuple[Figure, list[Axes]]:
    panels = min(outputs, MAX_PANELS)
    rows, columns = _grid(panels)
    figure = _figure(max(3.2 * columns, 5.2), 2.8 * rows + 1.0)
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]


def _output_name(output: int, outputs: int) -> str:
    return "y" if outputs == 1 else f"y{_subscript(output + 1)}"


def ticket_figure(
    kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], title: str | None = None
) -> Figure:
    """Draws a sparse network; zeros are no edges, and neurons without parameters are left out.

    Edges are as wide as their weight is large within its layer, but never too thin to see; of a
    layer with more than 20,000 the largest are drawn, and the legend says so. In a column neurons
    stand near the mean position of those they are joined to, which keeps crossings few; inputs and
    outputs are all drawn, in their own order.

    Args:
        kernels: one ``(fan_in, fan_out)`` array for each layer of weights.
        biases: one ``(fan_out,)`` array for each layer of weights.
        title: written above the drawing.

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
    figure = _figure(max(column_width * len(drawn) + 0.6, 5.6), height + 1.6)
    axes = figure.subplots()
    axes.set_axis_off()
    for layer, kernel in enumerate(kept):
        axes.add_collection(_edges(kernel, layer, positions[layer], positions[layer + 1]))
    signs = [np.full(len(drawn[0]), "white")] + [
        np.select([bias[neurons] > 0, bias[neurons] < 0], [POSITIVE, NEGATIVE], ZERO)
        for bias, neurons in zip(biases, drawn[1:], strict=True)
    ]
    for column, (y, colours) in enumerate(zip(positions, signs, strict=True)):
        diameter = min(0.75 * 72.0 * height / max(len(y), 1), 13.0)  # in points
        axes.scatter(
            np.full(len(y), column),
            y,
            s=diameter**2,
            c=colours,
            edgecolors=INK,
            linewidths=0.06 * diameter,
            zorder=3,
        )
    sizes = [kernels[0].shape[0], *(bias.size for bias in biases)]
    names = ["input", *(f"layer {layer}" for layer in range(1, len(kernels))), "output"]
    for column, (name, neurons, total) in enumerate(zip(names, drawn, sizes, strict=True)):
        count = f"{total}" if len(neurons) == total else f"{len(neurons)} of {total}"
        label = f"{name}\n{count}"
        axes.text(column, height / 2 + 0.1, label, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-0.5, len(drawn) - 0.5), ylim=(-height / 2, height / 2 + 0.5))
    _sign_legend(figure, some_left_out=max(map(np.count_nonzero, kept)) > MAX_EDGES)
    if title is not None:
        _title(figure, title)
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
        np.stack([start, end], axis=1),
        linewidths=np.maximum(widest * size, 0.15 * widest),
        colors=colours,
        zorder=2,
    )


def _sign_legend(figure: Figure, some_left_out: bool) -> None:
    title = "edge width: |weight|, relative to the largest of its layer"
    if some_left_out:
        title += f"\nonly the {MAX_EDGES:,} largest of a layer are drawn"
    edges = [
        Line2D([], [], color=colour, linewidth=2.5, label=f"weight {sign} 0")
        for sign, colour in ((">", POSITIVE), ("<", NEGATIVE))
    ]
    neurons = [
        _marker("o", colour, f"bias {sign} 0", edge=INK)
        for sign, colour in ((">", POSITIVE), ("<", NEGATIVE), ("=", ZERO))
    ]
    figure.legend(
        handles=edges + neurons,
        loc="outside lower center",
        ncols=5,
        title=title,
        title_fontsize=8,
        fontsize=8,
        frameon=False,
        handlelength=1.5,
        columnspacing=1.2,
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

    rows, columns = _grid(len(shapes))
    figure = _figure(max(3.3 * columns, 5.6), 3.1 * rows + 0.8)
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
            _marker("o", BOTH, f"planted and found: {both:,}"),
            _marker("X", PLANTED, f"planted only: {only_planted:,}"),
            _marker("s", FOUND, f"found only: {only_found:,}"),
            _marker("s", NEITHER, f"neither: {neither:,}", edge=ZERO),
        ],
        loc="outside lower center",
        ncols=4 if columns > 2 else 2,
        fontsize=8,
        frameon=False,
    )
    if title is not None:
        _title(figure, title)
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
    size = np.clip(4000.0 / max(np.count_nonzero(planted), 1), 1.0, 22.0)
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
    _whole_number_ticks(axes)
    axes.tick_params(labelsize=7)
    return np.bincount(parts.ravel(), minlength=4)


def save_figure(figure: Figure, path: str | os.PathLike, dpi: int = 150) -> None:
    """Writes a PNG file without time or software version: equal figures give equal bytes."""
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=dpi, format="png", metadata={"Software": None})


def _figure(width: float, height: float) -> Figure:
    """An empty white figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _title(figure: Figure, title: str) -> None:
    figure.suptitle(title, fontsize=11, wrap=True)


def _grid(panels: int) -> tuple[int, int]:
    """Rows and columns: up to three panels in a row, more nearly square."""
    columns = panels if panels <= 3 else math.ceil(math.sqrt(panels))
    return math.ceil(panels / columns), columns


def _marker(marker: str, colour: str, label: str, edge: str | None = None) -> Line2D:
    """A legend entry."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=7,
        markerfacecolor=colour,
        markeredgecolor=edge or colour,
        label=label,
    )


def _subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _whole_number_ticks(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
