"""What a verdict leaves behind: a table, ``verdict.json``, rows, and pictures of the overlap."""

from __future__ import annotations

import math
from pathlib import Path

from pns_tf.judging.instance import VERDICT
from pns_tf.judging.verdict import Truth, Verdict, as_json, distances
from pns_tf.pictures import layer_counts_figure, overlap_figure, save_figure
from pns_tf.saving.storage import new_folder, write_json
from pns_tf.tasks.kinds import kind_named

COLUMNS = {
    "density": "density",
    "kept": "kept",
    "strong": "strong",
    "final": "weak",
    "strong_fresh": "strong, fresh",
    "final_fresh": "weak, fresh",
    "recall": "recall",
    "precision": "precision",
    "effective_density": "effective density",
}


def write_verdict(verdict: Verdict, truth: Truth, path: Path, *, overwrite: bool = False) -> None:
    """Writes ``verdict.json``, ``rows.csv``, ``distance.csv`` and ``overlap-<density>.png``.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    planted = truth.planted.planted_masks
    with new_folder(path, overwrite, holds=VERDICT) as folder:
        write_json(folder / VERDICT, as_json(verdict))
        verdict.rows.to_csv(folder / "rows.csv", index=False)
        distances(verdict).to_csv(folder / "distance.csv", index=False)
        for ticket, found in zip(verdict.submission.tickets, verdict.found, strict=True):
            title = f"{verdict.submission.name}, density {ticket.density:g}"
            if any(mask.ndim > 2 for mask in found.masks):
                figure = layer_counts_figure(planted, found.masks, title)
            else:
                figure = overlap_figure(planted, found.masks, title)
            save_figure(figure, folder / f"overlap-{ticket.density:g}.png")


def table(verdict: Verdict, truth: Truth) -> str:
    """The verdict as text."""
    from tabulate import tabulate

    rows = verdict.rows
    shown = rows[[*COLUMNS]].rename(columns=COLUMNS)
    shown["collapse"] = [_collapse(row) for row in rows.to_dict("records")]
    first = rows.iloc[0]
    metric = kind_named(first["kind"]).metric
    rule = "rescaled; weak tickets are not" if metric == "accuracy" else "rescaled"
    lines = [
        tabulate(shown, "keys", showindex=False, floatfmt=".4g"),
        "",
        f"test {metric} ({rule}): planted ticket {first['planted']:.4g} at density "
        f"{first['baseline']:.4g}, best constant {first['best_constant']:.4g}, host before pruning "
        f"{first['before']:.4g}",
    ]
    tied = rows[rows["ties"] > 0]
    for row in tied.to_dict("records"):
        lines.append(
            f"density {row['density']:g}: {row['ties']:,} parameters share the lowest score that "
            "is kept: which of them are is random"
        )
    if verdict.on_images:
        lines.append("distance to the truth: told of computed tasks only")
    for row in distances(verdict).to_dict("records"):
        lines.append(f"distance to the truth, {row['ticket']} ticket: {_distance(row)}")
    return "\n".join(lines)


def _collapse(row: dict) -> str:
    words = {"layer_collapse": "an empty layer", "flow_collapse": "no path"}
    return ", ".join(word for name, word in words.items() if row[name]) or "none"


def _distance(row: dict) -> str:
    if not math.isfinite(row["distance"]):
        return "near the planted one at none of these densities"
    return (
        f"{row['distance']:.3g} × the planted ticket's parameters, at density {row['density']:.4g}"
    )
