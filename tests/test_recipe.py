"""What a planted run is: its settings come back from its record, and each is in its name."""

import dataclasses
import json

import numpy as np
import pytest

import pns_tf
from pns_tf.recipe.planting import Planting

# Another value for every field: a new field needs one here.
OTHERS = {
    "task": "circle",
    "depth": 4,
    "width": 41,
    "seed": 7,
    "init": "uniform",
    "hide": "strong",
    "hide_biases": True,
    "epsilon": 0.05,
    "samples": 200,
    "noise": 0.25,
}
FIELDS = [field.name for field in dataclasses.fields(Planting)]
BASE = {"task": "relu", "samples": 100, "width": 20}


def test_every_setting_is_tried():
    assert list(OTHERS) == FIELDS


@pytest.mark.parametrize("field", FIELDS)
def test_each_setting_changes_the_name(field):
    usual = Planting("relu")
    other = dataclasses.replace(usual, **{field: OTHERS[field]})
    assert other.name != usual.name


def test_the_tasks_own_noise_is_no_other_setting():
    assert Planting("circle", noise=0.01).name == Planting("circle").name == "circle-d5-w100-s0"


@pytest.mark.parametrize("field", FIELDS)
def test_flags_become_a_record_that_gives_the_same_recipe(field, run, tmp_path):
    settings = BASE | {field: OTHERS[field]}
    recipe = Planting(**settings)
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
    assert Planting.from_record(record) == Planting("helix", noise=0.01)


@pytest.mark.parametrize("other", ["--noise=0.3", "--init=uniform", "--hide=strong", "--epsilon=1"])
def test_searches_in_other_hosts_and_data_get_other_folders(other, run, tmp_path):
    small = ["--task=relu", "--depth=3", "--width=20", "--samples=100", "--epochs=0"]
    search = [*small, "--pruner=random", f"--out={tmp_path}"]
    assert run("seek", *search)[0] == 0
    assert run("seek", *search, other)[0] == 0
    usual, unusual = sorted(tmp_path.iterdir(), key=lambda path: len(path.name))
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
