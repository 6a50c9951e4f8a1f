"""Statements are confirmed, contradicted or left open by rows made up to do so."""

import numpy as np
import pandas as pd
import pytest
from made_up import rows, spread

from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.experiments.findings import Claim, about, as_markdown, judge, lines
from pns_tf.experiments.report import check
from pns_tf.experiments.statements import FINDINGS
from pns_tf.recipe.run import density_name
from pns_tf.reports.statistics import interval, share
from pns_tf.runs.store import Store


def table(name: str, seeds=5, **results) -> pd.DataFrame:
    return rows(EXPERIMENTS[name].settings, seeds, **results)


def verdict(finding: str, **tables: pd.DataFrame):
    (found,) = judge([f for f in FINDINGS if f.name == finding], tables)
    return found


def named(found, verdict: str) -> list[str]:
    """The settings with that verdict."""
    parts = zip(found.claims, found.of_claims, strict=True)
    return [claim.where for claim, of_claim in parts if of_claim == verdict]


def near(value: float, width: float = 0.01):
    return lambda run: spread(run, value, width)


def by_density(sparse: float, dense: float):
    return lambda run: spread(run, sparse if run.search.density <= 0.01 else dense)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.95, 0.96, 0.97], "confirmed"),
        ([0.1, 0.2, 0.3], "contradicted"),
        ([0.85, 0.9, 0.95], "undecided"),
        ([0.99], "undecided"),
        ([], "not run"),
    ],
)
def test_a_claim_needs_its_whole_interval(values, expected):
    assert Claim("here", interval(pd.Series(values, dtype=float)), low=0.9).verdict() == expected


def test_what_holds_in_every_setting_is_confirmed():
    found = verdict("no-strong-depth-5", figure3=table("figure3", strong=near(0.2)))
    assert found.verdict == "confirmed"
    assert len(found.claims) == 3 * 5 * 4
    assert "60 hold" in found.reason


def test_one_setting_that_disagrees_contradicts_and_is_named():
    def strong(run):
        lucky = (run.task, run.search.pruner, run.search.density) == ("relu", "snip", 0.5)
        return spread(run, 0.97 if lucky else 0.2)

    found = verdict("no-strong-depth-5", figure3=table("figure3", strong=strong))
    assert found.verdict == "contradicted"
    assert named(found, "contradicted") == ["relu, snip, density 0.5"]
    assert "relu, snip, density 0.5: 0.9" in found.reason


def test_wide_intervals_and_single_runs_decide_nothing():
    wide = table("figure3", strong=near(0.9, 0.3))
    assert verdict("no-strong-depth-5", figure3=wide).verdict == "undecided"
    single = table("figure3", seeds=1, strong=near(0.0))
    assert verdict("no-strong-depth-5", figure3=single).verdict == "undecided"


def test_many_claims_are_not_contradicted_by_chance():
    """A claim that is refuted alone may be one of many that had to be."""
    claim = Claim("here", interval(pd.Series([0.86, 0.87, 0.88])), low=0.9)
    assert claim.verdict() == "contradicted"
    assert claim.verdict(among=60) == "undecided"


def test_missing_settings_leave_a_statement_open_but_may_contradict_it():
    rows_of = table("figure3", strong=near(0.2))
    found = verdict("no-strong-depth-5", figure3=rows_of[rows_of["task"] == "circle"])
    assert found.verdict == "undecided"
    assert "20 hold, 40 not run" in found.reason
    good = table("figure3", strong=near(0.95))
    good = good[good["task"] == "circle"]
    assert verdict("no-strong-depth-5", figure3=good).verdict == "contradicted"


def test_without_rows_a_statement_names_what_it_needs():
    assert verdict("no-strong-depth-3").reason == "needs figure 6"
    found = verdict("depth-3-hardest", figure3=table("figure3", seeds=2))
    assert (found.verdict, found.reason) == ("not run", "needs figure 6, figure 8")
    assert verdict("vgg16").reason == "needs figure 5"


def test_singleshot_is_good_from_density_0_1_on_and_fails_below():
    tables = {"figure3": table("figure3", final=by_density(0.1, 0.95))}
    assert verdict("weak-depth-5", **tables).verdict == "confirmed"
    assert verdict("sparse-fails-depth-5", **tables).verdict == "confirmed"
    assert verdict("no-helix-depth-5", **tables).verdict == "contradicted"


def test_collapse_is_the_share_of_runs_without_a_path():
    collapsed = table("figure10", 10, collapse=lambda run: run.search.density <= 0.01)
    assert verdict("sparse-collapses-100-rounds", figure10=collapsed).verdict == "confirmed"
    whole = table("figure10", 10)
    found = verdict("sparse-collapses-100-rounds", figure10=whole)
    assert found.verdict == "contradicted"
    assert str(found.claims[0].measured) == "0.000 [0.000, 0.278], n = 10"


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_a_few_runs_without_collapse_may_be_chance(seeds):
    """Where half of all runs collapse, five in a row do not in one case of 32."""
    whole = table("figure10", seeds)
    assert verdict("sparse-collapses-100-rounds", figure10=whole).verdict == "undecided"


