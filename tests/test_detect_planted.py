"""Attacks on runs on disk: what attackers see of the very host that somebody planted in."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from pns_tf.detection import on_disk
from pns_tf.detection.attack import attack_table
from pns_tf.detection.on_disk import OnDisk, run_table
from pns_tf.detection.settings import Attack
from pns_tf.recipe.constructing import Constructing
from pns_tf.saving.storage import read_planted_record

SMALL = ["--task=relu", "--depth=3", "--width=20", "--samples=100"]


@pytest.fixture(scope="module")
def planted(made_once):
    return made_once("detect_planted", "plant", *SMALL, "--hide=strong", "--seed=3")


@pytest.fixture(scope="module")
def constructed(made_once):
    return made_once("detect_constructed", "construct", *SMALL, "--copies=4")


def test_a_run_on_disk_is_attacked_like_the_same_host_drawn_anew(planted):
    drawn = attack_table(Attack("relu", 3, 20, "strong", hosts=1, study=4, seed=3))
    rows = run_table(OnDisk(planted, study=4, seed=4))  # both study the seeds 4 to 7
    assert set(rows["planting"]) == {planted.name}
    assert list(rows.columns) == list(drawn.columns)
    same = ["task", "depth", "width", "init", "host", "parameters", "ticket", "written"]
    same += ["attacker", "auc", "auc_within", "precision"]
    # What the classifier studies follows from the seed of the first host.
    both = [table[table["attacker"] != "classifier"][same] for table in (rows, drawn)]
    pd.testing.assert_frame_equal(*both)


def test_the_hosts_that_are_studied_differ_in_the_seed_alone(planted, constructed):
    def seeds(folder, **settings):
        attack = OnDisk(folder, **settings)
        return list(on_disk._studied(attack, attack.recipe))

    few, more = seeds(planted, study=2, seed=2), seeds(planted, study=3, seed=1)
    for one, other in zip(few, more[1:], strict=True):  # 2 and 4, after 1: the run's own is 3
        np.testing.assert_array_equal(one.kernels[0], other.kernels[0])
    recipe = OnDisk(constructed).recipe
    assert isinstance(recipe, Constructing)
    assert (recipe.depth, recipe.host.record["depth"], recipe.copies) == (3, 4, 4)
    (host, _) = seeds(constructed, study=2, seed=1)
    assert [kernel.shape for kernel in host.kernels] == [(1, 20), (20, 20), (20, 1)]
    assert 3 <= sum(int(mask.sum()) for mask in host.planted) <= 5


@pytest.mark.slow
def test_detect_prints_and_keeps_what_is_seen_of_a_run(run, constructed, tmp_path):
    out = tmp_path / "d"
    flags = [f"--planted={constructed}", "--study=4", f"--out={out}"]
    code, said, err = run("detect", *flags)
    assert (code, err) == (0, "")
    assert constructed.name in said
    assert re.search(r"relu +4 +20 +exact values +\d\.\d\d / \d\.\d\d / \d\.\d\d", said)
    assert "nan" not in said.split("strongest attackers")[1]
    assert {path.name for path in out.iterdir()} == {
        *("runs", "runs.csv", "summary.csv", "detection.png"),
    }
    rows = pd.read_csv(out / "runs.csv")
    assert set(rows["written"]) == {0}
    assert set(rows["host"]) == {read_planted_record(constructed)["seed"]}
    (kept,) = (out / "runs").iterdir()
    kept.write_text(kept.read_text().replace("classifier", "somebody else"))
    assert "somebody else" in run("detect", *flags)[1]  # a finished attack is not repeated


def test_another_run_of_the_same_name_is_another_attack(tmp_path, planted):
    record = read_planted_record(planted)
    names = []
    for written in (1, 2):
        text = json.dumps({**record, "parameters_written": written})
        (tmp_path / "ticket.json").write_text(text)
        names.append(OnDisk(tmp_path).name)
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "flag",
    [
        *("--task=relu", "--depth=4", "--width=30", "--planting=strong", "--hosts=2"),
        *("--epsilon=0.1", "--init=uniform"),
    ],
)
def test_what_the_run_says_already_is_refused(refused, planted, flag):
    line = refused("detect", f"--planted={planted}", flag)
    assert f"leave out {flag.split('=')[0]}: --planted says it already" in line


def test_what_is_no_run_or_one_of_images_is_refused(refused, found_run, planted, tmp_path):
    assert "planted must be a folder that plant or construct wrote" in refused(
        "detect", "--planted"
    )
    assert "nowhere is no planted run" in refused("detect", "--planted=nowhere")
    assert f"{found_run} is no planted run" in refused("detect", f"--planted={found_run}")
    line = refused("detect", f"--planted={planted}", "--study=1")
    assert "study must be an integer of at least 2, got 1" in line
    host = {"plan": "resnet8", "dataset": "cifar10", "width_multiplier": 0.5}
    host |= {"shape": [32, 32, 3], "classes": 10}
    folder = tmp_path / "images"
    folder.mkdir()
    record = {**read_planted_record(planted), "task": None, "host": host}
    (folder / "ticket.json").write_text(json.dumps(record))
    line = refused("detect", f"--planted={folder}")
    assert re.search(r"attacks fully connected hosts .*images: a trained ticket in resnet8", line)
