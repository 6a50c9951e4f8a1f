"""Whether a ranking of pruners on computed tasks says anything about one on images.

Both sides are rows of runs. In each contest, a task at a density, pruners are ranked by their mean
over seeds; a pruner's place on a side is its mean rank over the contests of the sparser, or the
denser, half of that side's densities. Kendall's τ_b compares the places of the two sides (Kendall,
A New Measure of Rank Correlation, Biometrika 1938). Its interval is a bootstrap over pruners and,
for all pruners alike, seeds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import kendalltau, rankdata

from pns_tf.checks import InputError
from pns_tf.pictures.labels import label_points
from pns_tf.pictures.style import new_figure
from pns_tf.reports.rows import kinds
from pns_tf.reports.statistics import CONFIDENCE
from pns_tf.seeding import generator

# What a ticket is called, and its metric on computed tasks and on images. There each pruner trains
# as it does; rankings train all alike, and know beside it what each pruner's own training makes.
TICKETS = {
    "strong": ("strong", "strong"),
    "weak": ("final", "final"),
    "weak as published": ("final_published", "final"),
}
HALVES = ("sparse", "dense")
USED = ("rounds", "prune_rounds", "epochs")  # how a pruner is used, see `ways`
NEEDED = ("task", "pruner", "options", "density", "seed", "strong", "final")
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Transfer:
    """How two rankings agree.

    Attributes:
        taus: one row for each ticket and half: ``ticket``, ``half``, ``tau``, ``low`` and ``high``,
            ``pruners``, how many both sides have, and the ``contests`` of each side.
        places: for each of these and each pruner its mean rank on both sides: ``ticket``, ``half``,
            ``pruner``, ``computed``, ``images``.
    """

    taus: pd.DataFrame
    places: pd.DataFrame


def transfer(computed: pd.DataFrame, images: pd.DataFrame, seed: int = 0) -> Transfer:
    """Compares the ranking on computed tasks with the one on images.

    Args:
        computed: rows of a leaderboard.
        images: rows of an experiment on images.
        seed: of the bootstrap.

    Raises:
        ValueError: rows without the columns that are needed, or fewer than three pruners that both
            sides have in one and the same contest.

    Example:
        >>> result = transfer(pd.read_csv("leaderboard/runs.csv"), pd.read_csv("transfer/runs.csv"))
        >>> result.taus[["ticket", "half"]].values.tolist()[0]
        ['strong', 'sparse']
    """
    sides = [_side(table, what) for table, what in ((computed, "computed"), (images, "images"))]
    common = _in_both(*(side["way"] for side in sides))
    rng = generator(seed, "transfer")
    taus, places = [], []
    for ticket, metrics in TICKETS.items():
        if metrics[0] not in computed:
            continue
        for half in HALVES:
            both = [
                _values(side[side["half"] == half], metric, common)
                for side, metric in zip(sides, metrics, strict=True)
            ]
            ranks = [mean_ranks(values) for values in both]
            low, high = _bootstrap(both, rng)
            taus.append(
                {
                    "ticket": ticket,
                    "half": half,
                    "tau": float(kendalltau(*ranks).statistic),
                    "low": low,
                    "high": high,
                    "pruners": len(common),
                    "contests": " and ".join(str(len(values)) for values in both),
                }
            )
            places.append(
                pd.DataFrame(
                    {"ticket": ticket, "half": half, "pruner": common}
                    | dict(zip(("computed", "images"), ranks, strict=True))
                )
            )
    return Transfer(pd.DataFrame(taus), pd.concat(places, ignore_index=True))


def check_comparable(computed: pd.DataFrame, images: pd.DataFrame) -> None:
    """Raises `InputError` if `transfer` will have too few pruners to compare.

    Args:
        computed: rows of a leaderboard.
        images: settings of runs on images, with or without results.
    """
    for table, what in ((computed, "computed"), (images, "images")):
        _check_rows(table, what, ("pruner", "options", *USED))
    _in_both(ways(computed), ways(images))


def _in_both(computed: pd.Series, images: pd.Series) -> list[str]:
    common = sorted(set(computed) & set(images))
    if len(common) < 3:
        raise InputError(
            f"a ranking needs at least three pruners that both sides have, got {len(common)}: "
            f"{', '.join(common) or 'none'}"
        )
    return common


def _check_rows(table: pd.DataFrame, what: str, needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in table]
    if missing or table.empty:
        raise InputError(f"the rows on {what} need {', '.join(missing or needed)}, got none of it")


def ways(table: pd.DataFrame) -> pd.Series:
    """What each row's pruner is called on both sides: its name and how it is used.

    Numbers of epochs and rounds are those that the side allows for, and not compared; other numbers
    of epochs than most rows of the side have are.

    Example:
        >>> row = {"pruner": "snip", "options": "{}", "rounds": 10, "prune_rounds": 1, "epochs": 10}
        >>> ways(pd.DataFrame([row])).tolist()
        ['snip, multishot']
    """
    usual = table["epochs"].mode().iloc[0]
    names = []
    for _, row in table.iterrows():
        switches = [k for k, v in sorted(json.loads(row["options"]).items()) if v is True]
        words = [row["pruner"], *switches]
        words += ["multishot"] if row["rounds"] > 1 else []
        words += ["in rounds"] if row["prune_rounds"] > 1 else []
        words += [f"{row['epochs']:g} epochs"] if row["epochs"] != usual else []
        names.append(", ".join(words))
    return pd.Series(names, table.index, dtype=str)


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Mean rank of each pruner over contests, 1 being the best; equal ones share a rank.

    Args:
        values: ``(contests, pruners, seeds)``, higher is better.

    Example:
        >>> mean_ranks(np.array([[[0.9], [0.5]], [[0.8], [0.8]]]))
        array([1.25, 1.75])
    """
    return rankdata(-values.mean(axis=2).round(9), axis=1).mean(axis=0)


