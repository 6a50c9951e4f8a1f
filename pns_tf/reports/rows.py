"""An experiment's rows, ready to be drawn and summed up: which pruner, which panel, which level.

Rows are those of `pns_tf.runs.store.Store.table`: settings, metrics, seconds and versions.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd

from pns_tf import tasks
from pns_tf.recipe.hosts import settings_of_hosts
from pns_tf.recipe.run import LATER, LATER_IN_SEARCH, label
from pns_tf.recipe.search import SeekSettings

SETTINGS = tuple(
    dict.fromkeys(
        (
            *settings_of_hosts(),
            "hide_biases",
            "code",
            *(field.name for field in dataclasses.fields(SeekSettings)),
            *LATER,
        )
    )
)
OF_PLANTED = ("baseline", "planted", "precision", "recall", "f1", "jaccard")
LABEL_SETTINGS = ("pruner", "options", "scope")
PANEL_SETTINGS = tuple(
    name for name in SETTINGS if name not in (*LABEL_SETTINGS, "task", "density", "seed", "ticket")
)
COMMON = (*settings_of_hosts(), "noise")  # what pruners that are compared must share


def prepared(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with three more columns.

    * ``label``: pruner and options in words, such as "edge_popup, anneal";
    * ``panel``: the task, and whatever else the experiment varies for one pruner, or of the hosts
      and data for any, such as "circle, noise 0.1": results are comparable within a panel;
    * ``kind``: of the task, "classification" or "regression".
    """
    table = table.copy()
    for name, usual in {**LATER, **LATER_IN_SEARCH}.items():  # rows of before do not say them
        said = table[name].astype(object) if name in table else pd.Series(None, table.index, object)
        table[name] = said.where(said.notna(), usual)
    for name in OF_PLANTED:  # rows of hosts in which nothing is planted have none
        if name not in table:
            table[name] = np.nan
    table["label"] = _labels(table)
    table["kind"] = kinds(table)
    groups, of_tasks = table.groupby(["task", "label"]), table.groupby("task")
    varied = [
        name
        for name in PANEL_SETTINGS
        if name in table
        and ((of_tasks if name in COMMON else groups)[name].nunique(dropna=False) > 1).any()
    ]
    table["panel"] = table["task"]
    for name in varied:
        table["panel"] += f", {name.replace('_', ' ')} " + table[name].map(_in_words)
    return table


def kinds(table: pd.DataFrame) -> pd.Series:
    """The kind of each row's task; rows of before do not say it, but their tasks are computed."""
    known = table["kind"] if "kind" in table else pd.Series(None, table.index, object)
    unsaid = set(table.loc[known.isna(), "task"])
    return known.fillna(table["task"].map({name: tasks.get(name).kind.name for name in unsaid}))


def _labels(table: pd.DataFrame) -> pd.Series:
    """`label` of each row's run, from the settings that decide it."""
    columns = table[list(LABEL_SETTINGS)].astype(object)
    columns = columns.where(columns.notna(), None)
    names = {
        key: label(SeekSettings(key[0], options=json.loads(key[1]), scope=key[2]))
        for key in set(columns.itertuples(index=False, name=None))
    }
    return pd.Series(
        [names[key] for key in columns.itertuples(index=False, name=None)], table.index, dtype=str
    )


def _in_words(value: object) -> str:
    if pd.isna(value):
        return "default"
    return f"{value:g}" if isinstance(value, float) else str(value)
