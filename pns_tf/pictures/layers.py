"""How many parameters of each layer belong to a ticket, for networks too large to be drawn."""

from __future__ import annotations

from matplotlib.figure import Figure

from pns_tf.masks import Mask
from pns_tf.pictures.style import BOTH, FOUND, PLANTED, ZERO, new_figure, set_title

BAR = 0.26  # of the distance between two layers


def layer_counts_figure(
    planted: Mask | None = None, found: Mask | None = None, title: str | None = None
) -> Figure:
    """Bars for each layer: all parameters, and those planted, found, and both.

    Args:
        planted: where the planted ticket lies, if there is one.
        found: the found ticket, if there is one.
        title: written above.

    Example:
        >>> figure = layer_counts_figure(Mask([np.eye(3), np.ones(3)]))
    """
    counts = _counts(planted, found)
    (some, *_) = (mask for mask in (planted, found) if mask is not None)
    layers = len(next(iter(counts.values())))
    figure = new_figure(6.4, 0.9 + 0.36 * layers)
    axes = figure.add_subplot()
    names = [name for name in counts if name != "all"]
    axes.barh(range(layers), counts["all"], 0.86, color="#ececec", label="all parameters")
    for place, name in enumerate(names):
        offset = (place - (len(names) - 1) / 2) * BAR
        colour = {"planted": PLANTED, "found": FOUND, "planted and found": BOTH}[name]
        places = [layer + offset for layer in range(layers)]
        bars = axes.barh(places, counts[name], BAR, color=colour, label=name)
        axes.bar_label(bars, [f"{count:,}" for count in counts[name]], fontsize=6, padding=2)
    axes.set_xscale("log")
    axes.set_xlim(0.7, 3 * max(counts["all"]))
    axes.set_ylim(layers - 0.5, -0.5)
    axes.set_yticks(range(layers), [_name(some, layer) for layer in range(layers)])
    axes.set_xlabel("parameters, biases counted", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.grid(axis="x", color=ZERO, linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    if title is not None:
        set_title(figure, title)
    return figure


def _counts(planted: Mask | None, found: Mask | None) -> dict[str, list[int]]:
    masks = {"planted": planted, "found": found}
    if planted is not None and found is not None:
        masks["planted and found"] = Mask([a & b for a, b in zip(planted, found, strict=True)])
    counts = {name: _per_layer(mask) for name, mask in masks.items() if mask is not None}
    (first, *_) = (mask for mask in masks.values() if mask is not None)
    return {"all": _per_layer(Mask.ones_like(first)), **counts}


def _per_layer(mask: Mask) -> list[int]:
    return [int(k.sum() + b.sum()) for k, b in zip(mask.kernels, mask.biases, strict=True)]


def _name(mask: Mask, layer: int) -> str:
    return f"{layer}:  " + " × ".join(map(str, mask.kernels[layer].shape))
