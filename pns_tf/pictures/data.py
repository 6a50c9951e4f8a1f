"""The data of a task beside what a ticket makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pns_tf.checks import InputError
from pns_tf.pictures.style import (
    DATA,
    INK,
    PLANTED,
    new_figure,
    panel_grid,
    set_title,
    subscript,
    whole_number_ticks,
)
from pns_tf.tasks.task import Data, Task

MAX_PANELS = 12  # outputs drawn of a task that has more
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
    draw: Callable[..., Figure]
    if task.kind.discrete:
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
    if not task.kind.discrete and task.outputs > MAX_PANELS:
        title += f" (the first {MAX_PANELS} of {task.outputs} outputs)"
    set_title(figure, title)
    return figure


def _class_map(x: np.ndarray, y: np.ndarray, logits: np.ndarray) -> Figure:
    classes = logits.shape[1]
    colours = colormaps["viridis"](np.linspace(0.0, 0.92, classes))
    figure = new_figure(8.4, 4.4)
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
    figure = new_figure(5.4, 4.8)
    axes = figure.subplots()
    image = axes.imshow(counts, cmap="cividis")
    figure.colorbar(image, label="test samples")
    axes.set(title="planted ticket on test data", xlabel="predicted class", ylabel="class")
    whole_number_ticks(axes)
    if classes <= MAX_COUNTED_CLASSES:
        for (row, column), count in np.ndenumerate(counts):
            colour = "black" if count > counts.max() / 2 else "white"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
    return figure


def _space_curve(x: np.ndarray, y: np.ndarray, prediction: np.ndarray) -> Figure:
    order = np.argsort(x[:, 0])
    figure = new_figure(6.0, 5.4)
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
    rows, columns = panel_grid(panels)
    figure = new_figure(max(3.2 * columns, 5.2), 2.8 * rows + 1.0)
    return figure, [figure.add_subplot(rows, columns, i + 1) for i in range(panels)]


def _output_name(output: int, outputs: int) -> str:
    return "y" if outputs == 1 else f"y{subscript(output + 1)}"
