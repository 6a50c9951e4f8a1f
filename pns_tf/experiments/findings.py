"""What the paper states, tested on measured rows: confirmed, contradicted or undecided.

Each statement is a list of claims about means over seeds, one for each setting it speaks of. A
mean is known up to its 95 % confidence interval (Student's t; Wilson's for the share of runs in
which something happens); where two arms are compared it is that of their difference, paired by
seed. A claim says in which range a mean lies.

The statement is

* *confirmed* if every claim holds: the whole interval lies in the range;
* *contradicted* if a claim is refuted (it says which): the whole interval lies outside, even when
  widened by Bonferroni's correction, because of many claims some would be refuted by chance. Never
  from fewer than 3 runs, or 5 for a share, as a few may be equal by chance;
* *undecided* otherwise, be it for too few runs;
* *not run* if there are no runs that it speaks of.

So either error has a probability of at most 5 % for each statement. Quality is measured by the
skill of `pns_tf.reports.skill`: good tickets have at least 0.9, tickets that fail less than
0.5.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pns_tf.experiments.catalog import EXPERIMENTS, SCORERS, TASKS
from pns_tf.recipe.run import Run, density_name, label, with_seed
from pns_tf.reports.rows import prepared
from pns_tf.reports.skill import skill
from pns_tf.reports.statistics import Interval, at_most, interval, share

CONFIRMED, CONTRADICTED, UNDECIDED, NOT_RUN = "confirmed", "contradicted", "undecided", "not run"
SAME_RUNS = {"figure7": "figure3"}  # two figures of one experiment


@dataclass(frozen=True)
class Claim:
    """A mean over seeds, and the range in which it should lie.

    Attributes:
        where: the setting, in words.
        measured: the mean and its interval.
        low: least value of the range.
        high: largest value of the range.
    """

    where: str
    measured: Interval
    low: float = -np.inf
    high: float = np.inf

    @property
    def holds(self) -> bool:
        """Whether the whole interval lies in the range."""
        low, high = self.measured.low, self.measured.high
        return bool(at_most(-low, -self.low) and at_most(high, self.high))

    def refuted(self, among: int = 1) -> bool:
        """Whether the whole interval lies outside the range, widened for ``among`` claims."""
        if not self.measured.decides:
            return False
        wide = self.measured.widened(among)
        return not (at_most(-wide.high, -self.low) and at_most(wide.low, self.high))

    def verdict(self, among: int = 1) -> str:
        """Of this claim, one of ``among``."""
        if self.measured.n == 0:
            return NOT_RUN
        return CONFIRMED if self.holds else CONTRADICTED if self.refuted(among) else UNDECIDED

    @property
    def expected(self) -> str:
        """The range in words."""
        if np.isinf(self.low):
            return f"≤ {self.high:g}"
        return f"≥ {self.low:g}" if np.isinf(self.high) else f"from {self.low:g} to {self.high:g}"


class Evidence:
    """The rows of one of the catalog's experiments, by setting.

    Args:
        settings: of the experiment.
        table: its rows, or some of them.
    """

    def __init__(self, settings: Sequence[Run], table: pd.DataFrame):
        table = prepared(table).set_index("run")
        self.settings = list({run.name: run for run in settings}.values())  # equal ones once
        self._seeds = sorted(set(table["seed"]))
        self._measures = {
            "strong": skill(table, "strong"),
            "final": skill(table, "final"),
            "flow_collapse": table["flow_collapse"],
        }
        self._intervals = {"flow_collapse": share}  # happens in a run or not

    def values(self, setting: Run, measure: str) -> pd.Series:
        """A measure of all runs of a setting, by seed; "strong" and "final" are skills."""
        found = self._measures[measure]
        names = {with_seed(setting, seed).name: seed for seed in self._seeds}
        return found[found.index.intersection(list(names))].rename(names)

    def where(
        self,
        tasks: Iterable[str] = TASKS,
        pruners: Iterable[str] = SCORERS,
        low: float = 0.0,
        high: float = 0.99,
        options: Sequence[dict] = ({},),
    ) -> list[Run]:
        """The settings of these tasks and pruners with a density from ``low`` to ``high``.

        By default density 1 is left out, because nothing is pruned there, and so are pruners with
        options of their own.
        """
        return [
            run
            for run in self.settings
            if run.task in tasks
            and run.search.pruner in pruners
            and low <= run.search.density <= high
            and run.search.options in options
        ]

    def claims(
        self, settings: Iterable[Run], measure: str, note: str = "", **span: float
    ) -> list[Claim]:
        """That the mean of a measure lies in a range, for each setting."""
        return [
            Claim(
                f"{in_words(run)}, {note}" if note else in_words(run),
                self._intervals.get(measure, interval)(self.values(run, measure)),
                **span,
            )
            for run in settings
        ]


Tables = Mapping[str, Evidence]


@dataclass(frozen=True)
class Finding:
    """A statement of the paper and its test.

    Attributes:
        name: a short name.
        statement: in a sentence.
        needs: the experiments whose rows decide it.
        claims: what the statement says, given the evidence of these experiments.
    """

    name: str
    statement: str
    needs: tuple[str, ...]
    claims: Callable[[Tables], list[Claim]]


@dataclass(frozen=True)
class Verdict:
    """What the rows say about a finding.

    Attributes:
        finding: the statement.
        claims: its parts, with numbers; empty if experiments are missing.
        missing: experiments that it needs and that have no rows.
    """

    finding: Finding
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()

    @functools.cached_property
    def of_claims(self) -> list[str]:
        """The verdict on each claim."""
        run = sum(claim.measured.n > 0 for claim in self.claims)
        return [claim.verdict(among=run) for claim in self.claims]

    @property
    def verdict(self) -> str:
        """ "confirmed", "contradicted", "undecided" or "not run"."""
        verdicts = set(self.of_claims)
        if verdicts <= {NOT_RUN}:
            return NOT_RUN
        if CONTRADICTED in verdicts:
            return CONTRADICTED
        return CONFIRMED if verdicts == {CONFIRMED} else UNDECIDED

    @property
    def reason(self) -> str:
        """The numbers behind the verdict, in a line."""
        if self.verdict == NOT_RUN:
            if self.missing:
                return f"needs {', '.join(map(spoken, self.missing))}"
            return f"speaks of runs of {', '.join(map(spoken, self.finding.needs))} left out here"
        if len(self.claims) == 1:
            (claim,) = self.claims
            return f"{claim.measured}, expected {claim.expected}"
        parts = []
        for verdict, word in (
            (CONFIRMED, "hold"),
            (CONTRADICTED, "contradicted"),
            (UNDECIDED, "open"),
            (NOT_RUN, "not run"),
        ):
            count = self.of_claims.count(verdict)
            if count:
                parts.append(f"{count} {word}")
        line = f"of {len(self.claims)} settings {', '.join(parts)}"
        if self.verdict != CONFIRMED and self.verdict in self.of_claims:
            example = self.claims[self.of_claims.index(self.verdict)]
            line += f"; {example.where}: {example.measured}"
        return line


def judge(
    findings: Iterable[Finding],
    tables: Mapping[str, pd.DataFrame],
    settings: Mapping[str, Sequence[Run]] | None = None,
) -> list[Verdict]:
    """Tests findings on the rows of several experiments.

    Args:
        findings: such as `pns_tf.experiments.statements.FINDINGS`.
        tables: rows by the name of their experiment; those without rows may be missing.
        settings: of experiments that were run with others than the catalog's.
    """
    known = {name: experiment.settings for name, experiment in EXPERIMENTS.items()}
    known |= settings or {}
    evidence = {
        name: Evidence(known[name], table)
        for name, table in tables.items()
        if len(table) and name in EXPERIMENTS
    }
    verdicts = []
    for finding in findings:
        missing = tuple(name for name in finding.needs if name not in evidence)
        claims = () if missing else tuple(finding.claims(evidence))
        verdicts.append(Verdict(finding, claims, missing))
    return verdicts


def about(findings: Iterable[Finding], experiment: str) -> list[Finding]:
    """Those findings that need an experiment."""
    return [finding for finding in findings if canonical(experiment) in finding.needs]


def canonical(experiment: str) -> str:
    """The name that findings use for an experiment."""
    return SAME_RUNS.get(experiment, experiment)


def difference(
    where: str, arm: pd.Series, other: pd.Series, low: float = 0.0, high: float = np.inf
) -> Claim:
    """That ``arm - other``, paired by seed, lies in a range; above 0 by default."""
    return Claim(where, interval((arm - other).astype(float)), low, high)


def in_words(run: Run) -> str:
    """A setting as "circle, snip, density 0.1"."""
    noise = "" if run.search.noise is None else f", noise {run.search.noise:g}"
    return f"{run.task}, {label(run.search)}, density {density_name(run)}{noise}"


def spoken(experiment: str) -> str:
    """ "figure 3" for "figure3"."""
    return experiment.replace("figure", "figure ").replace("_", "-")


def lines(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as text, two lines each."""
    return "\n".join(
        f"{v.verdict:<13} {v.finding.name}: {v.finding.statement}\n{'':<13} {v.reason}"
        for v in verdicts
    )


def as_markdown(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as a Markdown table."""
    rows = [f"| {v.finding.statement} | **{v.verdict}** | {v.reason} |" for v in verdicts]
    return "\n".join(["| statement | verdict | numbers |", "| --- | --- | --- |", *rows, ""])
