"""Colours and markers of pruners, and lines to compare with: the same in every picture."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from pns_tf.pictures.style import INK
from pns_tf.recipe.pruners import row_of

VARIANT_STYLES = {"edge_popup, anneal": ("#d55e00", "X")}  # of pruners with an option
OWN_STYLES = (("#e31a1c", "*"), ("#fb6a4a", "^"), ("#a50f15", "o"))  # of the user's own pruners
SPARE = (  # for options, and what has none; no green, which is synflow's
    ("#b15928", "<"),
    ("#aa4499", ">"),
    ("#999933", "p"),
    ("#88ccee", "d"),
    ("#661100", "8"),
    ("#000000", "H"),
    ("#4477aa", "s"),
    ("#ee6677", "o"),
    ("#6a3d9a", "v"),
    ("#ccbb44", "X"),
    ("#aa3377", "D"),
    ("#66ccee", "P"),
)
PLANTED_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (5, 2)), "linewidth": 1.2}
BASELINE_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (1, 1.5)), "linewidth": 1.2}
TRIVIAL_LINE: dict[str, Any] = {"color": INK, "linestyle": (0, (6, 1.5, 1, 1.5)), "linewidth": 0.8}
BAND: dict[str, Any] = {"alpha": 0.15, "linewidth": 0}


def styles(labels: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each label; a pruner's first variant may use the pruner's own.

    Pruners of the user's own, "module:Class", are red, which no other is.
    """
    chosen = {label: own for label in labels if (own := _own_style(label))}
    users = [label for label in labels if ":" in label.split(",")[0]]
    chosen |= dict(zip(users, OWN_STYLES, strict=False))
    for label in labels:
        own = _own_style(label.split(",")[0])
        if label not in chosen and own is not None and own not in chosen.values():
            chosen[label] = own
    spare = _spare_styles({colour for colour, _ in chosen.values()})
    return {label: chosen.get(label) or next(spare) for label in labels}


def _own_style(label: str) -> tuple[str, str] | None:
    """The same in every picture; `None` if it has none."""
    return VARIANT_STYLES.get(label, row_of(label).style)


def _spare_styles(taken: set[str]) -> Iterator[tuple[str, str]]:
    """The spare ones whose colour is free; then with the marker of the next, the one after, …"""
    free = [style for style in SPARE if style[0] not in taken] or SPARE
    for shift in itertools.count():
        for place, (colour, _) in enumerate(free):
            yield colour, free[(place + shift) % len(free)][1]
