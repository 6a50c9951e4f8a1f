"""The bound of Theorem 2 over width and ε."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pns_tf.pictures.style import INK, new_figure, set_title
from pns_tf.tasks.task import Target
from pns_tf.theory.existence import (
    INITS,
    log_bound,
    log_limit,
    log_rule_of_thumb,
    log_width_needed,
)
from pns_tf.theory.report import LOG10, probability
from pns_tf.theory.unit_target import unit_target

EPSILONS = (0.01, 0.05, 0.1, 0.5, 1.0)
POINTS = 200
LINES: dict[str, Any] = {"uniform": "-", "normal": (0, (4, 2))}
PANELS = (  # formula, wide output layer, title
    ("theorem", True, "Theorem 2, any neuron of a wide\nlast layer may be an output"),
    ("proven", False, "proven for hosts with one place\nfor each output"),
)


def existence_figure(target: Target, title: str, epsilons: tuple[float, ...] = EPSILONS) -> Figure:
    """Draws the lower bound over the host's width, one colour for each ε.

    Args:
        target: the network that a random host may hold.
        title: written above the panels.
        epsilons: errors allowed to the target's outputs.

    Example:
        >>> import tasks
        >>> figure = existence_figure(tasks.get("relu").target(3), "relu")
    """
    figure = new_figure(8.6, 3.9)
    colours = colormaps["viridis"](np.linspace(0.0, 0.85, len(epsilons)))
    for number, (bound, wide_output, heading) in enumerate(PANELS):
        axes = figure.add_subplot(1, 2, number + 1)
        _panel(axes, target, bound, wide_output, dict(zip(epsilons, colours, strict=True)))
        axes.set_title(heading, fontsize=9)
    handles = [
        Line2D([], [], color=colour, label=f"ε = {epsilon:g}")
        for epsilon, colour in zip(epsilons, colours, strict=True)
    ]
    handles += [Line2D([], [], color=INK, linestyle=LINES[init], label=init) for init in INITS]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False
    )
    set_title(figure, title)
    return figure


def _panel(axes: Axes, target: Target, bound: str, wide_output: bool, colours: dict) -> None:
    units = {epsilon: unit_target(target, epsilon, bound) for epsilon in colours}
    options = [(epsilon, init) for epsilon in colours for init in INITS]
    needed = [
        log_width_needed(units[epsilon], 0.01, init, wide_output=wide_output)
        for epsilon, init in options
    ]
    reachable = all(map(math.isfinite, needed))
    widest = max(needed) if reachable else max(map(log_rule_of_thumb, units.values()))
    log_widths = np.linspace(0.0, 1.1 * widest, POINTS)
    for epsilon, init in options:
        bounds = np.array(
            [
                log_bound(units[epsilon], log_width, init, wide_output=wide_output).sum()
                for log_width in log_widths
            ]
        )
        values = np.exp(bounds) if reachable else bounds / LOG10
        axes.plot(log_widths / LOG10, values, color=colours[epsilon], linestyle=LINES[init])
    axes.set_xlim(0.0, log_widths[-1] / LOG10)
    axes.set_xlabel("width of the host, power of ten", fontsize=8)
    axes.set_ylabel(
        "bound on the probability" + ("" if reachable else ", power of ten"), fontsize=8
    )
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    if not reachable:
        limits = [log_limit(units[epsilon], init) / LOG10 for epsilon, init in options]
        axes.text(
            0.97,
            0.06,
            "no width suffices: the outputs' biases have one\nplace each, so the bound stays below "
            f"{probability(max(limits))}",
            transform=axes.transAxes,
            ha="right",
            fontsize=8,
            color=INK,
        )
