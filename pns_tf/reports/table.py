"""The summary of an experiment: one line for each task, pruner and density."""

from __future__ import annotations

import pandas as pd

from pns_tf.reports.rows import prepared
from pns_tf.reports.skill import skill
from pns_tf.reports.statistics import half_width, wilson

METRICS = (
    "planted",
    "before",
    "strong",
    "final",
    "final_published",
    "skill_strong",
    "skill_final",
    "recall",
    "precision",
    "effective_density",
    "layer_collapse",
    "flow_collapse",
    "control_strong",
    "control_final",
    "control_gain",
)  # those that the rows have: runs by the rule of rankings and runs with a control have others
SHARES = ("layer_collapse", "flow_collapse")  # of runs in which something happens
SHOWN = {
    "strong": "after pruning",
    "control_strong": "after pruning, nothing planted",
    "final": "after training",
    "final_published": "after its own training",
    "skill_final": "skill after training",
    "recall": "recall",
    "precision": "precision",
    "effective_density": "effective density",
    "flow_collapse": "collapsed",
}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Sums up an experiment's rows over seeds.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.

    Returns:
        One row for each panel (task and what else is varied), pruner label and density, in the
        order of the table, with the number of runs ``n`` and for each metric its mean, half the
        width of its 95 % confidence interval (Student's t over seeds; NaN for a single run), its
        minimum and its maximum, as in ``final_mean``, ``final_ci95``, ``final_min``,
        ``final_max``; of the metrics that the rows have. What happens in a run or not has also
        Wilson's interval of its share, as in ``flow_collapse_low`` and ``flow_collapse_high``.
    """
    rows = prepared(table)
    rows = rows.assign(skill_strong=skill(rows, "strong"), skill_final=skill(rows, "final"))
    groups = rows.groupby(["panel", "label", "density"], sort=False)
    columns = {"baseline": groups["baseline"].first(), "n": groups.size()}
    for metric in (name for name in METRICS if name in rows):
        values = groups[metric].agg(["mean", "std", "count", "min", "max"])
        columns[f"{metric}_mean"] = values["mean"]
        columns[f"{metric}_ci95"] = half_width(values["std"], values["count"])
        columns[f"{metric}_min"] = values["min"]
        columns[f"{metric}_max"] = values["max"]
    for metric in SHARES:
        low, high = wilson(columns[f"{metric}_mean"], groups[metric].count())
        columns |= {f"{metric}_low": low, f"{metric}_high": high}
    return pd.DataFrame(columns).reset_index().rename(columns={"label": "pruner"})


def readable(summed: pd.DataFrame) -> pd.DataFrame:
    """The columns that a reader looks at first, as text: means ± half the confidence interval.

    Shares of runs have their interval in brackets, as it is not symmetric.
    """
    shown = {
        "task": summed["panel"],
        "pruner": summed["pruner"],
        "density": [
            f"{density:.3g}" + (" (baseline)" if density == baseline else "")
            for density, baseline in zip(summed["density"], summed["baseline"], strict=True)
        ],
        "runs": summed["n"].astype(str),
    }
    for metric, title in SHOWN.items():
        if f"{metric}_mean" not in summed:
            continue
        if metric in SHARES:
            ends = [summed[f"{metric}_{end}"] for end in ("mean", "low", "high")]
            shown[title] = [_with_ends(*row) for row in zip(*ends, strict=True)]
            continue
        shown[title] = [
            _with_interval(mean, half)
            for mean, half in zip(summed[f"{metric}_mean"], summed[f"{metric}_ci95"], strict=True)
        ]
    return pd.DataFrame(shown)


def as_markdown(summed: pd.DataFrame) -> str:
    """The readable summary as a Markdown table."""
    text = readable(summed).to_markdown(index=False, disable_numparse=True)
    return (
        "Mean ± half the 95 % confidence interval over runs; of shares of runs the interval in "
        f"brackets.\n\n{text}\n"
    )


def _with_ends(mean: float, low: float, high: float) -> str:
    return "–" if pd.isna(mean) else f"{mean:.3g} [{low:.2g}, {high:.2g}]"


def _with_interval(mean: float, half: float) -> str:
    if pd.isna(mean):
        return "–"
    return f"{mean:.3g}" if pd.isna(half) else f"{mean:.3g} ± {half:.1g}"
