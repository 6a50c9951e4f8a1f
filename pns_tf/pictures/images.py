"""Test images with the classes that a ticket gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from pns_tf.pictures.style import INK, NEGATIVE, new_figure, set_title

ROWS, COLUMNS = 4, 10


def images_figure(
    x: np.ndarray,
    y: np.ndarray,
    outputs: np.ndarray,
    title: str | None = None,
    names: Sequence[str] = (),
) -> Figure:
    """The first test images; above each the class that it is taken for, wrong ones in colour.

    Args:
        x: ``(n, rows, columns, channels)`` in [−1, 1]; channels are 1 or 3.
        y: classes ``(n,)``.
        outputs: logits ``(n, classes)``.
        title: written above.
        names: of the classes; their numbers are shown if there are none.

    Example:
        >>> x = np.zeros((5, 8, 8, 3))
        >>> figure = images_figure(x, np.arange(5), np.eye(5))
    """
    figure = new_figure(0.8 * COLUMNS + 0.2, 1.1 * ROWS + 0.5)
    names = names or [str(number) for number in range(outputs.shape[1])]
    guesses = np.argmax(outputs, axis=1)
    for number in range(min(ROWS * COLUMNS, len(x))):
        axes = figure.add_subplot(ROWS, COLUMNS, number + 1)
        image = (x[number] + 1) / 2
        axes.imshow(image if image.shape[-1] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=1)
        right = guesses[number] == y[number]
        guess, truth = names[guesses[number]], names[y[number]]
        said = f"{guess}" if right else f"{guess},\nnot {truth}"
        axes.set_title(said, fontsize=6.5, color=INK if right else NEGATIVE, pad=2)
        axes.set_axis_off()
    if title is not None:
        set_title(figure, title)
    return figure
