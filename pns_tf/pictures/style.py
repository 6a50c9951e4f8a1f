"""What all pictures share: colours, panels, legends, files.

Figures use matplotlib's object API: no window system, no global state. Colours can be told apart
by colour-blind readers and mean the same in all pictures.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

POSITIVE, NEGATIVE, ZERO = "#0072b2", "#d55e00", "#b0b0b0"  # signs of weights and biases
BOTH, PLANTED, FOUND, NEITHER = "#117733", "#aa3377", "#88ccee", "#ffffff"  # parts of a ticket
DATA, INK = "#888888", "#333333"


def save_figure(figure: Figure, path: str | os.PathLike | io.BytesIO, dpi: int = 150) -> None:
    """Writes a PNG file without time or software version: equal figures give equal bytes."""
    FigureCanvasAgg(figure)
    figure.savefig(path, dpi=dpi, format="png", metadata={"Software": None})


def png(figure: Figure, dpi: int = 100) -> tuple[bytes, int, int]:
    """A figure as a PNG file, its width and its height in pixels."""
    content = io.BytesIO()
    save_figure(figure, content, dpi)
    width, height = figure.get_size_inches() * dpi
    return content.getvalue(), int(width), int(height)


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def set_title(figure: Figure, title: str) -> None:
    figure.suptitle(title, fontsize=11, wrap=True)


def panel_grid(panels: int) -> tuple[int, int]:
    """Rows and columns: up to three panels in a row, more nearly square."""
    columns = panels if panels <= 3 else math.ceil(math.sqrt(panels))
    return math.ceil(panels / columns), columns


def legend_marker(marker: str, colour: str, label: str, edge: str | None = None) -> Line2D:
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


def legend_below(figure: Figure, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """A legend below all panels, in as many lines as it needs not to be cut.

    The figure grows by the lines after the first.
    """
    longest = max(map(len, labels))
    fitting = max(int(figure.get_figwidth() / (0.6 + 0.068 * longest)), 1)  # inches
    lines = math.ceil(len(handles) / fitting)
    figure.set_figheight(figure.get_figheight() + 0.17 * (lines - 1))
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=math.ceil(len(handles) / lines),
        fontsize=8,
        frameon=False,
    )


def label_logarithmic(axis: Axis) -> None:
    """Labels powers of ten on a logarithmic axis; more, where less than two of these are in view.

    To be called when all is drawn: what is in view decides.
    """
    low, high = sorted(axis.get_view_interval())
    axis.set_minor_formatter(NullFormatter())
    for steps in ((1.0,), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0), range(1, 10)):
        locator = LogLocator(subs=steps, numticks=8)
        if sum(low <= tick <= high for tick in locator.tick_values(low, high)) > 1:
            axis.set_major_locator(locator)
            if len(steps) > 1:
                axis.set_major_formatter("{x:g}")
            return
    axis.set_major_locator(MaxNLocator(nbins=4))
    axis.set_major_formatter("{x:.3g}")


def faint_grid(axes: Axes) -> None:
    """A grid behind what is drawn, small tick labels, and no frame above and to the right."""
    axes.grid(color=ZERO, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def subscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def whole_number_ticks(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
