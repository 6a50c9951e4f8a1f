"""The leaderboard as tables of text: one for strong tickets and one for weak ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pns_tf.leaderboard.distance import RANKED
from pns_tf.leaderboard.ranking import (
    Scores,
    by_difficulty,
    improvements,
    profiles,
    ranking,
    split_half,
)
from pns_tf.recipe.pruners import WEAK_FROM
from pns_tf.tasks.kinds import BELOW, TIMES

UNKNOWN = "–"
NEVER = ">"  # before the largest distance that was tried
NOTE = (
    "Area: mean skill over the logarithm of density, from the planted ticket's density (weights "
    "and biases; where nothing is planted, the constructed one's) to 0.5, where 1 is as good as "
    "the planted ticket and 0 as the best constant; interquartile mean over instances and seeds. "
    "Places: those that a pruner may have, 95 % sure, as areas may be nearly the same. "
    "Distance: lowest density tried at which a ticket is "
    f"near the planted one (accuracy at most {BELOW:g} below, or MSE at most {TIMES:g} times its "
    "own), by the planted density, so the upper end of a step between densities that were tried; "
    "median, ∞ where most have none up to the highest density, which is another multiple of the "
    "planted one on each instance. Won: fraction of runs with distance 1 or less; never: with "
    "none. In brackets 95 % bootstrap intervals over seeds, for these instances and no others; one "
    "without width says that no resample differs. Of a distance on one instance: the 95 % interval "
    "of its order statistics, or with fewer than six seeds their range. Seeds: how many an entry "
    "has on all instances; no others count, and entries are compared by those that both have. "
    "A weak ticket is the mask, trained from the host's own parameters by one training for all; "
    '"as published" is what the pruner\'s own training makes of it, which begins with '
    + "; ".join(f"{words} ({name})" for name, words in WEAK_FROM.items())
    + ". Seconds and epochs: what the median ticket took, as published."
)


def shown(found: pd.DataFrame) -> pd.DataFrame:
    """A `ranking` as text."""
    table = {
        "": [str(place) for place in found["place"]],
        "pruner": found["entry"].tolist(),
        "area": _with_interval(found, "area", decimals),
        "places": [_range(*ends) for ends in found[["place_low", "place_high"]].to_numpy()],
        "distance": _with_interval(found, "distance", number),
        "won": _with_interval(found, "won", decimals),
        "never": [decimals(value) for value in found["never"]],
    }
    if "published_area" in found:
        table |= {
            "area as published": _with_interval(found, "published_area", decimals),
            "distance as published": _with_interval(found, "published_distance", number),
            "published from": found["published_from"].tolist(),
        }
    spent = ("seeds", "seconds", "epochs")
    table |= {name: [number(value) for value in found[name]] for name in spent}
    return pd.DataFrame(table)


def distances(standings: pd.DataFrame, ticket: str, order: list[str], instances: list[str]):
    """The distance of each entry on each instance, as text; > where no density was enough."""
    part = standings[standings["ticket"] == ticket].set_index(["entry", "instance"])
    table: dict[str, list[str]] = {"pruner": order}
    for instance in instances:
        rows = part.reindex([(entry, instance) for entry in order])
        table[instance] = [_distance(row) for _, row in rows.iterrows()]
    return pd.DataFrame(table)


def within(found: pd.DataFrame) -> pd.DataFrame:
    """`profiles` as text: a column for each distance τ."""
    table: dict[str, list[str]] = {"pruner": list(dict.fromkeys(found["entry"]))}
    for distance, part in found.groupby("within"):
        table[f"≤ {distance:g}"] = [
            decimals(row.fraction) + _interval(row.low, row.high, decimals)
            for row in part.itertuples()
        ]
    return pd.DataFrame(table)


def as_markdown(standings: pd.DataFrame, made: Scores) -> str:
    """Rankings, distances and comparisons as Markdown tables."""
    instances = by_difficulty(made)
    parts = [NOTE]
    for ticket in RANKED:
        found = ranking(made, ticket)
        order = found["entry"].tolist()
        words = ticket.capitalize()
        parts += [
            f"## {words} tickets",
            _markdown(shown(found)),
            f"### {words} tickets: distance on each instance, the easiest first",
            _markdown(distances(standings, ticket, order, instances)),
            f"### {words} tickets: performance profile",
            "Fraction of runs whose distance is at most so much; a lower bound where no density so "
            "high is tried.",
            _markdown(within(profiles(made, ticket))),
            f"### {words} tickets: is each better than the next?",
            "Probability that a run of the first has a larger area than one of the second on the "
            "same instance, ties counting half; p is corrected by Holm for all pairs shown.",
            _markdown(compared(improvements(made, ticket))),
            reliability(made, ticket),
        ]
    return "\n\n".join(parts) + "\n"


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """`improvements` as text."""
    return pd.DataFrame(
        {
            "pruner": found["entry"],
            "than": found["than"],
            "probability": [
                f"{decimals(row.probability)}{_interval(row.low, row.high, decimals)}"
                for row in found.itertuples()
            ],
            "p": [_p(row.p, row.bound) for row in found.itertuples()],
        }
    )


def _p(value: float, bound: bool) -> str:
    return UNKNOWN if pd.isna(value) else "≤ " * bound + f"{value:.2g}"


def reliability(made: Scores, ticket: str) -> str:
    """How well rankings by two halves of the seeds agree, in a sentence."""
    found, n = split_half(made, ticket), len(made.seeds)
    if not found.splits:
        return f"With {n} seed{'s' * (n > 1)} there are no two halves to be compared."
    return (
        f"Kendall's τ between the rankings by two halves of the {n} seeds ({made.seeds[0]} to "
        f"{made.seeds[-1]}): {found.tau:.2f}, the mean of {found.splits} ways to halve them, the "
        f"lowest {found.lowest:.2f}; of {found.entries} entries, without the oracle and the best "
        f"constant, with which it is {found.whole:.2f}."
    )


def _markdown(table: pd.DataFrame) -> str:
    return table.to_markdown(index=False, disable_numparse=True)


def _with_interval(found: pd.DataFrame, name: str, words) -> list[str]:
    return [
        words(value) + _interval(low, high, words)
        for value, low, high in zip(
            found[name], found[f"{name}_low"], found[f"{name}_high"], strict=True
        )
    ]


def _range(low: float, high: float) -> str:
    if pd.isna(low):
        return UNKNOWN
    return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"


def _interval(low: float, high: float, words) -> str:
    return "" if pd.isna(low) or pd.isna(high) else f" [{words(low)}, {words(high)}]"


def _distance(row: pd.Series) -> str:
    if pd.isna(row["truth"]):  # the entry was not run on this instance
        return ""
    if np.isinf(row["distance"]):
        return f"{NEVER} {number(row['censored_at'])}"
    return number(row["distance"]) + _interval(row["distance_low"], row["distance_high"], number)


def decimals(value: float) -> str:
    """Of an area or a fraction: "0.912", or a dash."""
    return UNKNOWN if pd.isna(value) else f"{value:.3f}"


def number(value: float) -> str:
    """Of a distance, or of seconds: three digits, ∞, or a dash."""
    if pd.isna(value):
        return UNKNOWN
    if np.isinf(value):
        return "∞"
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
