"""Pictures as files, and words about rows: what every page has."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from pns_tf.pictures import save_figure
from pns_tf.saving.storage import replacing


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with the name of its file and one line that says how to read it."""

    name: str
    caption: str
    figure: Figure


def write_pictures(pictures: Iterable[Picture], folder: Path) -> list[tuple[str, str, bytes]]:
    """Writes PNG and SVG files; returns name, caption and SVG of each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for picture in pictures:
        picture.figure.draw_without_rendering()
        picture.figure.set_layout_engine("none")  # laid out once, not again for each format
        with replacing(folder / f"{picture.name}.png") as partial:
            save_figure(picture.figure, partial)
        svg = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "pns_tf"}):  # equal bytes for equal figures
            picture.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        with replacing(folder / f"{picture.name}.svg") as partial:
            partial.write_bytes(svg.getvalue())
        written.append((picture.name, picture.caption, svg.getvalue()))
    return written


def effort(table: pd.DataFrame) -> str:
    """How many runs there are, and how long they took, in words."""
    core = table[["pruning_seconds", "training_seconds"]].to_numpy().sum()
    return f"{len(table):,} runs, {core:,.0f} s of one core"


def distinct_values(table: pd.DataFrame) -> Mapping[str, str]:
    """The different values of each column, in words."""
    values = {}
    for name, column in table.items():
        different = [_word(value) for value in column.unique()]
        shown = different if len(different) <= 12 else [*different[:6], "…", *different[-1:]]
        values[name.replace("_", " ")] = ", ".join(shown)
    return values


def _word(value: object) -> str:
    if isinstance(value, float):
        return "default" if pd.isna(value) else f"{value:.4g}"
    return "default" if value is None else str(value)
