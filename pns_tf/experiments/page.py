"""The page of an experiment: pictures, findings, summary, settings, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from pns_tf.experiments.findings import Verdict
from pns_tf.reports.page import document, pairs_html, picture_html, table_html
from pns_tf.reports.skill import FAILS, GOOD


def page(
    title: str,
    question: str,
    summary_line: str,
    command: str,
    pictures: Sequence[tuple[str, str, bytes]],
    verdicts: Sequence[Verdict],
    summary: pd.DataFrame,
    settings: Mapping[str, str],
    versions: Mapping[str, str],
) -> str:
    """Puts a page together.

    Args:
        title: name of the experiment.
        question: what it asks.
        summary_line: how many runs, how long.
        command: the command line that made it.
        pictures: name, caption and SVG of each.
        verdicts: on the statements that it is about.
        summary: a table of text.
        settings: of all runs.
        versions: of software.
    """
    sections = [
        ("pictures", "Pictures", "".join(picture_html(*picture) for picture in pictures)),
        ("findings", "Findings", _findings(verdicts)),
        ("summary", "Summary", _summary(summary)),
        ("settings", "Settings", f"<div>{pairs_html(settings)}</div>"),
        (
            "made",
            "How it was made",
            f"<div><code>{escape(command)}</code>{pairs_html(versions)}</div>",
        ),
    ]
    return document(title, question, summary_line, sections)


def _findings(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return '<p class="note">The paper states nothing about this experiment.</p>'
    note = (
        "Statements of the paper, tested on means over seeds with 95 % confidence intervals "
        "(Student's t; differences paired by seed). A statement is confirmed if all its settings "
        "agree, contradicted if one significantly disagrees (Bonferroni's correction for their "
        "number), undecided otherwise. Strong and weak tickets are judged by their skill: 1 for "
        f"the planted ticket and 0 for the best constant; a ticket is good from {GOOD}, and fails "
        f"below {FAILS}."
    )
    return f'<p class="note">{note}</p>' + "".join(map(_finding, verdicts))


def _finding(verdict: Verdict) -> str:
    word = verdict.verdict
    reason = f'<p class="note">{escape(verdict.reason)}</p>'
    if verdict.claims:
        rows = [
            (claim.where, str(claim.measured), claim.expected, of_claim)
            for claim, of_claim in zip(verdict.claims, verdict.of_claims, strict=True)
        ]
        table = pd.DataFrame(rows, columns=["setting", "measured", "stated", "verdict"])
        reason = (
            f"<details><summary>{escape(verdict.reason)}</summary><div>{table_html(table)}</div>"
        )
        reason += "</details>"
    return (
        f'<div class="finding"><p><span class="verdict {word.replace(" ", "-")}">{word}</span>'
        f"{escape(verdict.finding.statement)}</p>{reason}</div>\n"
    )


def _summary(summary: pd.DataFrame) -> str:
    note = "Mean ± half the 95 % confidence interval over seeds; more columns in summary.csv."
    return f'<p class="note">{note}</p><div>{table_html(summary)}</div>'
