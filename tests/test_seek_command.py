"""The commands ``seek`` and ``pruners``: what they refuse, print, and repeat."""

import json
import re
import sys

import numpy as np
import pytest

from pns_tf import pruners
from pns_tf.commands.seek import report
from pns_tf.masks import Mask
from pns_tf.recipe.names import found_name
from pns_tf.recipe.search import SeekSettings

SMALL = ["--depth=3", "--width=30", "--samples=500", "--epochs=1"]

OWN = """
import numpy as np
import tensorflow as tf
from pns_tf.pruners import Pruner

class Smallest(Pruner):
    def calculate_scores(self, network, x, y):
        return [-tf.abs(variable) for variable in network.variables]

class NotANumber(Pruner):
    def calculate_scores(self, network, x, y):
        first, *rest = network.variables
        return [np.full(first.shape, np.nan), *rest]

class Flat(Pruner):
    def calculate_scores(self, network, x, y):
        return [tf.reshape(variable, [-1]) for variable in network.variables]

class Silent(Pruner):
    pass

nothing = 3
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module of the user's own in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_seekers.py").write_text(OWN)
    (tmp_path / "broken_seekers.py").write_text("import no_such_thing\n")
    yield "my_seekers"
    for module in ("my_seekers", "broken_seekers"):
        sys.modules.pop(module, None)


# Bad input


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--pruner=synflw"], r"unknown pruner 'synflw': choose from random, .*mean 'synflow'"),
        (["--pruner"], "unknown pruner True: choose from random, "),
        (["--density=0"], "density must be a number above 0 and at most 1, got 0"),
        (["--density=1.5"], "density must be a number above 0 and at most 1, got 1.5"),
        (["--density=-0.1"], "density must be .* got -0.1"),
        (["--density=nan"], "density must be .* got 'nan'"),
        (["--density=basline"], "density must be .* got 'basline'"),
        (["--rounds=0"], "rounds must be an integer of at least 1, got 0"),
        (["--round_epochs=0"], "round_epochs must be an integer of at least 1, got 0"),
        (["--epochs=-1"], "epochs must be an integer of at least 0, got -1"),
        (["--prune_rounds=1.5"], "prune_rounds must be an integer of at least 1, got 1.5"),
        (["--schedule=cubic"], "unknown schedule 'cubic': choose from exponential, linear"),
        (["--scope=layer"], "unknown scope 'layer': choose from global, local"),
        (["--learning_rate=0"], "learning_rate must be a number above 0, got 0"),
        (["--batch_size=0"], "batch_size must be an integer of at least 1, got 0"),
        (["--seed=-1"], "seed must be an integer of at least 0, got -1"),
        (["--samples=9"], "samples must be an integer of at least 10, got 9"),
        (["--noise=-1"], "noise must be a number of at least 0, got -1"),
        (["--task=helx"], "unknown task 'helx'"),
        (["--width=19"], "width 19 is too small"),
        (["--options=3"], "options must be a dict such as"),
        (["--options={1: 2}"], "options must have names such as temperature, got 1"),
        (["--anneal=3"], "anneal must be True or False, got 3"),
        (["--tflite=yes"], "tflite must be True or False, got 'yes'"),
        (["--prunr=snip"], "seek has no flag --prunr: choose from --task, .*mean '--pruner'"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_once(refused, monkeypatch, flags, complaint):
    def too_late():
        raise AssertionError("TensorFlow was about to be imported")

    monkeypatch.setattr("pns_tf.quiet.import_tensorflow", too_late)
    assert re.search(complaint, refused("seek", *flags))


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--anneal"], "unknown option of pruner 'synflow' 'anneal'"),
        (["--pruner=grasp", "--options={temp: 3}"], "unknown option .*: choose from .*temperature"),
        (
            ["--pruner=grasp", "--options={temperature: hot}"],
            "option 'temperature' of pruner 'grasp' must be of type float, such as 200.0, got 'ho",
        ),
        (
            ["--pruner=edge_popup", "--options={epochs: 2.5}"],
            "option 'epochs' of pruner 'edge_popup' must be of type int, such as 10, got 2.5",
        ),
        (
            ["--pruner=edge_popup", "--options={epochs: 0}"],
            "epochs of edge-popup must be an integer of at least 1, got 0",
        ),
        (["--pruner=edge_popup", "--rounds=2"], "'edge_popup' goes its own way: leave out rounds"),
        (["--pruner=tfmot", "--options={frequency: -3}"], "frequency must be an integer of at le"),
        (["--pruner=hard_concrete", "--options={pressure: -5}"], "pressure must be a number above"),
        (["--pruner=tfmot", "--options={end: 2}"], "end must be a number from 0 to 1, got 2"),
        (["--pruner=tfmot", "--epochs=0"], "'tfmot' prunes while it trains: epochs must not be 0"),
        (["--pruner=no_such_module:Any"], "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_pruner_that_cannot_work_is_refused(refused, flags, complaint):
    said = {flag.split("=")[0] for flag in flags}
    small = [flag for flag in SMALL if flag.split("=")[0] not in said]
    assert re.search(complaint, refused("seek", *small, *flags))


@pytest.mark.parametrize(
    ("pruner", "complaint"),
    [
        ("broken_seekers:Any", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("my_seekers:Any", "has no attribute 'Any'"),
        ("my_seekers:nothing", "must be a class derived from pns_tf.pruners.Pruner"),
        ("my_seekers:NotANumber", "'NotANumber' scores layer0/kernel with NaN"),
        ("my_seekers:Flat", r"'Flat' must score layer0/kernel in shape \(2, 30\), got shape \(60"),
        ("my_seekers:Silent", "expected one that overrides calculate_scores"),
    ],
)
def test_a_pruner_of_ones_own_that_cannot_work_says_why(own_module, refused, pruner, complaint):
    assert re.search(complaint, refused("seek", *SMALL, f"--pruner={pruner}"))


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (None, "expected a folder with a readable ticket.json"),
        ("no JSON", "expected a folder with a readable ticket.json"),
        ("[1, 2]", "its ticket.json does not say task, depth"),
        ('{"task": "circle", "pruner": "snip"}', "its ticket.json does not say depth, width"),
    ],
)
def test_a_folder_that_is_no_planted_run_is_refused(refused, tmp_path, record, complaint):
    folder = tmp_path / "run"
    if record is not None:
        folder.mkdir()
        (folder / "ticket.json").write_text(record)
    line = refused("seek", f"--planted={folder}")
    assert f"{folder} is no planted run: {complaint}" in line


def test_a_found_ticket_is_no_planted_run(refused, found_run):
    assert f"{found_run} is no planted run" in refused("seek", f"--planted={found_run}")


@pytest.mark.parametrize("flag", ["--task=relu", "--width=50", "--noise=0.1", "--hide_biases"])
def test_what_the_planted_run_says_already_is_refused(refused, helix_run, flag):
    line = refused("seek", f"--planted={helix_run}", flag)
    assert f"leave out {flag.split('=')[0]}: --planted says it already" in line


def test_a_run_that_exists_is_kept(refused, found_run):
    flags = ["--task=circle", "--depth=4", "--width=30", "--epochs=2", "--density=0.3"]
    flags += ["--samples=500"]
    line = refused("seek", *flags, "--pruner=snip", f"--out={found_run.parent}")
    assert "exists already: choose another --out or pass --overwrite" in line


# What it does


@pytest.mark.slow
def test_the_tables_say_how_good_the_ticket_is_and_how_much_of_the_planted_one(run, tmp_path):
    code, out, err = run("seek", *SMALL, "--density=0.5", "--tflite", f"--out={tmp_path}")
    assert (code, err) == (0, "")
    folder = tmp_path / "circle-d3-w30-s0-synflow-0.5-epochs=1-samples=500"
    metrics = json.loads((folder / "ticket.json").read_text(encoding="utf-8"))["metrics"]
    for row, metric in (
        ("planted ticket", "planted"),
        ("host, before pruning", "before"),
        ("found ticket, not trained (strong)", "strong"),
        ("found ticket, trained (weak), not rescaled", "final"),
    ):
        value = re.search(rf"^{re.escape(row)} +(\S+)$", out, re.MULTILINE)[1]
        assert float(value) == pytest.approx(metrics[metric], rel=1e-3)
    table = re.findall(r"^ +(\d+ × \d+|all) +(.*)$", out, re.MULTILINE)
    assert [layer for layer, _ in table] == ["2 × 30", "30 × 4", "all"]
    names = ("precision", "recall", "f1", "jaccard")
    for (_, values), ending in zip(table, ("_layer0", "_layer1", ""), strict=True):
        expected = [f"{metrics[name + ending]:.3f}" for name in names]
        assert values.split()[1:] == expected
    kept = metrics["density_kept"]
    assert f"density     asked 0.5, kept {kept:.6g}, on input–output paths" in out
    assert "collapse    none" in out
    assert re.search(r"TFLite      [\d,]+ bytes, the dense host [\d,]+", out)
    assert f"written to  {folder}\n" in out
    assert f"tensorboard --logdir {folder / 'tensorboard'}" in out


def test_the_tables_say_which_values_are_rescaled(found_run, popup_run):
    circle, helix = (
        report(json.loads((folder / "ticket.json").read_text(encoding="utf-8")), folder)
        for folder in (found_run, popup_run)
    )
    assert "test accuracy (rescaled)" in circle
    assert "found ticket, trained (weak), not rescaled" in circle
    assert "test MSE (rescaled)" in helix
    assert "not rescaled" not in helix


@pytest.mark.slow
def test_collapse_is_reported(run, tmp_path):
    flags = ["--task=circle", "--depth=6", "--width=30", "--samples=500", "--epochs=1"]
    code, out, _ = run("seek", *flags, "--density=0.01", f"--out={tmp_path}")
    assert code == 0
    assert "collapse    layer collapse, flow collapse" in out


@pytest.mark.slow
def test_a_planted_run_is_sought_in(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plant = ["--task=relu", "--depth=3", "--width=20", "--samples=500", "--noise=0"]
    assert run("plant", *plant, "--seed=5")[0] == 0
    host, data = "relu-d3-w20-s5", "-samples=500-noise=0"
    folder = f"saved_models/{host}{data}"
    search = ["--pruner=magnitude", "--density=baseline", "--epochs=1", "--seed=5"]
    assert run("seek", f"--planted={folder}", *search)[0] == 0
    assert run("seek", *plant, *search, "--out=anew")[0] == 0
    words = "-magnitude-0.05-epochs=1"
    records = []
    for found in (tmp_path / f"{folder}{words}", tmp_path / "anew" / f"{host}{words}{data}"):
        records.append(json.loads((found / "ticket.json").read_text(encoding="utf-8")))
        planted = Mask.load(found / "planted_masks.npz")
        assert planted == Mask.load(tmp_path / folder / "masks.npz")
    of_folder, anew = records
    assert of_folder["metrics"] == anew["metrics"]
    assert of_folder["noise"] == anew["noise"] == 0
    assert (of_folder["planted"], of_folder["planted_seed"]) == (f"{host}{data}", 5)
    # The same host, another search.
    assert run("seek", "--planted=.", "--pruner=random", "--epochs=1")[0] == 2
    monkeypatch.chdir(tmp_path / folder)
    search = ["--pruner=random", "--epochs=1", "--seed=6", f"--out={tmp_path}"]
    assert run("seek", "--planted=.", *search)[0] == 0
    assert (tmp_path / f"{host}{data}-random-0.1-epochs=1-seed=6").is_dir()


@pytest.mark.slow
def test_baseline_is_the_planted_density(run, tmp_path):
    flags = ["--task=circle", "--pruner=random", "--density=baseline"]
    assert run("seek", *SMALL, *flags, f"--out={tmp_path}")[0] == 0
    (folder,) = tmp_path.iterdir()
    record = json.loads((folder / "ticket.json").read_text(encoding="utf-8"))
    assert record["density"] == record["metrics"]["density_asked"] == 100 / (2 * 30 + 30 * 4)
    assert Mask.load(folder / "masks.npz").kept == round(record["density"] * (180 + 34))


@pytest.mark.slow
def test_a_pruner_of_ones_own_is_found_in_the_current_directory(own_module, run, tmp_path):
    flags = ["--pruner=my_seekers:Smallest", "--density=0.2"]
    code, _, err = run("seek", *SMALL, *flags)
    assert (code, err) == (0, "")
    folder = (
        tmp_path / "saved_models" / "circle-d3-w30-s0-my_seekers.Smallest-0.2-epochs=1-samples=500"
    )
    smallest = Mask.load(folder / "masks.npz")
    assert run("seek", *SMALL, "--pruner=magnitude", "--density=0.8")[0] == 0
    largest = Mask.load(next(tmp_path.glob("saved_models/*magnitude*")) / "masks.npz")
    assert smallest.kept + largest.kept == smallest.size
    assert not any((a & b).any() for a, b in zip(smallest, largest, strict=True))


@pytest.mark.slow
def test_the_same_command_gives_the_same_masks_and_metrics(found_run, run_python, tmp_path):
    small = ["--task=circle", "--depth=4", "--width=30", "--samples=500", "--epochs=2"]
    flags = ["--pruner=snip", "--density=0.3", f"--out={tmp_path}"]
    done = run_python("-m", "pns_tf", "seek", *small, *flags, cwd=tmp_path, PYTHONHASHSEED="3")
    assert (done.returncode, done.stderr) == (0, "")
    again = tmp_path / found_run.name
    assert (again / "masks.npz").read_bytes() == (found_run / "masks.npz").read_bytes()
    first, second = (
        json.loads((folder / "ticket.json").read_text(encoding="utf-8"))
        for folder in (found_run, again)
    )
    assert first["metrics"] == second["metrics"]
    assert first["history"] == second["history"]


@pytest.mark.slow
def test_a_short_training_is_long_enough_for_tfmot(run, tmp_path):
    flags = ["--pruner=tfmot", "--density=0.25", "--batch_size=100"]  # five steps
    assert run("seek", *SMALL, *flags, f"--out={tmp_path}")[0] == 0
    (folder,) = tmp_path.iterdir()
    masks = Mask.load(folder / "masks.npz")
    assert [np.count_nonzero(m) for m in masks] == [max(round(0.25 * m.size), 1) for m in masks]


def test_folders_are_named_by_what_is_not_the_default():
    def name(*pruner, planted_seed=0, **settings):
        return found_name("run", SeekSettings(*pruner, **settings), planted_seed)

    assert name("snip") == "run-snip-0.1"
    assert name("snip", 0.05, rounds=10, scope="local") == "run-snip-0.05-rounds=10-scope=local"
    assert name("snip", seed=3) == "run-snip-0.1-seed=3"
    assert name("snip", seed=3, planted_seed=3, samples=500, noise=0.5) == "run-snip-0.1"
    assert name("edge_popup", options={"anneal": True, "epochs": 3}, epochs=5) == (
        "run-edge_popup-anneal-epochs=3-0.1-epochs=5"
    )
    assert name("a.b:Own", options={"path": "x/y z"}) == "run-a.b.Own-path=x_y_z-0.1"


def test_pruners_lists_papers_and_options(run):
    code, out, err = run("pruners")
    assert (code, err) == (0, "")
    parts = re.split(r"\n(?=\S)", out)
    listed = {part.split("\n")[0]: part for part in parts}
    assert list(listed)[: len(pruners.names())] == pruners.names()
    for name in pruners.names():
        assert "arXiv" in listed[name]
        assert "options: " in listed[name]
    assert "options: temperature=200.0" in listed["grasp"]
    assert "anneal=False" in listed["edge_popup"]
    assert "options: none" in listed["synflow"]


@pytest.mark.slow
def test_a_reader_that_has_gone_is_no_error(run_python, tmp_path):
    program = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'pns_tf', 'seek', '--help']\n"
        "process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "process.stdout.close()\n"
        "print(repr(process.stderr.read()))\n"
    )
    done = run_python("-c", program, cwd=tmp_path)
    assert done.stdout == "b''\n", done.stdout + done.stderr
