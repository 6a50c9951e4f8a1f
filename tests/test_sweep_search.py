"""Keras Tuner's oracles on made-up results: what is tried, kept, repeated and reported."""

import math
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pandas as pd
import pytest
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from made_up_sweep import BEST, MadeUp, accuracy, best_width, searched

from pns_tf.runs.store import Store
from pns_tf.sweeping import oracles, tuner
from pns_tf.sweeping.cluster import HOST, ID, PORT, from_environment
from pns_tf.sweeping.minimal_width import as_markdown, gaps, gaps_figure, smallest
from pns_tf.sweeping.settings import BISECTION, ORACLES, Sweep
from pns_tf.sweeping.trials import best, summary
from pns_tf.sweeping.tuner import search
from pns_tf.training.loop import Diverged
from tasks import InputError


def step_at(width):
    """As good as the planted ticket (0.5 here, where nothing is worth 0.45) from this width on."""
    return lambda run: 0.5 if run.host.width >= width else 0.2


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ORACLES)
def test_every_oracle_comes_near_the_best_width(tmp_path, oracle):
    sweep = Sweep("circle", oracle=oracle, trials=None if oracle == "hyperband" else 12, seeds=2)
    outcome = searched(sweep, tmp_path)
    assert set(outcome.table["status"]) == {"COMPLETED"}
    if oracle != "hyperband":
        assert outcome.table["trial"].nunique() == 12
        assert outcome.table["width"].nunique() == 12
    assert 0.5 < best_width(outcome, sweep) / BEST < 2
    assert len(outcome.runs) == len(outcome.table)  # each trial has two seeds of its own


@pytest.mark.slow
@pytest.mark.parametrize("oracle", [*ORACLES, BISECTION])
@pytest.mark.parametrize("stop_after", [1, 8])
def test_a_search_that_was_stopped_goes_on_as_if_nothing_had_been(tmp_path, oracle, stop_after):
    sweep = Sweep(
        "circle",
        **{"oracle": oracle, "seeds": 2, "gap": 0.1 if oracle == BISECTION else None},
        prune_rounds=1 if oracle == BISECTION else (1, 10),
    )
    final = step_at(137) if oracle == BISECTION else accuracy
    expected = searched(sweep, tmp_path / "undisturbed", MadeUp(final))
    first, second = MadeUp(final, stop_after), MadeUp(final)
    with pytest.raises(KeyboardInterrupt):
        searched(sweep, tmp_path / "stopped", first)
    outcome = searched(sweep, tmp_path / "stopped", second)
    pd.testing.assert_frame_equal(outcome.table, expected.table)
    assert len(first.done) == stop_after
    assert sorted(first.done + second.done) == sorted(outcome.runs)  # none twice


def test_the_grid_is_every_combination(tmp_path):
    sweep = Sweep("relu", depth=(3, 4), density=("baseline", 0.5), trials=12, seeds=1)
    table = searched(sweep, tmp_path, MadeUp(lambda run: 0.1)).table
    assert len(table) == 12 == len(table[["depth", "density", "width"]].drop_duplicates())
    assert table["width"].nunique() == 3
    hosts = {(run.host.width, run.baseline) for run in sweep_runs(sweep, depth=3)}
    planted = table[(table["depth"] == 3) & (table["density"] != 0.5)]
    assert set(zip(planted["width"], planted["density"], strict=True)) == hosts


def sweep_runs(sweep, **values):
    return [run for width in sweep.widths for run in sweep.runs(values | {"width": width})]


def test_equally_good_hosts_the_narrowest_wins(tmp_path):
    for task in ("circle", "relu"):
        sweep = Sweep(task, min_width=30, seeds=1)
        outcome = searched(sweep, tmp_path / task, MadeUp(lambda run: 0.5))
        assert best_width(outcome, sweep) == 30


def test_a_result_that_is_no_number_is_a_bad_one(tmp_path):
    sweep = Sweep("relu", seeds=1)
    narrow_fails = MadeUp(lambda run: math.nan if run.host.width < 99 else 0.1)
    outcome = searched(sweep, tmp_path, narrow_fails)
    failed = outcome.table.groupby("status")["width"].max()
    assert failed["FAILED"] < 99 <= best_width(outcome, sweep)
    assert outcome.table["trial"].nunique() == 8


def test_a_training_that_diverges_fails_its_trial_alone(tmp_path):
    class Wild(MadeUp):
        def run(self, runs, keep):
            if runs and runs[0].search.learning_rate > 1:
                super().run(runs[:1], keep)  # one of its seeds is done
                raise Diverged("training diverged")
            super().run(runs, keep)

    sweep = Sweep("circle", learning_rate=(1e-3, 1e3), trials=8, seeds=2)
    outcome = searched(sweep, tmp_path, Wild(lambda run: run.search.learning_rate / 1e4))
    by_rate = outcome.table.groupby("learning_rate")["status"].unique().map(list)
    assert by_rate.to_dict() == {1e-3: ["COMPLETED"], 1e3: ["FAILED"]}
    # The seed that was done looked better than anything.
    assert best(summary(outcome.table), sweep)["learning_rate"] == 1e-3


