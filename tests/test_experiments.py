"""Experiments: settings with names, runs that keep, and files that do not work."""

import dataclasses
import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pns_tf.commands import main
from pns_tf.experiments.catalog import EXPERIMENTS, SCORERS, find
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.masks import Mask
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import Run, density_name, grid, label
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs.execute import Result, execute
from pns_tf.runs.store import Store
from tasks import InputError


def small_runs(seeds=1) -> list[Run]:
    return grid(["relu"], ["random"], [0.5], range(seeds), depth=3, width=10, samples=100, epochs=1)


@given(
    st.sampled_from(["relu", "circle"]), st.integers(3, 9), st.floats(0.01, 1), st.integers(0, 9)
)
def test_equal_settings_and_only_these_have_equal_names(task, depth, density, seed):
    host, search = FullyConnected(task, depth), SeekSettings(density=density, seed=seed)
    run = Run(host, search)
    assert run.name == Run(FullyConnected(task, depth), dataclasses.replace(search)).name
    others = [
        Run(FullyConnected(task, depth + 1), search),
        Run(host, search, hide_biases=True),
        Run(host, dataclasses.replace(search, seed=seed + 1)),
        Run(host, dataclasses.replace(search, options={"a": 1})),
    ]
    assert run.name not in {other.name for other in others}


def test_runs_of_a_pruner_that_has_changed_get_new_names(monkeypatch):
    pns, snip = (Run(FullyConnected("circle"), SeekSettings(name)) for name in ("pns", "snip"))
    before = pns.name, snip.name
    raised = dataclasses.replace(PRUNERS["pns"], version=PRUNERS["pns"].version + 1)
    monkeypatch.setitem(PRUNERS, "pns", raised)
    after = dataclasses.replace(pns).name, dataclasses.replace(snip).name
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_every_figure_has_its_settings_and_no_run_twice():
    expected = {"figure3": 75, "figure4": 105, "figure8": 75, "figure9": 25, "figure11": 100}
    for name, settings in expected.items():
        assert len(EXPERIMENTS[name].settings) == settings
    for experiment in EXPERIMENTS.values():
        names = [run.name for run in experiment.runs()]
        assert len(set(names)) == len(names)
    assert all(run.search.rounds == 10 for run in EXPERIMENTS["figure12"].settings)
    assert {run.search.noise for run in EXPERIMENTS["figure11"].settings} == {0.0, 0.001, 0.01, 0.1}
    assert {run.host.width for run in EXPERIMENTS["figure9"].settings} == {1000}


def test_figures_3_and_7_share_their_runs():
    assert {run.name for run in EXPERIMENTS["figure3"].runs()} == {
        run.name for run in EXPERIMENTS["figure7"].runs()
    }


def test_an_experiment_is_narrowed_by_what_its_settings_have():
    narrow = EXPERIMENTS["figure3"].narrowed(["circle"], ["snip"], ["baseline", 0.1])
    assert [(run.task, run.search.pruner, density_name(run)) for run in narrow.settings] == [
        ("circle", "snip", "baseline"),
        ("circle", "snip", "0.1"),
    ]
    with pytest.raises(InputError, match=r"no pruner 'snap': choose from grasp, magnitude"):
        EXPERIMENTS["figure3"].narrowed(pruners=["snap"])


def test_a_pruner_of_ones_own_is_added_beside_the_published_ones():
    more = EXPERIMENTS["figure3"].sought_by(["mine:Mine"])
    added = [run for run in more.settings if run.search.pruner == "mine:Mine"]
    assert len(added) == 15  # three tasks, five densities
    assert more.settings[: len(EXPERIMENTS["figure3"].settings)] == EXPERIMENTS["figure3"].settings


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["snip"], {"snip"}),
        (["snip", "mine:Mine"], {"snip", "mine:Mine"}),
        (["rigl", "mine:Mine", "rigl"], {*SCORERS, "rigl", "mine:Mine"}),
        ([], set(SCORERS)),
    ],
)
def test_pruners_are_chosen_by_name_and_others_join(named, expected):
    figure = EXPERIMENTS["figure3"]
    chosen = figure.sought_by(named)
    assert {run.search.pruner for run in chosen.settings} == expected
    assert len(chosen.settings) == len({run.name for run in chosen.settings}) == 15 * len(expected)
    with pytest.raises(InputError, match=r"unknown pruner 'snap': .*did you mean 'snip'"):
        figure.sought_by(["snap"])


def test_another_version_of_ones_own_pruner_is_another_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "own_pruner.py"
    names = []
    for time_ns, text in ((10**9, "import one"), (2 * 10**9, "import two"), (10**9, "import one")):
        source.write_text(text)
        os.utime(source, ns=(time_ns, time_ns))
        names.append(Run(FullyConnected("relu"), SeekSettings("own_pruner:Mine")).name)
    assert names[0] == names[2] != names[1]
    assert Run(FullyConnected("relu"), SeekSettings("snip")).code == ""


def test_a_density_is_named_by_its_number_or_as_the_baseline():
    depth3 = EXPERIMENTS["figure6"]
    by_number = depth3.narrowed(["relu"], densities=[0.01]).settings
    by_word = depth3.narrowed(["relu"], densities=["baseline"]).settings
    assert {run.name for run in by_number} == {run.name for run in by_word}
    assert len(depth3.narrowed(densities=[1.0]).settings) == 3 * 5


def test_a_pruner_that_joins_takes_the_settings_of_the_first_one_whoever_else_is_named():
    chosen = EXPERIMENTS["figure4"].sought_by(["edge_popup", "rigl"])
    (rounds,) = {run.search.rounds for run in chosen.settings if run.search.pruner == "rigl"}
    assert rounds == EXPERIMENTS["figure4"].settings[0].search.rounds == 10


