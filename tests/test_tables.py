"""Summaries over seeds, and the skill that makes tasks comparable."""

import io

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from made_up import rows, spread

import tasks
from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.recipe.run import grid
from pns_tf.reports.rows import prepared
from pns_tf.reports.skill import skill, trivial_metric
from pns_tf.reports.statistics import interval
from pns_tf.reports.table import as_markdown, readable, summary

SETTINGS = grid(["circle", "relu"], ["snip", "synflow"], ["baseline", 0.5], [0])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return rows(SETTINGS, seeds=7, final=lambda run: spread(run, 0.8, 0.1))


def test_metrics_that_rows_do_not_have_are_left_out(table):
    ranked = table.drop(columns="before").assign(final_published=0.7)
    summed = summary(ranked)
    assert "before_mean" not in summed
    np.testing.assert_allclose(summed["final_published_mean"], 0.7)
    assert "before_mean" in summary(table)
    assert "after its own training" in readable(summed)


@pytest.mark.parametrize("n", [2, 5, 25])
def test_intervals_are_those_of_scipy(n):
    values = pd.Series(np.random.default_rng(n).normal(size=n))
    expected = scipy.stats.t.interval(0.95, n - 1, values.mean(), scipy.stats.sem(values))
    measured = interval(pd.concat([values, pd.Series([np.nan])]))
    assert (measured.low, measured.high) == pytest.approx(expected, rel=1e-9)
    assert measured.n == n


def test_widened_intervals_are_those_of_a_higher_confidence():
    values = pd.Series([1.0, 2.0, 4.0, 5.0])
    expected = scipy.stats.t.interval(1 - 0.05 / 7, 3, 3.0, scipy.stats.sem(values))
    widened = interval(values).widened(7)
    assert (widened.low, widened.high) == pytest.approx(expected, rel=1e-9)


def test_one_run_says_nothing_about_the_spread():
    measured = interval(pd.Series([0.3]))
    assert (measured.mean, measured.low, measured.high) == (0.3, -np.inf, np.inf)
    assert np.isnan(interval(pd.Series(dtype=float)).mean)


def test_the_summary_has_a_row_for_each_task_pruner_and_density(table):
    summed = summary(table)
    assert len(summed) == len(SETTINGS)
    assert (summed["n"] == 7).all()
    row = summed.iloc[2]
    part = table[
        (table["task"] == row["panel"])
        & (table["pruner"] == row["pruner"])
        & (table["density"] == row["density"])
    ]["final"]
    low, high = scipy.stats.t.interval(0.95, 6, part.mean(), scipy.stats.sem(part))
    assert row["final_mean"] == pytest.approx(part.mean())
    assert row["final_ci95"] == pytest.approx((high - low) / 2)
    assert (row["final_min"], row["final_max"]) == (part.min(), part.max())


def test_what_an_experiment_varies_is_not_averaged():
    table = rows(EXPERIMENTS["figure11"].settings, seeds=1)
    assert list(prepared(table)["panel"].unique()) == [
        f"circle, noise {noise}" for noise in ("0", "0.001", "0.01", "0.1")
    ]
    assert len(summary(table)) == len(EXPERIMENTS["figure11"].settings)


def test_pruners_in_other_hosts_are_not_compared():
    narrow = grid(["circle"], ["snip"], [0.5], [0], width=30)
    table = prepared(rows([*narrow, *grid(["circle"], ["synflow"], [0.5], [0], width=300)], 1))
    assert table["panel"].tolist() == ["circle, width 30", "circle, width 300"]


def test_rounds_of_one_pruner_are_no_panel_of_their_own():
    table = prepared(rows(EXPERIMENTS["figure4"].settings, seeds=1))
    assert set(table["panel"]) == {"circle", "helix", "relu"}
    assert {"synflow", "edge_popup", "edge_popup, anneal"} < set(table["label"])


def test_missing_numbers_do_not_count(table):
    damaged = table.copy()
    damaged.loc[damaged["seed"] > 0, "final"] = np.nan
    damaged.loc[damaged["pruner"] == "snip", "final"] = np.nan
    texts = readable(summary(damaged)).set_index("pruner")["after training"]
    assert set(texts["snip"]) == {"–"}
    assert not texts["synflow"].str.contains("±").any()


def test_csv_and_markdown_hold_the_same_rows(table):
    summed = summary(table)
    file = io.StringIO(summed.to_csv(index=False))
    pd.testing.assert_frame_equal(pd.read_csv(file), summed, check_dtype=False)
    text = as_markdown(summed)
    assert text.count("\n|") == len(summed) + 2
    assert f"{summed['final_mean'][0]:.3g} ± {summed['final_ci95'][0]:.1g}" in text
    assert text.count("(baseline)") == len(summed) / 2


@pytest.mark.parametrize("task", ["circle", "relu", "helix"])
def test_skill_is_1_for_the_planted_ticket_and_0_for_the_best_constant(task):
    table = rows(grid([task], ["snip"], [0.5], [0]), seeds=3, final=lambda run: 0.25)
    assert skill(table, "before").to_numpy() == pytest.approx(0.0)
    assert skill(table, "final").to_numpy() == pytest.approx(0.25)
    assert skill(table, "planted").to_numpy() == pytest.approx(1.0)


def test_the_best_constant_is_the_mean_or_the_most_frequent_class():
    relu, circle = tasks.get("relu").data(1000, seed=3), tasks.get("circle").data(1000, seed=3)
    mean = relu.y_train.mean()
    assert trivial_metric("relu", 1000, None, 3) == pytest.approx(
        np.mean((relu.y_test - mean) ** 2), rel=1e-5
    )
    accuracies = [np.mean(circle.y_test == ring) for ring in range(4)]
    assert trivial_metric("circle", 1000, None, 3) == max(accuracies)
