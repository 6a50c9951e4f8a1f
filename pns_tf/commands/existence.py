"""The command ``existence``."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, flag, several
from pns_tf.commands.flags import Given, takes
from pns_tf.theory.settings import Existence

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.tasks.task import Target

SETTINGS = "settings.json"


@takes(Existence, types={"task": "str | tuple", "depth": "int | tuple", "width": "int | tuple"})
def existence(given: Given, *, out: str | None = None, overwrite: bool = False):
    """Says how likely a random host holds the task's target already, without planting.

    Prints the errors that Lemma 1 allows to each layer, the lower bound of Theorem 2 layer by
    layer and at several widths, and the width that makes it at least 1 - delta. The target's
    neurons are first rescaled, as ReLU permits, to parameters from -0.9 to 0.9.

    Args:
        task: what the target solves, one that the command tasks lists; or several, with commas.
        depth: neuron layers, input and output counted, at least 3; or several, with commas.
        width: neurons in each hidden layer of the host, there is no largest one; or several, with
            commas.
        out: folder for settings.json, layers.csv, bound.csv and existence.png, and with hosts
            frequency.csv, None for no files; for several tasks, depths or widths a folder
            <task>-d<depth>-w<width> of each in it.
        overwrite: replace a folder that exists.
    """
    from pns_tf.saving.storage import check_free, output_folder

    folder = None if out is None else output_folder(out)
    values = {name: several(given[name]) for name in ("task", "depth", "width")}
    if empty := [name for name, listed in values.items() if not listed]:
        raise InputError(f"{empty[0]} needs a value, got {given[empty[0]]!r}")
    questions = list(dict.fromkeys(given.each(Existence, **values)))
    flag("overwrite", overwrite)
    places: list[Path | None] = [folder]
    if len(questions) > 1:
        places = [folder and folder / asked.name for asked in questions]
    for path in places:
        if path is not None:
            check_free(path, overwrite, holds=SETTINGS)
    for number, (asked, path) in enumerate(zip(questions, places, strict=True)):
        print(end="\n" if number else "")
        _answer(asked, path, overwrite)


def _answer(asked: Existence, path: Path | None, overwrite: bool) -> None:
    from pns_tf import tasks
    from pns_tf.theory.report import bound_table, layer_table

    target = tasks.get(asked.task).target(asked.depth)
    layers = layer_table(target, asked.width, asked.epsilon)
    widths = sorted({asked.width, 100, 1000, 10**6})
    bounds = bound_table(target, widths, asked.epsilon, asked.delta)
    print(report(asked, layers, bounds))
    found = _measured(asked, target) if asked.hosts else None
    if found is not None:
        print(_seen(asked, found))
    if path is not None:
        _write(path, overwrite, asked, target, layers, bounds, found)


def report(asked: Existence, layers: pd.DataFrame, bounds: pd.DataFrame) -> str:
    """The tables that ``existence`` prints, from those of `pns_tf.theory.report`."""
    from tabulate import tabulate

    from pns_tf.theory.report import probability

    heads = [
        "layer",
        "neurons",
        "k_max",
        "sup‖x‖₁",
        "sampled",
        "ε_l Lemma 1",
        "ε_l proven",
        "Theorem 2",
        "normal",
        "proven",
        "normal",
    ]
    rows = [
        [
            *(f"{row[name]:g}" for name in ("layer", "neurons", "k_max")),
            *(f"{row[name]:.3f}" for name in ("sup", "sup_sampled")),
            *(f"{row[name]:.2e}" for name in ("error_theorem", "error_proven")),
            *(probability(row[name]) for name in layers.columns if name.startswith("log10_")),
        ]
        for row in layers.to_dict("records")
    ]
    widths = [name.removeprefix("log10_at_") for name in bounds if name.startswith("log10_at_")]
    wide = [
        [
            _formula(row),
            row["init"],
            *(probability(row[f"log10_at_{name}"]) for name in widths),
            probability(row["log10_limit"]),
            probability(row["log10_width_needed"]),
        ]
        for row in bounds.to_dict("records")
    ]
    written, proven = (
        bounds.query("bound == @name")["proven_error"].iloc[0] for name in ("theorem", "proven")
    )
    return "\n".join(
        [
            f"{asked.task}, depth {asked.depth}: errors allowed to a parameter for ε ="
            f" {asked.epsilon:g}, and the factors of the bound at width {_width(str(asked.width))}",
            "",
            tabulate(rows, heads, disable_numparse=True, stralign="right"),
            "",
            f"With these ε_l no output moves by more than {written:.3g} ε (Lemma 1) and"
            f" {proven:.3g} ε (proven).",
            "",
            "lower bound of the probability that a host of some width holds a copy",
            "",
            tabulate(
                wide,
                [
                    "bound",
                    "host",
                    *map(_width, widths),
                    "any width",
                    f"width for {1 - asked.delta:g}",
                ],
                disable_numparse=True,
                stralign="right",
            ),
        ]
    )


def _width(digits: str) -> str:
    return f"{int(digits):,}" if len(digits) < 10 else f"10^{math.log10(int(digits)):.0f}"


def _formula(row: dict) -> str:
    if row["bound"] == "proven":
        return "proven"
    return "Theorem 2, wide output layer" if row["wide_output"] else "Theorem 2"


def _measured(asked: Existence, target: Target) -> pd.DataFrame:
    """How often random hosts of each kind hold a copy, with 95 % intervals."""
    import pandas as pd

    from pns_tf.theory.existence import INITS
    from pns_tf.theory.frequency import frequency
    from pns_tf.theory.unit_target import unit_target

    unit = unit_target(target, asked.epsilon, "proven")
    seen = {init: frequency(unit, asked.width, asked.hosts, init, asked.seed) for init in INITS}
    return pd.DataFrame([{"init": init, **dataclasses.asdict(each)} for init, each in seen.items()])


def _seen(asked: Existence, found: pd.DataFrame) -> str:
    width = _width(str(asked.width))
    lines = ["", f"copies found in {asked.hosts:,} random hosts of width {width}", ""]
    lines += [
        f"{row.init:<10} {row.found / row.hosts:.4g} (95 % confidence {row.low:.4g} to "
        f"{row.high:.4g})"
        for row in found.itertuples()
    ]
    return "\n".join(lines)


def _write(
    path: Path,
    overwrite: bool,
    asked: Existence,
    target: Target,
    layers: pd.DataFrame,
    bounds: pd.DataFrame,
    found: pd.DataFrame | None,
) -> None:
    from pns_tf.pictures.style import save_figure
    from pns_tf.recipe.records import record_of
    from pns_tf.saving.storage import new_folder, write_json
    from pns_tf.theory.figure import existence_figure

    title = f"{asked.task}, depth {asked.depth}"
    with new_folder(path, overwrite, holds=SETTINGS) as folder:
        write_json(folder / SETTINGS, record_of(asked))
        layers.to_csv(folder / "layers.csv", index=False)
        bounds.to_csv(folder / "bound.csv", index=False)
        if found is not None:
            found.to_csv(folder / "frequency.csv", index=False)
        save_figure(existence_figure(target, title), folder / "existence.png")
    tables = "layers.csv, bound.csv" + ", frequency.csv" * (found is not None)
    print(f"\nwritten to  {path}\n            settings.json, {tables}, existence.png")
