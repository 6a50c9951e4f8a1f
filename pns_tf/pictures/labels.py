"""Names beside points, placed so that all can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from pns_tf.pictures.style import DATA

GAP = 4.0  # points between a point and the name beside it
AROUND = 3.5  # points around a point that no name may cover
WIDER = 1.08  # than measured: letters lie on whole pixels, and a file has more of these
MOVES = 30  # heights of a line that a name may move up or down
ASIDE = (0.0, 12.0, 24.0, 48.0)  # points that it may move away besides
LINE = {"arrowstyle": "-", "color": DATA, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 0}


def label_points(
    axes: Axes, x: Sequence[float], y: Sequence[float], names: Sequence[str], fontsize: float = 6
) -> list[Annotation]:
    """Writes each name beside its point or, where others are, near it at the end of a thin line.

    To be called when all else is drawn and `Figure.draw_without_rendering` has fixed the layout:
    where names have room depends on it.

    Args:
        axes: of the points, with its final limits.
        x: of the points.
        y: of the points.
        names: of the points.
        fontsize: of the names.

    Returns:
        The names as they were drawn, in the order of the points.

    Example:
        >>> from pns_tf.pictures.style import new_figure
        >>> figure = new_figure(3, 3)
        >>> axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1))
        >>> figure.draw_without_rendering()
        >>> labels = label_points(axes, [0.5, 0.5], [0.5, 0.5], ["snip", "grasp"])
        >>> [label.get_horizontalalignment() for label in labels]
        ['left', 'right']
    """
    room = _Room(axes, np.column_stack([x, y]))
    # From above to below, so that names of a heap come in the order of its points.
    order = sorted(range(len(names)), key=lambda i: (-y[i], x[i]))
    labels = {i: room.label(i, names[i], fontsize) for i in order}
    return [labels[i] for i in range(len(names))]


class _Room:
    """What is taken of a panel, in pixels."""

    def __init__(self, axes: Axes, points: np.ndarray):
        self.axes, self.points = axes, points
        self.pixels = axes.figure.dpi / 72
        self.places = axes.transData.transform(points)
        around = AROUND * self.pixels
        self.marks = [Bbox([place - around, place + around]) for place in self.places]
        self.labels: list[Bbox] = []
        self.lines: list[Path] = []

    def label(self, point: int, name: str, fontsize: float) -> Annotation:
        text = self.axes.text(0, 0, name, fontsize=fontsize)
        size = text.get_window_extent().expanded(WIDER, WIDER)
        text.remove()
        moves = list(_moves(size.height / self.pixels))
        free = (move for move in moves if self._is_free(point, move, size))
        right, up = next(free, moves[0])
        box, line = self._placed(point, (right, up), size)
        self.labels.append(box)
        beside = abs(right) == GAP and up == 0
        if not beside:
            self.lines.append(line)
        return self.axes.annotate(
            name,
            tuple(self.points[point]),
            xytext=(right, up),
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            va="center",
            fontsize=fontsize,
            zorder=4,
            arrowprops=None if beside else LINE | {"relpos": (float(right < 0), 0.5)},
        )

    def _placed(self, point: int, move: tuple[float, float], size: Bbox) -> tuple[Bbox, Path]:
        """Where a name would lie, and the line to it."""
        start = self.places[point]
        x, y = end = start + self.pixels * np.array(move)
        left, low = (x if move[0] > 0 else x - size.width), y - size.height / 2
        return Bbox.from_bounds(left, low, size.width, size.height), Path([start, end])

    def _is_free(self, point: int, move: tuple[float, float], size: Bbox) -> bool:
        box, line = self._placed(point, move, size)
        panel = self.axes.bbox
        inside = panel.x0 <= box.x0 and box.x1 <= panel.x1
        inside = inside and panel.y0 <= box.y0 and box.y1 <= panel.y1
        return (
            inside
            and not any(box.overlaps(other) for other in [*self.marks, *self.labels])
            and not any(other.intersects_bbox(box) for other in self.lines)
            and not any(line.intersects_bbox(other) for other in self.labels)
        )


def _moves(height: float) -> Iterator[tuple[float, float]]:
    """From a point to its name, in points: the nearest first."""
    for aside in ASIDE:
        for step in range(MOVES):
            for up in dict.fromkeys((step, -step)):
                for side in (1.0, -1.0):
                    yield side * (GAP + aside), up * height