def test_one_seed_that_is_no_number_is_not_left_out_of_a_mean(tmp_path):
    def final(run):
        return math.nan if run.host.width < 99 and run.search.seed == 1 else 0.5

    outcome = searched(Sweep("circle", seeds=3), tmp_path, MadeUp(final))
    failed = outcome.table.groupby("status")["width"].max()
    assert failed["FAILED"] < 99 <= failed["COMPLETED"]


def test_numbers_of_either_kind_go_together(tmp_path):
    sweep = Sweep("relu", density=(0.5, 1), trials=4, seeds=1)
    table = searched(sweep, tmp_path, MadeUp(lambda run: 0.1)).table
    assert set(table["density"]) == {0.5, 1.0}


def test_what_goes_wrong_in_a_run_ends_the_search(tmp_path):
    class Wrong(MadeUp):
        def run(self, runs, keep):
            raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"):
        searched(Sweep("relu"), tmp_path, Wrong())


# The smallest width


def bisected(folder, final, **settings):
    sweep = Sweep("circle", oracle=BISECTION, gap=0.1, seeds=1, **settings)
    outcome = searched(sweep, folder, MadeUp(final))
    return sweep, gaps(outcome.table, sweep)


def test_the_smallest_width_is_found_in_a_few_trials(tmp_path):
    sweep, tried = bisected(tmp_path, step_at(137))
    found = smallest(tried, sweep)
    assert (found["width"], found["narrower"]) == (137, 136)
    assert found["distance_mean"] == pytest.approx(0)
    assert found["narrower_distance_mean"] > 1
    assert len(tried) <= 11


def test_all_widths_and_none_may_be_enough(tmp_path):
    sweep, tried = bisected(tmp_path / "all", step_at(1))
    everything = smallest(tried, sweep)
    assert everything["width"] == 20  # which the ticket needs
    sweep, tried = bisected(tmp_path / "none", step_at(501), max_width=100)
    nothing = smallest(tried, sweep)
    assert (nothing["width"], nothing["trials"]) == (None, 1)
    lines = as_markdown(pd.DataFrame([everything, nothing]), sweep).splitlines()
    assert "| 20 " in lines[2]
    assert "none: the ticket needs this width" in lines[2]
    assert "| > 100 " in lines[3]


def test_the_table_speaks_of_widths_that_were_tried(tmp_path):
    sweep, tried = bisected(tmp_path / "none", step_at(501), min_width=40, max_width=100, step=25)
    nothing = smallest(tried, sweep)
    assert nothing["narrower"] == 90
    (line,) = as_markdown(pd.DataFrame([nothing]), sweep).splitlines()[2:]
    assert "| > 90 " in line
    assert "90: " in line
    sweep, tried = bisected(tmp_path / "all", step_at(1), min_width=40)
    (line,) = as_markdown(pd.DataFrame([smallest(tried, sweep)]), sweep).splitlines()[2:]
    assert "none: it is the narrowest searched" in line  # and not what the ticket needs


def test_a_width_that_failed_is_not_near_enough(tmp_path):
    class Wild(MadeUp):
        def run(self, runs, keep):
            wild = [run for run in runs if run.search.seed == 1 and 30 <= run.host.width < 137]
            super().run([run for run in runs if run not in wild], keep)
            if wild:
                raise Diverged("training diverged")

    sweep = Sweep("circle", oracle=BISECTION, gap=0.1, seeds=2)
    tried = gaps(searched(sweep, tmp_path, Wild(step_at(80))).table, sweep)
    found = smallest(tried, sweep)
    assert (found["width"], found["narrower"]) == (137, 136)
    (line,) = as_markdown(pd.DataFrame([found]), sweep).splitlines()[2:]
    assert "136: failed" in line
    assert gaps_figure(tried, sweep).axes


def test_a_sweep_in_which_everything_fails_is_one_line(tmp_path):
    class Wild(MadeUp):
        def run(self, runs, keep):
            raise Diverged("training diverged")

    with pytest.raises(InputError, match="all trials failed, as their trainings diverged"):
        searched(Sweep("relu", trials=4, seeds=1), tmp_path, Wild())


def test_the_picture_says_baseline_and_shows_all_gaps(tmp_path):
    sweep, tried = bisected(tmp_path, step_at(137), density="baseline")
    figure = gaps_figure(tried.assign(max=1.6), sweep)
    assert figure.get_suptitle() == "density baseline, depth 5"
    assert figure.axes[0].get_ylim()[1] > 1.6


