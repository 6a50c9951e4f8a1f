"""Everything that is written about the leaderboard, from its rows."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd

from pns_tf.checks import InputError
from pns_tf.leaderboard.charts import curves_html
from pns_tf.leaderboard.distance import RANKED, standings
from pns_tf.leaderboard.picture import pareto_picture
from pns_tf.leaderboard.ranking import Scores, by_difficulty, improvements, profiles, ranking
from pns_tf.leaderboard.ranking_picture import ranking_picture
from pns_tf.leaderboard.sorting import sortable_html
from pns_tf.leaderboard.table import (
    NOTE,
    as_markdown,
    compared,
    distances,
    reliability,
    shown,
    within,
)
from pns_tf.reports.page import document, pairs_html, picture_html, table_html
from pns_tf.reports.rows import SETTINGS
from pns_tf.reports.writing import distinct_values, effort, write_pictures
from pns_tf.saving.storage import write_text

TITLE = "Leaderboard"
QUESTION = "How near do pruners come to the planted tickets?"


def write_leaderboard(table: pd.DataFrame, folder: Path, command: str) -> pd.DataFrame:
    """Writes ``standings.csv``, ``leaderboard.md``, ``index.html``, which needs nothing else, and
    ``figures/`` with ``ranking`` and ``pareto``, each as ``.png`` and ``.svg``.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`.
        folder: where; it exists.
        command: the command line, for the page.

    Returns:
        The standings.

    Raises:
        ValueError: the folder cannot be written.
    """
    made, found = Scores.of(table), standings(table)
    try:
        drawn = [ranking_picture(made), pareto_picture(made.rows)]
        pictures = write_pictures(drawn, folder / "figures")
        write_text(folder / "standings.csv", found.to_csv(index=False))
        write_text(folder / "leaderboard.md", f"# {TITLE}\n\n{as_markdown(found, made)}")
        write_text(folder / "index.html", _page(table, made, found, pictures, command))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    return found


def _page(
    table: pd.DataFrame, made: Scores, found: pd.DataFrame, pictures: list, command: str
) -> str:
    rankings = [
        (ticket, f"{ticket.capitalize()} tickets", _ranking(made, found, ticket))
        for ticket in RANKED
    ]
    settings = distinct_values(
        table[["entry", "instance", *(name for name in SETTINGS if name in table)]]
    )
    versions = distinct_values(
        table.filter(regex="^version_").rename(columns=lambda name: name[8:])
    )
    sections = [
        ("curves", "Curves", curves_html(made, found)),
        *rankings,
        ("words", "What the columns say", f'<p class="note">{escape(NOTE)}</p>'),
        ("pictures", "Pictures", "".join(picture_html(*picture) for picture in pictures)),
        ("settings", "Settings", f"<div>{pairs_html(settings)}</div>"),
        (
            "made",
            "How it was made",
            f"<div><code>{escape(command)}</code>{pairs_html(versions)}</div>",
        ),
    ]
    return document(TITLE, QUESTION, effort(table), sections)


def _ranking(made: Scores, found: pd.DataFrame, ticket: str) -> str:
    ranked = ranking(made, ticket)
    by_instance = distances(found, ticket, ranked["entry"].tolist(), by_difficulty(made))
    return (
        f"<div>{sortable_html(shown(ranked))}</div>"
        f'<p class="note">{escape(reliability(made, ticket))}</p>'
        f"<details><summary>Distance on each instance, the easiest first</summary>"
        f"<div>{sortable_html(by_instance)}</div></details>"
        f"<details><summary>Performance profile: fraction of runs within a distance</summary>"
        f"<div>{sortable_html(within(profiles(made, ticket)))}</div></details>"
        f"<details><summary>Is each better than the next?</summary>"
        f"<div>{table_html(compared(improvements(made, ticket)))}</div></details>"
    )
