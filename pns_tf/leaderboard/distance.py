"""The distance to the truth: how many times denser than the planted ticket a found one must be."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pns_tf import tasks
from pns_tf.leaderboard.instances import HIGHEST, instance_name
from pns_tf.leaderboard.statistics import Estimate, estimate, median, median_of_one
from pns_tf.recipe.pruners import row_of
from pns_tf.reports.skill import skill, trivial_metrics
from pns_tf.reports.statistics import at_most, interval

# What a ticket is called, and its metric: strong ones, weak ones after the same last training for
# all, and weak ones as their pruners' papers have them.
TICKETS = {"strong": "strong", "weak": "final", "published": "final_published"}
RANKED = ("strong", "weak")  # the third stands beside the second, never in its place
CONSTANT = "best constant"
COLUMNS = (
    *("entry", "instance", "ticket", "distance", "distance_low", "distance_high"),
    *("area", "area_low", "area_high", "published_distance", "published_distance_low"),
    *("published_distance_high", "published_area", "published_area_low", "published_area_high"),
    *("censored_at", "density", "truth", "metric", "metric_ci95", "planted", "runs"),
    *("seconds", "epochs", "published_from"),
)


def completed(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with all columns that a ranking needs; those of before lacked some.

    They were judged by the paper's rules, on its 1,000 samples, with the baseline density for the
    planted one, and trained as published only.
    """
    table = table.copy()
    if "instance" not in table:
        usual = {"depth": 5, "width": 100, "noise": np.nan}
        said = table.assign(**{name: usual[name] for name in usual if name not in table})
        settings = zip(said["task"], said["depth"], said["width"], said["noise"], strict=True)
        table["instance"] = [instance_name(*each) for each in settings]
    for name, other in (("truth", "baseline"), ("final_published", "final")):
        if name not in table:
            table[name] = table[other]
    if "published_from" not in table:
        table["published_from"] = _begins(table)
    return table


def _begins(table: pd.DataFrame) -> pd.Series:
    """Where weak tickets as published begin, see `pns_tf.recipe.pruners.WEAK_FROM`.

    Rows of before do not say it, but their pruners are known.
    """
    said = pd.Series(None, table.index, dtype=object)
    if "weak_from" in table:
        said = table["weak_from"].astype(object)
    if "pruner" not in table:
        return said
    known = {name: row_of(str(name)).weak_from for name in set(table["pruner"])}
    return said.fillna(table["pruner"].map(known))


def shortfall(table: pd.DataFrame, metric: str) -> pd.Series:
    """How far each row's ticket is from the planted one, in units of what is still called near.

    For classification (planted − metric) / 0.02, for regression metric / (3 planted). A ticket is
    near the planted one up to 1. A metric that is not a number counts as infinitely far.
    """
    planted, metrics = table["planted"].to_numpy(float), table[metric].to_numpy(float)
    found = np.full(len(table), np.inf)
    for task in set(table["task"]):
        rows = (table["task"] == task).to_numpy()
        found[rows] = tasks.get(task).kind.shortfall(planted[rows], metrics[rows])
    return pd.Series(found, table.index).fillna(np.inf)


