"""What is chosen among many is chosen on validation data, and reported on the test set."""

import numpy as np
import pandas as pd
import pytest

import pns_tf
import tasks
from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.pruners.handed_out import TrainingPart
from pns_tf.recipe.run import with_seed
from pns_tf.runs.choosing import chosen_by
from pns_tf.runs.tickets import chosen
from pns_tf.sweeping.gap import gap
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import best, best_run, summary


def test_validation_data_are_drawn_besides_and_change_nothing_else():
    """The digests are those from before there were validation data."""
    data = tasks.get("helix").data(100, seed=3)
    assert data.x_validation.shape == data.x_test.shape == (10, 1)
    assert data.y_validation.shape == data.y_test.shape
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (100, 1))
    np.testing.assert_array_equal(data.x_train, x[:90].astype(np.float32))
    np.testing.assert_array_equal(data.x_test, x[90:].astype(np.float32))
    assert not np.isin(data.x_validation, x.astype(np.float32)).any()
    again = tasks.get("helix").data(100, seed=3)
    np.testing.assert_array_equal(data.y_validation, again.y_validation)


def test_searches_do_not_see_the_validation_data():
    assert TrainingPart(tasks.get("helix").data(100)).x_validation is None


@pytest.mark.slow
def test_a_found_ticket_is_judged_on_both():
    found = pns_tf.seek(pns_tf.plant("circle", depth=3, width=30), "snip", 0.5, epochs=5)
    metrics = found.metrics
    for name, validation in (("final", "validation"), ("strong", "validation_strong")):
        assert metrics[name] == pytest.approx(metrics[validation], abs=0.06)
        assert metrics[name] != metrics[validation]
    own = tasks.get("circle").data(500)
    own = tasks.Data(own.x_train, own.y_train, own.x_test, own.y_test)
    without = pns_tf.seek(pns_tf.plant("circle", depth=3, width=30), "snip", 0.5, data=own)
    assert "validation" not in without.metrics


def trials_of(sweep, **columns):
    """Two trials of two runs each; whatever is not said is 0.5."""
    usual = {"status": "COMPLETED", "planted": 0.98, "best_constant": 0.4, "pruner": "snip"}
    usual |= {"samples": 1000, "noise": 0.01}
    names = ("strong", "final", "precision", "recall", "f1", "jaccard", "effective_density")
    usual |= dict.fromkeys((*names, "layer_collapse", "flow_collapse", "density"), 0.5)
    usual |= dict.fromkeys(("depth", "learning_rate", "prune_rounds", "epochs"), 1)
    rows = {"trial": [0, 0, 1, 1], "width": [10, 10, 20, 20], "seed": [0, 1, 0, 1]}
    return pd.DataFrame(rows | {"run": list("abcd"), "task": "circle"}).assign(**usual, **columns)


FINAL, VALIDATION = [0.9, 0.9, 0.8, 0.7], [0.6, 0.6, 0.7, 0.8]


def test_a_sweep_chooses_on_validation_data():
    sweep = Sweep("circle")
    rows = trials_of(sweep, validation=VALIDATION)
    rows["final"] = FINAL
    trials = summary(rows)
    found = best(trials, sweep)
    assert (found["width"], found["final_mean"]) == (20, 0.75)
    assert best_run(rows, found, sweep) == "d"


def test_rows_from_before_are_compared_by_the_test_set():
    sweep = Sweep("circle")
    rows = trials_of(sweep)
    rows["final"] = FINAL
    found = best(summary(rows), sweep)
    assert found["width"] == 10
    assert best_run(rows, found, sweep) == "a"
    mixed = rows.assign(validation=[0.6, np.nan, np.nan, np.nan])
    assert chosen_by(mixed, "final").tolist() == [0.6, 0.9, 0.8, 0.7]


def test_the_gap_of_a_width_is_that_on_validation_data():
    rows = trials_of(Sweep("circle"), validation=[0.98] * 4, validation_planted=[0.98] * 4)
    assert gap(rows, "final").tolist() == pytest.approx([0] * 4)
    assert gap(rows, "final", validated=False).tolist() == pytest.approx([0.48 / 0.58] * 4)


def test_the_best_ticket_to_export_is_that_on_validation_data():
    from made_up import rows

    settings = EXPERIMENTS["figure3"].settings[:1]
    table = rows(settings, seeds=2)
    table["final"], table["validation"] = [0.9, 0.8], [0.7, 0.8]
    assert chosen(table, "best") == [with_seed(settings[0], 1).name]
    assert chosen(table.drop(columns="validation"), "best") == [with_seed(settings[0], 0).name]