def test_labels_tell_variants_apart():
    assert label(SeekSettings("edge_popup", options={"anneal": True})) == ("edge_popup, anneal")
    labels = {label(run.search) for run in EXPERIMENTS["edge_popup"].settings if run.task == "relu"}
    assert len(labels) == 8
    ablation = [run for run in EXPERIMENTS["pns_ablation"].settings if run.task == "helix"]
    assert len({label(run.search) for run in ablation}) == len(ablation)


@pytest.mark.slow
def test_a_kept_run_is_read_back_with_its_masks(tmp_path):
    (run,) = small_runs()
    store, result = Store(tmp_path), execute(run)
    assert not store.has(run)
    store.write(run, result)
    assert store.has(run)
    assert store.read(run) == result.row
    assert store.masks(run) == result.masks
    assert store.table([run])["final"].tolist() == [result.row["final"]]
    assert sorted(path.suffix for path in (tmp_path / "runs").iterdir()) == [".json", ".npz"]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"task": "relu"}', "other settings"])
def test_a_damaged_row_is_named_and_put_aside(tmp_path, capsys, content):
    run, other = small_runs(2)
    row = {**run.settings, "final": 1.0, "best_constant": 0.5}
    store = Store(tmp_path)
    store.write(run, Result(row, Mask([np.ones(2)])))
    path = tmp_path / "runs" / f"{run.name}.json"
    path.write_text(json.dumps(other.settings) if content == "other settings" else content)
    assert store.read(run) is None
    said = capsys.readouterr().out
    assert str(path) in said
    assert "damaged" in said
    assert not store.has(run)
    assert (tmp_path / "runs" / "damaged" / path.name).exists()
    store.write(run, Result(row, Mask([np.ones(2)])))
    assert store.read(run) == row


def test_a_row_of_when_class_scales_were_fitted_otherwise_is_run_again(tmp_path):
    store, mask = Store(tmp_path), Mask([np.ones(2)])
    (circle,), (relu,) = (grid([task], ["snip"], [0.5], [0]) for task in ("circle", "relu"))
    for run in (circle, relu):
        store.write(run, Result({**run.settings, "final": 0.5}, mask))
    assert store.read(circle) is None
    assert store.read(relu) is not None  # whose scales are what they were
    store.write(circle, Result({**circle.settings, "final": 0.5, "best_constant": 0.4}, mask))
    assert store.read(circle)["best_constant"] == 0.4


def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch):
    (run,) = small_runs()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InputError, match=r"cannot write to .*runs: No space left on device"):
        Store(tmp_path).write(run, Result({}, Mask([np.ones(2)])))


NAMED = """
from pns_tf.experiments.experiment import Experiment
from pns_tf.recipe.run import grid
RUNS = grid(["relu"], ["snip"], [0.5], [0])
EXPERIMENT = """
NAMES = [
    (5, "name must be words in one line, got 5"),
    ("", "name must be words in one line, got ''"),
    ("a\nb", "name must be words in one line"),
    *(
        (name, "name must be plain words, that of a folder of its own: got")
        for name in ("../..", "/abs", "a/b", ".", ".hidden", "runs", "Leaderboard", "a.")
    ),
]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (f"{NAMED}Experiment({name!r}, 'a', RUNS)", "own: .* is one of the catalogue's")
            for name in ("figure3", "Figure10", "edge_popup")
        ),
        (f"{NAMED}Experiment('sweep-circle', 'mine', RUNS)", "name must be plain words"),
        ("EXPERIMENT = 3", "EXPERIMENT in .* must be an Experiment, got 3"),
        ("nothing = 0", "cannot be loaded: KeyError: 'EXPERIMENT'"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("not a python file", "cannot be loaded: SyntaxError"),
        *((f"{NAMED}Experiment({name!r}, 'title', RUNS)", message) for name, message in NAMES),
        (f"{NAMED}Experiment('a', 7, RUNS)", "title must be words in one line, got 7"),
        (f"{NAMED}Experiment('a', 'b', [])", "experiment a must have at least one Run"),
    ],
)
def test_an_experiment_file_that_does_not_work_says_why(tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        find(path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--experiment=figure2"], "unknown experiment 'figure2': choose from figure3, "),
        (["--figure=2"], "unknown experiment 'figure2': choose from figure3, "),
        (["--figure=5", "--samples=9"], "samples must be an integer of at least 10, got 9"),
        (["--figure=5", "--width_multiplier=-1"], "width_multiplier must be a number above 0, got"),
        (["--figure=5", "--epochs=0"], "epochs must be an integer of at least 1, got 0"),
        (["--figure=5", "--pruner=synflw"], "unknown pruner 'synflw': choose from"),
        (["--figure=5", "--density=2"], "has no density '2': choose from 0.01,"),
        (["--figure=5", "--data_dir=nowhere"], "data_dir must be a folder"),
        (["--figure=3", "--samples=9"], "--samples does not go with figure3, got 9"),
        (["--figure=3", "--data_dir=."], "--data_dir needs an experiment on images, got figure3"),
        ([], "reproduce needs either --figure or --experiment"),
        (["--figure=3", "--seeds=0"], "seeds must be an integer of at least 1, got 0"),
        (["--figure=3", "--workers=x"], "workers must be an integer of at least 1, got 'x'"),
        (["--figure=3", "--task=cube"], "no task 'cube': choose from circle, helix, relu"),
        (["--figure=3", "--experiment=missing.py"], "either --figure or --experiment"),
        (["--experiment=missing.py"], "missing.py cannot be loaded: FileNotFoundError"),
    ],
)
def test_bad_requests_are_one_line(tmp_path, monkeypatch, capsys, flags, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["reproduce", *flags])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