def _side(table: pd.DataFrame, what: str) -> pd.DataFrame:
    _check_rows(table, what, (*NEEDED, *USED))
    sign = np.where(kinds(table) == "classification", 1.0, -1.0)
    if "instance" in table:  # of a leaderboard, which has several of a task
        table = table.assign(task=table["instance"])
    side = table[["task", "density", "seed"]].assign(way=ways(table))
    for metric in {name for names in TICKETS.values() for name in names} & {*table}:
        side[metric] = sign * table[metric].astype(float)
    # Densities at which only some pruners were run are no contests.
    count = side.groupby(["task", "density"])["way"].transform("nunique")
    side = side[count >= 0.9 * count.groupby(side["task"]).transform("max")]
    order = side.groupby("task")["density"].rank(method="dense")
    levels = order.groupby(side["task"]).transform("max")
    return side.assign(half=np.where(order <= levels / 2, *HALVES))


def _values(side: pd.DataFrame, metric: str, common: Sequence[str]) -> np.ndarray:
    """``(contests, pruners, seeds)`` of those that all pruners have run; NaN is the worst."""
    side = side.assign(value=side[metric].fillna(side[metric].min() - 1.0))
    table = side[side["way"].isin(common)].pivot_table(
        "value", ["task", "density"], ["way", "seed"]
    )
    seeds = sorted(set.intersection(*(set(table[way].columns) for way in common)))
    values = np.stack([table[way][seeds].to_numpy() for way in common], axis=1)
    values = values[np.isfinite(values).all(axis=(1, 2))]
    if not values.size:
        raise InputError(
            f"there is no density and seed with which all of {', '.join(common)} were run"
        )
    return values


def _bootstrap(both: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[float, float]:
    """The percentile interval of τ."""
    taus = []
    pruners = both[0].shape[1]
    for _ in range(RESAMPLES):
        some = rng.integers(pruners, size=pruners)
        ranks = []
        for values in both:
            seeds = values.shape[2]
            ranks.append(mean_ranks(values[:, :, rng.integers(seeds, size=seeds)]))
        taus.append(kendalltau(ranks[0][some], ranks[1][some]).statistic)
    tail = (1 - CONFIDENCE) / 2
    known = [tau for tau in taus if np.isfinite(tau)]
    if not known:  # one side has all pruners at one place
        return np.nan, np.nan
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)


