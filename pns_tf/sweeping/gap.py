"""The gap between a found ticket and the planted one, in one measure for all tasks."""

from __future__ import annotations

import pandas as pd

from pns_tf.reports.skill import skill
from pns_tf.runs.choosing import chosen_by
from pns_tf.sweeping.objectives import PERFORMANCE


def gap(table: pd.DataFrame, objective: str, validated: bool = True) -> pd.Series:
    """How much each row's found ticket lacks of the planted one's quality; 0 is as good as that.

    For ``final`` and ``strong`` it is 1 − skill, see `pns_tf.reports.skill.skill`: the part of
    the planted ticket's advantage over the best constant that is missing. Unlike differences of
    accuracy or MSE it means the same for every task. For precision, recall, F1 and Jaccard it is
    1 − value.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        objective: one of these.
        validated: on the validation set, where rows say it; False for the test set.
    """
    if objective not in PERFORMANCE:
        return 1.0 - table[objective]
    names = (objective, "planted") if validated else ()
    return 1.0 - skill(table.assign(**{name: chosen_by(table, name) for name in names}), objective)
