"""Summaries of attacks: what each attacker sees of each planting."""

from __future__ import annotations

import math

import pandas as pd

SETTING = ["task", "depth", "width"]
MEASURES = ["auc", "auc_within", "precision"]
CONTROL = "layers"  # the attacker that knows no values


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means over hosts, with their standard errors.

    Args:
        table: rows of `pns_tf.detection.attack.attack_table`.

    Returns:
        One row for each task, depth, width, planting and attacker, in the order of the table, with
        ``hosts``, ``ticket``, ``written``, and mean and standard error of each measure, such as
        ``auc`` and ``auc_se``.

    Example:
        >>> from pns_tf.detection.attack import attack_table
        >>> from pns_tf.detection.settings import Attack
        >>> table = attack_table(Attack("relu", 3, 20, "published", hosts=2, study=4))
        >>> summary(table)["attacker"].tolist()[:3]
        ['layers', 'exact values', 'magnitude']
    """
    groups = table.groupby([*SETTING, "planting", "attacker"], sort=False)
    columns = {"hosts": groups.size(), "ticket": groups["ticket"].first()}
    columns["written"] = groups["written"].mean()
    for measure in MEASURES:
        columns[measure] = groups[measure].mean()
        columns[f"{measure}_se"] = groups[measure].sem()
    return pd.DataFrame(columns).reset_index()


def strongest(summed: pd.DataFrame, measure: str = "auc") -> pd.DataFrame:
    """The rows of the attacker with the highest mean, for each setting and planting."""
    attacks = summed[summed["attacker"] != CONTROL]
    best = attacks.groupby([*SETTING, "planting"], sort=False)[measure].idxmax()
    return summed.loc[best]


def readable(summed: pd.DataFrame) -> pd.DataFrame:
    """One row for each setting and attacker, one column for each planting.

    A cell says AUC / AUC within arrays / precision.
    """
    cells = summed.assign(
        cell=[
            " / ".join(f"{row[measure]:.2f}" for measure in MEASURES)
            for row in summed.to_dict("records")
        ]
    )
    attackers, plantings = cells["attacker"].unique(), cells["planting"].unique()
    table = cells.pivot(index=[*SETTING, "attacker"], columns="planting", values="cell")
    order = pd.MultiIndex.from_tuples(
        [
            (*setting, attacker)
            for setting in cells[SETTING].drop_duplicates().itertuples(index=False)
            for attacker in attackers
        ],
        names=[*SETTING, "attacker"],
    )
    return table.reindex(index=order, columns=plantings).fillna("–").reset_index()


def verdicts(summed: pd.DataFrame) -> pd.DataFrame:
    """For each setting and planting the strongest attacker by AUC, and what it reaches."""
    best = strongest(summed)
    return pd.DataFrame(
        {
            **{name: best[name] for name in [*SETTING, "planting", "attacker"]},
            **{
                title: [
                    f"{mean:.3f} ± {error:.3f}" if math.isfinite(error) else f"{mean:.3f}"
                    for mean, error in zip(best[name], best[f"{name}_se"], strict=True)
                ]
                for name, title in zip(
                    MEASURES, ("AUC", "AUC within arrays", "precision"), strict=True
                )
            },
            "ticket": best["ticket"],
            "written": [f"{written:.1f}" for written in best["written"]],
        }
    )
