"""The list of experiments says how long each will take here, and a bar how far it has come."""

import dataclasses
import io

import pytest

from pns_tf import pruners
from pns_tf.commands import main
from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import Run, grid
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs import progress
from pns_tf.runs.estimate import expected_seconds, in_words, seconds_left
from pns_tf.runs.execute import Result
from pns_tf.runs.store import Store


def runs(seeds=4, **search) -> list[Run]:
    return grid(["relu"], ["snip"], [0.5], range(seeds), **search)


def test_finished_runs_take_no_time_and_tell_how_long_the_others_will(tmp_path):
    store = Store(tmp_path)
    first, *others = everything = runs()
    row = {**first.settings, "pruning_seconds": 10.0, "training_seconds": 20.0}
    row |= {"best_constant": 0.1}
    store.write(first, Result(row, Mask([[1]])))
    left, seconds = seconds_left(everything, store, workers=2)
    assert left == len(others)
    assert seconds == pytest.approx(30 * 3 / 2, rel=0.01)
    assert seconds_left([first], store) == (0, 0.0)


def test_longer_training_and_larger_hosts_are_expected_to_take_longer():
    short, long = runs(1)[0], runs(1, rounds=10)[0]
    wide = dataclasses.replace(short, host=dataclasses.replace(short.host, width=1000))
    assert 4 < expected_seconds(long) / expected_seconds(short) < 7
    assert expected_seconds(wide) > 20 * expected_seconds(short)


@pytest.mark.parametrize("row", PRUNERS.values(), ids=PRUNERS)
def test_what_is_known_without_tensorflow_is_what_the_class_says(row):
    pruner = pruners.get(row.name)
    assert pruner.name == row.name
    assert row.epochs in (None, getattr(pruner, "epochs", None))
    assert row.widest == getattr(pruner, "widest", None)
    assert (row.effort > 0) == (type(pruner).find is not Pruner.find)


def test_a_longer_search_is_expected_to_take_longer():
    searching = Run(FullyConnected("relu"), SeekSettings("edge_popup_scaled", epochs=0))
    longer = SeekSettings("edge_popup_scaled", epochs=0, options={"epochs": 100})
    twice = Run(FullyConnected("relu"), longer)
    assert expected_seconds(twice) > 1.5 * expected_seconds(searching)


def test_searches_with_gates_are_expected_to_take_longer():
    def seconds(name):
        return expected_seconds(Run(FullyConnected("circle"), SeekSettings(name, epochs=0)))

    assert seconds("snip") < seconds("edge_popup") < seconds("pns") < seconds("gem_miner")


def test_a_search_in_a_part_is_expected_to_take_as_long_in_any_wider_host():
    for name in ("pns", "pns_weak"):
        settings = SeekSettings(name, epochs=0)
        wide, wider = (
            Run(FullyConnected("circle", width=width), settings) for width in (400, 1000)
        )
        assert expected_seconds(wide) == pytest.approx(expected_seconds(wider), rel=0.01)


def test_times_are_said_in_words():
    assert [in_words(s) for s in (40, 700, 12600)] == ["40 s", "12 min", "3.5 h"]


@pytest.mark.slow
def test_the_list_names_every_experiment_and_its_time(tmp_path, capsys):
    main(["experiments", f"--out={tmp_path}"])
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in lines] == list(EXPERIMENTS)
    assert all("about" in line for line in lines)


def test_the_bar_says_how_many_runs_are_done_under_way_and_left(monkeypatch):
    said = io.StringIO()
    said.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", said)
    with progress.RunsBar(5, done=2) as bar:
        bar.set_places(2)
        bar.advance()
        bar.refresh()
        assert "3/5" in said.getvalue().split("\r")[-1]
        assert "left=2, running=2" in said.getvalue().split("\r")[-1]
        bar.advance()
        bar.refresh()
        assert "left=1, running=1" in said.getvalue().split("\r")[-1]


def test_what_is_to_be_run_is_announced_with_its_time(tmp_path):
    from pns_tf.recipe.run import grid
    from pns_tf.runs.estimate import announced
    from pns_tf.runs.store import Store
    from pns_tf.sweeping.settings import Sweep

    runs = grid(["circle"], ["snip"], [0.5], range(3))
    line = announced("first stage", runs, Store(tmp_path), workers=1)
    assert line is not None
    assert line.startswith("first stage: 3 runs, about ")
    assert announced("first stage", [], Store(tmp_path)) is None
    assert len(Sweep("circle", trials=4, seeds=2).grid_runs()) == 8
    assert Sweep("circle", oracle="random").grid_runs() == []