def test_the_picture_has_a_panel_for_each_task_and_a_line_for_each_pruner(tmp_path):
    sweep, tried = bisected(tmp_path, step_at(137))
    both = pd.concat([tried, tried.assign(pruner="random"), tried.assign(task="helix")])
    figure = gaps_figure(both, sweep)
    assert [axes.get_title() for axes in figure.axes] == ["circle", "helix"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["synflow", "random", "near enough: 0.1"]


# Chief and workers


@pytest.fixture
def oracle(tmp_path):
    """A chief's, with two trials."""
    return tuner.SweepTuner(
        Sweep("circle", trials=2), Store(tmp_path), MadeUp(), tmp_path / "keras_tuner"
    ).oracle


def test_the_trial_of_a_silent_worker_goes_to_another(oracle, monkeypatch):
    lost = oracle.create_trial("worker1")
    other = oracle.create_trial("worker2")
    other.status = "COMPLETED"
    oracle.update_trial(other.trial_id, {"final": 0.5})
    oracle.end_trial(other)
    assert oracle.create_trial("worker2").status == "IDLE"  # worker 1 may yet be lost
    oracle.give_up_silent_workers()
    assert oracle.create_trial("worker2").status == "IDLE"
    monkeypatch.setattr(oracles, "SILENCE", 0.2)
    time.sleep(0.3)
    oracle.create_trial("worker2")  # is not silent
    oracle.give_up_silent_workers()
    again = oracle.create_trial("worker2")
    assert again.trial_id == lost.trial_id
    again.status = "COMPLETED"
    oracle.update_trial(again.trial_id, {"final": 0.6})
    oracle.end_trial(again)
    oracle.end_trial(lost)  # it was only slow
    assert oracle.end_order == [other.trial_id, lost.trial_id]
    assert oracle.create_trial("worker2").status == "STOPPED"
    assert not oracle.tuner_ids
    assert not oracle.ongoing_trials


def test_a_sign_of_life_is_one(oracle, monkeypatch):
    trial = oracle.create_trial("worker1")
    monkeypatch.setattr(oracles, "SILENCE", 0.2)
    for _ in range(3):
        time.sleep(0.1)
        oracle.get_trial(trial.trial_id)
        oracle.give_up_silent_workers()
    assert oracle.ongoing_trials == {"worker1": trial}


@pytest.fixture
def chief(oracle, monkeypatch):
    """The oracle in a chief's server, with this process as a worker."""
    server = grpc.server(ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(OracleServicer(oracle), server)
    be_worker(server.add_insecure_port("127.0.0.1:0"), monkeypatch)
    server.start()
    yield oracle
    server.stop(None).wait()


def be_worker(port, monkeypatch):
    for name, value in {ID: "worker1", HOST: "127.0.0.1", PORT: port}.items():
        monkeypatch.setenv(name, str(value))


def work(folder, pool):
    there = from_environment()
    return search(Sweep("circle", trials=2), Store(folder), pool, folder / "worker", there)


def test_a_worker_does_the_trials_of_its_chief(chief, tmp_path, monkeypatch):
    monkeypatch.setattr(tuner, "SIGN_OF_LIFE", 0.01)
    asked = []
    monkeypatch.setattr(chief, "get_trial", lambda name: asked.append(name) or chief.trials[name])

    class Slow(MadeUp):
        def run(self, runs, keep):
            time.sleep(0.5)
            super().run(runs, keep)

    assert work(tmp_path, Slow()) is None
    assert [trial.status for trial in chief.trials.values()] == ["COMPLETED"] * 2
    assert all(asked.count(name) > 10 for name in chief.trials)
    assert not chief.ongoing_trials
    for trial in chief.trials.values():
        runs = Sweep("circle").runs(trial.hyperparameters.values)
        assert trial.score == pytest.approx(np.mean([accuracy(run) for run in runs]))


def test_a_worker_of_a_chief_that_was_started_anew_says_so(chief, tmp_path):
    class Meanwhile(MadeUp):
        def run(self, runs, keep):
            super().run(runs, keep)
            chief.trials.clear()

    with pytest.raises(InputError, match=r"was started anew, so start the worker anew too"):
        work(tmp_path, Meanwhile())


def test_a_worker_gives_up_when_its_chief_has_gone(tmp_path, monkeypatch):
    be_worker(9, monkeypatch)
    monkeypatch.setattr(tuner.oracle_client, "TIMEOUT", 0.5)
    with pytest.raises(InputError, match=r"the chief at 127.0.0.1:9 has not answered for"):
        work(tmp_path, MadeUp())