def figure(result: Transfer) -> Figure:
    """Each pruner's place on images over its place on computed tasks, one panel for each τ."""
    rows = len(result.taus) // len(HALVES)
    drawing, panels = new_figure(9.5, 4.5 * rows), []
    for number, row in enumerate(result.taus.itertuples(), start=1):
        axes = drawing.add_subplot(rows, len(HALVES), number)
        chosen = (result.places["ticket"] == row.ticket) & (result.places["half"] == row.half)
        places = result.places[chosen]
        axes.scatter(places["computed"], places["images"], s=18, color="#0072b2", zorder=3)
        most = row.pruners + 0.5
        axes.plot([0.5, most], [0.5, most], color="#b0b0b0", linewidth=0.8)
        axes.set(xlim=(0.5, most + 2), ylim=(0.5, most))
        axes.set_title(
            f"{row.ticket}, {row.half} half: τ = {row.tau:.2f} [{row.low:.2f}, {row.high:.2f}]",
            fontsize=9,
        )
        axes.set_xlabel("mean rank on computed tasks", fontsize=8)
        axes.set_ylabel("mean rank on images", fontsize=8)
        axes.tick_params(labelsize=7)
        panels.append((axes, places))
    drawing.draw_without_rendering()
    for axes, places in panels:
        label_points(axes, *(places[name].tolist() for name in ("computed", "images", "pruner")))
    return drawing


def as_page(result: Transfer, images: pd.DataFrame, command: str) -> str:
    """The results as a page in Markdown, with a picture ``transfer.png`` beside it.

    Args:
        result: of `transfer`.
        images: its rows on images.
        command: that made them.
    """
    seconds = images[["pruning_seconds", "training_seconds"]].to_numpy(float).sum()
    seeds = sorted(images["seed"].unique())
    said = [f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"]
    taus = result.taus.assign(
        interval=[f"[{row.low:.2f}, {row.high:.2f}]" for row in result.taus.itertuples()]
    )[["ticket", "half", "tau", "interval", "pruners", "contests"]]
    places = result.places.pivot(index="pruner", columns=["ticket", "half"])
    places = places[
        [
            (side, ticket, half)
            for ticket in result.taus["ticket"].unique()
            for half in HALVES
            for side in ("computed", "images")
        ]
    ]
    places.columns = [f"{t}, {h}: {side}" for side, t, h in places.columns]
    return "\n".join(
        [
            "# Does the ranking transfer?",
            "",
            "<!-- commands on this page are not run: they made its numbers, in hours -->",
            "",
            "```sh",
            command,
            "```",
            "",
            "Pruners are ranked on computed tasks and on images, and Kendall's τ compares the two "
            "rankings: 1 is the same order, 0 is chance, −1 the reverse. In brackets the 95 % "
            "bootstrap interval over pruners and seeds. On images each pruner trains as it does; "
            "on computed tasks weak tickets are all trained alike, or as published.",
            "",
            taus.to_markdown(index=False, floatfmt=".2f"),
            "",
            "![Mean ranks on both sides](transfer/transfer.png)",
            "",
            f"Images: {_each(images, 'task')}, {_each(images, 'plan')} × "
            f"{_each(images, 'width_multiplier')}, densities {_each(images, 'density')}, "
            f"seeds {said[0]}: {len(images)} runs, {seconds / 3600:.1f} hours of one "
            "core. Not covered: larger networks, longer trainings, other data sets, and pruners "
            "that are not on both sides. Settings of a search are those that its side allows for.",
            "",
            "Mean ranks, 1 being the best:",
            "",
            places.to_markdown(floatfmt=".1f"),
            "",
        ]
    )


def _each(table: pd.DataFrame, column: str) -> str:
    """The different values of a column."""
    values = sorted(table[column].unique())
    return ", ".join(value if isinstance(value, str) else f"{value:g}" for value in values)
