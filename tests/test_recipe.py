"""What a planted run is: its settings come back from its record, and each is in its name."""

import dataclasses
import json
import os

import numpy as np
import pandas as pd
import pytest
import test_records

import pns_tf
from pns_tf import commands
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.vgg import Vgg
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.pruners import PRUNERS
from pns_tf.recipe.run import LATER, Run
from pns_tf.recipe.search import SeekSettings
from pns_tf.reports.rows import prepared

OTHERS = test_records.OTHERS[FullyConnected] | test_records.OTHERS[Planting] | {"task": "circle"}
OF_HOST = [field.name for field in dataclasses.fields(FullyConnected)]
FIELDS = [*OF_HOST, *(field.name for field in dataclasses.fields(Planting))]
BASE = {"task": "relu", "samples": 100, "width": 20}


def planting(**settings) -> Planting:
    host = {name: settings.pop(name) for name in OF_HOST if name in settings}
    return Planting(FullyConnected(**host), **settings)


def test_every_setting_is_tried():
    # a trained ticket is planted in hosts of images only: tests/test_vgg_commands.py
    assert [name for name in FIELDS if name not in ("host", "ticket")] == list(OTHERS)


@pytest.mark.parametrize("field", OTHERS)
def test_each_setting_changes_the_name(field):
    assert planting(**{"task": "relu", field: OTHERS[field]}).name != planting(task="relu").name


def test_the_tasks_own_noise_is_no_other_setting():
    own = planting(task="circle", noise=0.01)
    assert own.name == planting(task="circle").name == "circle-d5-w100-s0"


@pytest.mark.parametrize("fields", [["hide"], [name for name in OTHERS if name != "hide"]])
def test_flags_become_a_record_that_gives_the_same_recipe(fields, run, tmp_path):
    settings = BASE | {field: OTHERS[field] for field in fields}
    recipe = planting(**settings)
    flags = [f"--{name}={value}" for name, value in settings.items()]
    code, _, err = run("plant", *flags, f"--out={tmp_path}")
    assert (code, err) == (0, "")
    record = json.loads((tmp_path / recipe.name / "ticket.json").read_text(encoding="utf-8"))
    again = Planting.from_record(record)
    strong = {"hide_biases": True} if recipe.hide == "strong" else {}  # which always hides them
    assert again == dataclasses.replace(recipe, noise=recipe.noise_level, **strong)


def test_how_a_ticket_was_hidden_is_read_back(run, tmp_path):
    flags = ["--task=circle", "--width=40", "--hide=strong", "--epsilon=0.05", f"--out={tmp_path}"]
    assert run("plant", *flags)[0] == 0
    (folder,) = tmp_path.iterdir()
    assert folder.name == "circle-d5-w40-s0-hide=strong-epsilon=0.05"
    again = pns_tf.load_planted(folder)
    planted = pns_tf.plant("circle", width=40, hide="strong", epsilon=0.05)
    for name in ("hide", "epsilon", "hide_biases", "written"):
        assert getattr(again, name) == getattr(planted, name)


def test_records_from_before_are_still_read(helix_run, tmp_path):
    import shutil

    folder = tmp_path / "old"
    shutil.copytree(helix_run, folder)
    record = json.loads((folder / "ticket.json").read_text(encoding="utf-8"))
    for later in ("hide", "epsilon", "parameters_written"):
        del record[later]
    (folder / "ticket.json").write_text(json.dumps(record), encoding="utf-8")
    again = pns_tf.load_planted(folder)
    assert (again.hide, again.epsilon, again.written) == ("default", None, None)
    assert Planting.from_record(record) == planting(task="helix", noise=0.01)


SEARCH = ["--task=relu", "--depth=3", "--width=20", "--samples=100", "--epochs=0"]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The folder of a search with the usual settings."""
    out = tmp_path_factory.mktemp("usual")
    commands.main(["seek", *SEARCH, "--pruner=random", f"--out={out}"])
    (folder,) = out.iterdir()
    return folder


@pytest.mark.parametrize("other", ["--noise=0.3", "--init=uniform", "--hide=strong", "--epsilon=1"])
def test_searches_in_other_hosts_and_data_get_other_folders(other, usual, run, tmp_path):
    assert run("seek", *SEARCH, "--pruner=random", other, f"--out={tmp_path}")[0] == 0
    (unusual,) = tmp_path.iterdir()
    assert other.removeprefix("--") in unusual.name
    assert other.removeprefix("--") not in usual.name
    name, value = other.removeprefix("--").split("=")
    record = json.loads((unusual / "ticket.json").read_text(encoding="utf-8"))
    assert str(record[name]) in (value, f"{value}.0")


def test_a_host_drawn_otherwise_is_planted_otherwise(run, tmp_path):
    small = ["--task=relu", "--depth=3", "--width=20", "--samples=100", f"--out={tmp_path}"]
    for init in ("normal", "uniform"):
        assert run("plant", *small, f"--init={init}")[0] == 0
    kernels = [
        pns_tf.load_planted(folder).host.layers[-1].kernel.numpy()
        for folder in sorted(tmp_path.iterdir())
    ]
    assert len(kernels) == 2
    assert not np.array_equal(*kernels)


# Runs


def test_settings_that_came_later_leave_earlier_names_alone():
    circle, said = Run(FullyConnected("circle")), FullyConnected.always_said
    assert circle.settings.keys() & LATER.keys() == {*said}
    for name, value in {"hide": "strong", "epsilon": 0.05}.items():
        run = dataclasses.replace(circle, **{name: value})
        assert run.settings[name] == value
        assert run.name != circle.name
        assert run.planting == dataclasses.replace(circle.planting, **{name: value})


def test_runs_that_differ_in_how_tickets_are_hidden_stand_in_panels_of_their_own():
    runs = [Run(FullyConnected("circle")), Run(FullyConnected("circle"), hide="strong")]
    table = prepared(pd.DataFrame([{"run": run.name, **run.settings} for run in runs]))
    assert list(table["panel"]) == ["circle, hide default", "circle, hide strong"]


def test_an_edited_task_gives_its_runs_new_names(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    names = set()
    for content in ("FIRST = 1", "SECOND = 2"):
        (tmp_path / "edited_task.py").write_text(content, encoding="utf-8")
        os.utime(tmp_path / "edited_task.py", (len(names), len(names)))
        names.add(Run(FullyConnected("edited_task:TASK")).name)
    assert len(names) == 2


def test_image_runs_of_a_changed_pruner_get_new_names(monkeypatch):
    host = Vgg("vgg11", "cifar10", 1.0, (32, 32, 3), 10)
    name = Run(host, SeekSettings("pns")).name
    raised = dataclasses.replace(PRUNERS["pns"], version=PRUNERS["pns"].version + 1)
    monkeypatch.setitem(PRUNERS, "pns", raised)
    assert Run(host, SeekSettings("pns")).name != name


def test_image_runs_of_an_edited_pruner_get_new_names(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    host, names = Vgg("vgg11", "cifar10", 1.0, (32, 32, 3), 10), set()
    for content in ("FIRST = 1", "SECOND = 2"):
        (tmp_path / "edited_pruner.py").write_text(content, encoding="utf-8")
        os.utime(tmp_path / "edited_pruner.py", (len(names), len(names)))
        names.add(Run(host, SeekSettings("edited_pruner:Mine")).name)
    assert len(names) == 2
