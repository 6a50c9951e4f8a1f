"""By which numbers runs are chosen, so that the test set only says how good the choice is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# Metrics of the test set, and the columns of the same metrics on the validation set.
VALIDATION = {
    "final": "validation",
    "strong": "validation_strong",
    "planted": "validation_planted",
}


def chosen_by(table: pd.DataFrame, metric: str) -> pd.Series:
    """The values by which runs are compared: of the validation set, where rows say them.

    Rows of before know the test set alone.

    Args:
        table: rows of `pns_tf.runs.store.Store.table`.
        metric: a column; those without a counterpart in `VALIDATION` are returned as they are.

    Example:
        >>> rows = pd.DataFrame({"final": [0.9, 0.8], "validation": [0.7, np.nan]})
        >>> chosen_by(rows, "final").tolist()
        [0.7, 0.8]
    """
    column = VALIDATION.get(metric)
    if column is None or column not in table:
        return table[metric]
    return table[column].astype(float).fillna(table[metric])