def test_two_equal_runs_contradict_nothing():
    assert Claim("here", interval(pd.Series([0.5, 0.5])), low=0.9).verdict() == "undecided"
    assert Claim("here", interval(pd.Series([0.5, 0.5, 0.5])), low=0.9).verdict() == "contradicted"
    assert Claim("here", share(pd.Series([0.0] * 4)), low=0.5).verdict() == "undecided"
    assert Claim("here", share(pd.Series([0.0] * 5)), low=0.5).verdict() == "contradicted"


@pytest.mark.parametrize(
    ("depth3", "expected"), [(0.5, "confirmed"), (0.9, "contradicted"), (0.7, "undecided")]
)
def test_arms_are_compared_by_seed(depth3, expected):
    """Seeds differ more than depths do: only their differences can show it."""

    def skill(depth):
        return lambda run: spread(run, depth, 0.02) + 0.3 * run.search.seed

    found = verdict(
        "depth-3-hardest",
        figure3=table("figure3", final=skill(0.7)),
        figure6=table("figure6", final=skill(depth3)),
        figure8=table("figure8", final=skill(0.7)),
    )
    assert found.verdict == expected
    assert len(found.claims) == 6


@pytest.mark.slow
def test_width_and_noise_change_little_within_a_tenth_of_skill():
    narrow = table("figure3", final=near(0.8))
    alike, better = (table("figure9", final=near(skill)) for skill in (0.83, 0.99))
    assert verdict("width-changes-little", figure3=narrow, figure9=alike).verdict == "confirmed"
    changed = verdict("width-changes-little", figure3=narrow, figure9=better)
    assert changed.verdict == "contradicted"
    assert len(changed.claims) == 5 * 3

    def noisy(run):
        return spread(run, 0.5 if run.search.noise == 0.1 else 0.9)

    found = verdict("noise-changes-little", figure11=table("figure11", final=noisy))
    assert {where.split("noise ")[1] for where in named(found, "contradicted")} == {"0.1"}
    assert {where.split("noise ")[1] for where in named(found, "confirmed")} == {"0.001", "0.01"}


def test_multishot_reaches_densities_that_singleshot_does_not():
    single = table("figure3", final=by_density(0.2, 0.95))
    multi = table("figure4", final=near(0.96))
    found = verdict("multishot-reaches-lower", figure3=single, figure4=multi)
    assert found.verdict == "confirmed"
    good = table("figure3", final=near(0.96))
    found = verdict("multishot-reaches-lower", figure3=good, figure4=multi)
    assert found.verdict == "contradicted"
    assert all(where.endswith("singleshot") for where in named(found, "contradicted"))


def test_synflow_is_best_at_the_planted_density():
    def final(run):
        best = run.search.pruner == "synflow" and density_name(run) == "baseline"
        return spread(run, 0.95 if best else 0.7)

    assert verdict("multishot-synflow-best", figure4=table("figure4", final=final)).verdict == (
        "confirmed"
    )


def test_edge_popup_is_judged_by_its_strong_ticket():
    def strong(run):
        return spread(run, 0.95 if run.task == "circle" else 0.1)

    tables = {"figure4": table("figure4", strong=strong, final=near(0.0))}
    for name in ("edge-popup-circle", "edge-popup-anneal", "edge-popup-regression"):
        found = verdict(name, **tables)
        assert found.verdict == "confirmed"
        assert all("edge_popup" in claim.where for claim in found.claims)
    published = {"edge_popup": table("edge_popup", strong=strong)}
    found = verdict("edge-popup-circle-as-published", **published)
    assert [claim.where for claim in found.claims] == [
        "circle, edge_popup, as_published, density 0.5"
    ]


def test_missing_numbers_count_as_missing_runs():
    damaged = table("figure10", final=near(0.1))
    damaged.loc[damaged["seed"] > 0, "final"] = np.nan
    found = verdict("sparse-fails-100-rounds", figure10=damaged)
    assert found.verdict == "undecided"
    assert {claim.measured.n for claim in found.claims} == {1}


def test_every_experiment_of_the_paper_has_findings_and_names_are_unique():
    names = [finding.name for finding in FINDINGS]
    assert len(set(names)) == len(names)
    for name in EXPERIMENTS:
        if name.startswith("figure"):
            assert about(FINDINGS, name), name
    assert about(FINDINGS, "figure7") == about(FINDINGS, "figure3")


def test_figure_7_is_judged_by_the_runs_of_figure_3(tmp_path):
    verdicts = check(Store(tmp_path), EXPERIMENTS["figure7"], table("figure7", seeds=2))
    assert {v.finding.name: v.missing for v in verdicts}["no-strong-depth-5"] == ()


def test_a_filtered_figure_is_not_said_to_be_missing():
    run = rows([run for run in EXPERIMENTS["figure12"].settings if run.search.pruner == "snip"], 2)
    found = verdict("multishot-grasp-local", figure12=run)
    assert (found.verdict, found.reason) == ("not run", "speaks of runs of figure 12 left out here")


def test_verdicts_read_as_text_and_markdown():
    verdicts = judge(FINDINGS, {"figure10": table("figure10", final=near(0.1))})
    assert len(lines(verdicts).splitlines()) == 2 * len(FINDINGS)
    assert lines(verdicts).splitlines()[0].startswith("not run       no-strong-depth-5: ")
    assert as_markdown(verdicts).count("\n| ") == len(FINDINGS) + 1
    assert "**confirmed** | of 2 settings 2 hold |" in as_markdown(verdicts)
