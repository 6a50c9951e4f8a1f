"""Table and picture of figure 5, from the rows of `pns_tf.experiments.vgg`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from tabulate import tabulate

from pns_tf.experiments.vgg import STRONG, WEAK
from pns_tf.pictures import save_figure
from pns_tf.reports.lines import Row, lines_figure
from pns_tf.saving.storage import replacing, write_text
from pns_tf.tasks.kinds import CLASSIFICATION


def write_figure5(table: pd.DataFrame, folder: Path) -> Path:
    """Writes ``summary.md`` and ``performance.png`` into the folder of ``runs.csv``."""
    rows = prepared(table)
    with replacing(folder / "performance.png") as partial:
        save_figure(performance_figure(rows), partial)
    write_text(folder / "summary.md", summary(rows))
    return folder


def prepared(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with the side of the figure they belong to, and the accuracy that it shows.

    That is accuracy after training on the left, and on the right that of the strong ticket after
    one positive scale for each output. The planted ticket's is the planted run's own.
    """
    strong = table["ticket"].notna()
    trained = table[~strong].set_index("run")["final"]
    lowest = table.loc[~strong, "density"].min()
    baselines = table["baseline"].astype(float)
    return table.assign(
        panel=np.where(strong, STRONG, WEAK),
        label=np.where(strong, "edge_popup, anneal", table["pruner"]),
        kind=CLASSIFICATION.name,
        accuracy=np.where(strong, table["strong"], table["final"]),
        planted=table["ticket"].map(trained) if strong.any() else np.nan,
        trivial=1 / table["classes"],
        baseline=baselines.fillna(baselines.mean() if strong.any() else lowest),
    )


def performance_figure(rows: pd.DataFrame) -> Figure:
    """Test accuracy over density, weak tickets on the left and strong ones on the right."""
    first = rows.iloc[0]
    title = f"{first['plan']} × {first['width_multiplier']:g} on {first['dataset']}"
    rows = rows.assign(planted=rows["planted"].fillna(rows["planted"].mean()))
    accuracy = Row("accuracy", "test accuracy", planted="planted", trivial="trivial")
    return lines_figure(rows, [accuracy], title)


def summary(rows: pd.DataFrame) -> str:
    """Mean, least and highest accuracy of each pruner and density, as Markdown."""
    columns = ("accuracy", "before", "effective_density", "recall")
    lines = []
    for key, part in rows.groupby(["panel", "label", "density"], sort=False):
        means = [f"{part[column].mean():.4g}" if column in part else "" for column in columns]
        spread = f"{part['accuracy'].min():.4g} to {part['accuracy'].max():.4g}"
        lines.append([*key, len(part), spread, *(mean.replace("nan", "") for mean in means)])
    heads = ["tickets", "pruner", "density", "runs", "accuracy from", *columns]
    heads[5:7] = ["mean accuracy", "host before"]
    heads = [head.replace("_", " ") for head in heads]
    return tabulate(lines, heads, "github", disable_numparse=True) + "\n"