def with_common_densities(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with densities that the seeds of an instance share, for what puts seeds together.

    Where the known ticket is another for each seed, a density that only one of them has becomes the
    same multiple of the mean truth.

    Example:
        >>> rows = pd.DataFrame({"density": [0.1, 0.5, 0.3, 0.5], "truth": [0.1, 0.1, 0.3, 0.3]})
        >>> with_common_densities(rows.assign(instance="mine"))["density"].round(3).tolist()
        [0.2, 0.5, 0.2, 0.5]
    """
    truths = table.groupby("instance")["truth"]
    several = truths.transform("nunique") > 1
    mean = truths.transform("mean")
    own = table.groupby(["instance", "density"])["truth"].transform("nunique") == 1
    times = (table["density"] / table["truth"]).round(6)  # by which they are recognised
    density = table["density"].where(~(several & own), times * mean)
    return table.assign(density=density, truth=table["truth"].where(~several, mean))


def with_constant(table: pd.DataFrame) -> pd.DataFrame:
    """The rows and, as an entry of its own, what the best constant would have come to in each."""
    rows = table.drop_duplicates(["instance", "seed", "density"]).assign(
        entry=CONSTANT, **dict.fromkeys(TICKETS.values(), np.nan)
    )
    constant = trivial_metrics(rows)
    rows = rows.assign(
        **dict.fromkeys(TICKETS.values(), constant),
        published_from="",
        pruning_seconds=0.0,
        training_seconds=0.0,
        trained_epochs=0,
    )
    return pd.concat([table, rows], ignore_index=True)


def scores(table: pd.DataFrame) -> pd.DataFrame:
    """Distance and area of each entry on each instance and seed.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`, `completed`.

    Returns:
        Columns ``entry``, ``instance``, ``seed``, ``ticket`` (a key of `TICKETS`) and

        * ``distance``, the lowest density at which the ticket is near the planted one, by the truth
          density; infinite if none that was tried is enough, that is above ``censored_at``;
        * ``area``, see `area`. Seeds that have none are left out where others have one.

    Example:
        >>> rows = pd.DataFrame({"density": [0.1, 0.2], "strong": [0.95, 0.97]})
        >>> rows = rows.assign(entry="snip", instance="circle-d5-w100", task="circle", seed=10_000)
        >>> rows = rows.assign(truth=0.1, planted=0.98, best_constant=0.4)
        >>> rows = rows.assign(final=0.97, final_published=0.9)
        >>> scores(rows)["distance"].tolist()
        [2.0, 1.0, inf]
    """
    columns = {}
    for ticket, metric in TICKETS.items():
        columns[f"{ticket} near"] = at_most(shortfall(table, metric), 1.0)
        # A ticket whose outputs are no numbers is worth no more than a constant.
        columns[f"{ticket} skill"] = skill(table, metric).fillna(0.0)
    table = table.assign(**columns)
    found = []
    groups = table.groupby(["entry", "instance", "seed"], sort=False)
    for (entry, instance, seed), rows in groups:
        truth, densities = rows["truth"].iloc[0], rows["density"].to_numpy(float)
        for ticket in TICKETS:
            near = densities[rows[f"{ticket} near"].to_numpy(bool)]
            found.append(
                {
                    "entry": entry,
                    "instance": instance,
                    "seed": seed,
                    "ticket": ticket,
                    "distance": near.min() / truth if len(near) else np.inf,
                    "area": area(densities, rows[f"{ticket} skill"].to_numpy(float), truth),
                    "censored_at": densities.max() / truth,
                }
            )
    return _less_unfinished(pd.DataFrame(found))


def _less_unfinished(found: pd.DataFrame) -> pd.DataFrame:
    """Without the seeds of which an end is still to be run, where others have both.

    So far their distances would only say how far the runs are.
    """
    known = found["area"].notna()
    groups = [found[name] for name in ("entry", "instance", "ticket")]
    return found[known | ~known.groupby(groups).transform("any")].reset_index(drop=True)


def area(densities: np.ndarray, skills: np.ndarray, truth: float) -> float:
    """Mean skill over the logarithm of density, between the truth density and 0.5, by trapezoids.

    Skills (1: as good as the planted ticket, 0: as the best constant) are clipped to [0, 1].

    Returns:
        NaN if one of the ends was not tried, as nothing is known beyond.

    Example:
        >>> area(np.array([0.005, 0.05, 0.5]), np.array([0.0, 1.0, 2.0]), truth=0.005)
        0.75
    """
    order = np.argsort(densities)
    x, y = np.log(densities[order]), np.clip(skills[order], 0.0, 1.0)
    low, high = np.log(truth), np.log(HIGHEST)
    slack = 1e-9
    if low < x[0] - slack or high > x[-1] + slack:
        return np.nan
    inner = x[(x > low + slack) & (x < high - slack)]
    places = np.concatenate([[low], inner, [high]])
    return float(np.trapezoid(np.interp(places, x, y), places) / (high - low))


def median_density(rows: pd.DataFrame, ticket: str) -> float:
    """The density at which half of the seeds or more have a ticket near the planted one.

    Args:
        rows: of one entry and instance.
        ticket: a key of `TICKETS`.

    Returns:
        The median over seeds of the lowest such density of each; infinite if it is above all.
    """
    near = at_most(shortfall(rows, TICKETS[ticket]), 1.0)
    lowest = rows["density"].where(near, np.inf).groupby(rows["seed"]).min()
    return np.inf if lowest.empty else float(median(lowest.to_numpy(float)))


def standings(table: pd.DataFrame) -> pd.DataFrame:
    """Where each entry stands on each instance, with intervals over seeds.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`.

    Returns:
        One row for each entry, instance and ticket (strong or weak); the best constant is an entry.

        * ``distance``, ``distance_low`` and ``distance_high``: the median over seeds of the
          distance to the truth, infinite where no density up to ``censored_at`` times the truth is
          enough, see `pns_tf.leaderboard.statistics.median_of_one`;
        * ``area``, ``area_low`` and ``area_high``: the interquartile mean over seeds of `area`,
          with its 95 % bootstrap interval;
        * the same of weak tickets as published, as ``published_distance``, ``published_area``, …;
        * ``density``, at which half of the seeds are near, ``metric``, ``metric_ci95`` and
          ``planted``, mean, half of Student's interval and the planted ticket's mean there, or at
          the highest density if there is none;
        * ``runs``, how many seeds; ``seconds`` and ``epochs``, the median of what pruning and
          training as published took; ``published_from``, from where that training began.

    Example:
        >>> run = {"entry": "oracle", "instance": "circle-d5-w100", "task": "circle"}
        >>> run |= {"seed": 10_000, "density": 0.1, "truth": 0.1, "planted": 0.98}
        >>> run |= {"best_constant": 0.4, "strong": 0.98, "final": 0.98, "final_published": 0.98}
        >>> run |= {"pruning_seconds": 0.1, "training_seconds": 0.3, "trained_epochs": 10}
        >>> standings(pd.DataFrame([run]))["distance"].tolist()  # those of the best constant last
        [1.0, 1.0, inf, inf]
    """
    if table.empty:
        return pd.DataFrame(columns=COLUMNS)
    table = with_constant(completed(table))
    found = scores(table)
    by_ticket = dict(iter(found.groupby(["entry", "instance", "ticket"], sort=False)))
    table = with_common_densities(table)
    rows = [
        _standing(entry, instance, ticket, part, by_ticket)
        for (entry, instance), part in table.groupby(["entry", "instance"], sort=False)
        for ticket in RANKED
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _standing(
    entry: str, instance: str, ticket: str, part: pd.DataFrame, by_ticket: dict
) -> dict[str, object]:
    own = by_ticket[entry, instance, ticket]
    part = part[part["seed"].isin(own["seed"])]
    row: dict[str, object] = {"entry": entry, "instance": instance, "ticket": ticket}
    row |= _of("distance", median_of_one(own["distance"].to_numpy()))
    row |= _of("area", estimate([own["area"].to_numpy()]))
    if ticket == "weak":
        published = by_ticket[entry, instance, "published"]
        row |= _of("published_distance", median_of_one(published["distance"].to_numpy()))
        row |= _of("published_area", estimate([published["area"].to_numpy()]))
        begins = part["published_from"].dropna()
        row["published_from"] = "".join(sorted({str(word) for word in begins}))
    density = median_density(part, ticket)
    tried = part["density"].to_numpy(float)
    nearest = tried[np.argmin(np.abs(tried - (density if density < np.inf else tried.max())))]
    rows = part[part["density"] == nearest]
    measured = interval(rows[TICKETS[ticket]].astype(float))
    spent = part["pruning_seconds"] + part["training_seconds"]
    return row | {
        "censored_at": own["censored_at"].max(),
        "density": density,
        "truth": part["truth"].iloc[0],
        "metric": measured.mean,
        "metric_ci95": measured.high - measured.mean if measured.n > 1 else np.nan,
        "planted": rows["planted"].mean(),
        "runs": part["seed"].nunique(),
        "seconds": spent.median(),
        "epochs": part["trained_epochs"].median(),
    }


def _of(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
