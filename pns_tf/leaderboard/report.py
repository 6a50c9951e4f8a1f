"""Everything that is written about the leaderboard, from its rows."""

from __future__ import annotations

from html import escape
from pathlib import Path

import pandas as pd

from pns_tf.checks import InputError
from pns_tf.leaderboard.distance import TICKETS, standings
from pns_tf.leaderboard.picture import pareto_picture
from pns_tf.leaderboard.table import NOTE, as_markdown, ranking
from pns_tf.reports.page import document, pairs_html, picture_html, table_html
from pns_tf.reports.rows import SETTINGS
from pns_tf.reports.writing import distinct_values, effort, write_pictures
from pns_tf.saving.storage import write_text

TITLE = "Leaderboard"
QUESTION = "How near do pruners come to the planted tickets?"


def write_leaderboard(table: pd.DataFrame, folder: Path, command: str) -> pd.DataFrame:
    """Writes ``leaderboard.csv`` and ``.md``, ``figures/pareto.png`` and ``.svg``, ``index.html``.

    Args:
        table: rows of `pns_tf.leaderboard.board.collected`.
        folder: where; it exists.
        command: the command line, for the page.

    Returns:
        The standings.

    Raises:
        ValueError: the folder cannot be written.
    """
    found = standings(table)
    try:
        pictures = write_pictures([pareto_picture(table)], folder / "figures")
        write_text(folder / "leaderboard.csv", found.to_csv(index=False))
        write_text(folder / "leaderboard.md", f"# {TITLE}\n\n{as_markdown(found)}")
        write_text(folder / "index.html", _page(table, found, pictures, command))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    return found


def _page(table: pd.DataFrame, found: pd.DataFrame, pictures: list, command: str) -> str:
    note = f'<p class="note">{escape(NOTE)}</p>'
    rankings = [
        (ticket, f"{ticket.capitalize()} tickets", _ranking(found, ticket, note))
        for ticket in TICKETS
    ]
    settings = distinct_values(table[["entry", *(name for name in SETTINGS if name in table)]])
    versions = distinct_values(
        table.filter(regex="^version_").rename(columns=lambda name: name[8:])
    )
    sections = [
        *rankings,
        ("pictures", "Pictures", "".join(picture_html(*picture) for picture in pictures)),
        ("settings", "Settings", f"<div>{pairs_html(settings)}</div>"),
        (
            "made",
            "How it was made",
            f"<div><code>{escape(command)}</code>{pairs_html(versions)}</div>",
        ),
    ]
    return document(TITLE, QUESTION, effort(table), sections)


def _ranking(found: pd.DataFrame, ticket: str, note: str) -> str:
    return f"{note}<div>{table_html(ranking(found, ticket))}</div>"
