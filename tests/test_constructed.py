"""What `construct` leaves behind: read by everything that reads planted runs."""

import json

import numpy as np
import pytest

import pns_tf
import tasks
from pns_tf import commands
from pns_tf.checks import InputError
from pns_tf.constructing.constructed import construct
from pns_tf.constructing.untouched import Untouched
from pns_tf.detection.attack import planted_host
from pns_tf.detection.settings import Attack
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.models import host_arrays
from pns_tf.measuring.evaluation import evaluate_strong
from pns_tf.recipe.constructing import Constructing
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs.execute import planted_of

FLAGS = ["--task=relu", "--depth=3", "--width=20", "--samples=200"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("constructed")
    commands.main(["construct", *FLAGS, f"--out={out}"])
    (folder,) = out.iterdir()
    return folder


def test_the_folder_has_what_plant_leaves(run):
    assert run.name.startswith("relu-d4-w20-s0-constructed")
    names = {path.name for path in run.iterdir()}
    assert names == {
        *("host", "ticket", "masks.npz", "ticket.json", "data.png", "ticket.png", "tensorboard")
    }
    record = json.loads((run / "ticket.json").read_text(encoding="utf-8"))
    assert record["parameters_written"] == 0
    assert record["construction"]["kept"] == 3
    assert record["construction"]["target_depth"] == 3
    assert record["metrics"]["ticket"] == pytest.approx(record["metrics"]["target"])


def test_the_host_is_the_one_that_plant_draws(run):
    planted = pns_tf.load_planted(run)
    drawn = draw_host([1, 20, 20, 1], seed=0)
    for mine, theirs in zip(host_arrays(planted.host), drawn, strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(mine, theirs, strict=True))


def test_it_is_read_back_as_it_was(run):
    made = pns_tf.construct("relu", 3, 20, samples=200)
    read = pns_tf.load_planted(run)
    assert isinstance(read, pns_tf.Constructed)
    assert read.planted_masks == made.planted_masks
    assert read.certificate == made.certificate
    assert read.target.depth == 3
    assert "Constructed" in repr(read)


@pytest.mark.slow
def test_tensorflow_alone_computes_the_target_from_the_exported_ticket(run, serve_elsewhere):
    x = np.linspace(-1, 1, 101, dtype=np.float32)[:, None]
    (served,) = serve_elsewhere([run / "ticket"], x)
    assert np.abs(served - np.maximum(x, 0)).max() < 1e-3


@pytest.mark.slow
def test_seek_and_instance_take_it(run, tmp_path):
    found = tmp_path / "found"
    commands.main(
        [
            *("seek", f"--planted={run}", "--pruner=magnitude", "--density=0.1", "--epochs=0"),
            f"--out={found}",
        ]
    )
    (record,) = found.glob("*/ticket.json")
    metrics = json.loads(record.read_text(encoding="utf-8"))["metrics"]
    assert metrics["planted"] < 2e-4
    made = tmp_path / "instance"
    commands.main(["instance", f"--planted={run}", f"--out={made}", "--answers"])
    with np.load(made / "host.npz") as host:
        assert host["kernel1"].tobytes() == draw_host([1, 20, 20, 1], seed=0)[0][1].tobytes()


def test_a_host_and_a_target_of_ones_own():
    rng = np.random.default_rng(0)
    target = tasks.Target([rng.normal(size=(2, 2)), np.ones((2, 1))], [np.zeros(2), np.zeros(1)])
    kernels, biases = draw_host([2, 80, 80, 1], seed=3)
    made = pns_tf.construct(target, host=(kernels, biases), tolerance=0.02)
    x = rng.uniform(-1, 1, (500, 2)).astype(np.float32)
    off = np.asarray(made.ticket(x)) / made.scales - target(x)
    assert np.abs(off).max() <= made.certificate.proven + 1e-6
    assert made.certificate.mean_square < 2 * 0.02**2 * np.mean(target(x) ** 2)
    assert made.init == "given"


@pytest.mark.slow
def test_a_circle_ticket_is_as_good_as_its_target_and_small():
    made = pns_tf.construct("circle", width=400, seed=1)
    data = made.task.data(50_000, seed=99)
    strength = evaluate_strong(
        lambda x: np.asarray(made.ticket(x)) / made.scales, made.task.kind, data
    )
    assert strength.metric > 0.96
    assert made.planted_masks.kept < 10 * made.target.nonzero_weights
    assert made.certificate.measured <= made.certificate.proven


def test_detect_takes_hosts_that_nobody_wrote_into():
    attack = Attack("relu", depth=4, width=20, planting="constructed")
    host, written = planted_host(attack, seed=5)
    assert written == 0
    assert 3 <= sum(int(mask.sum()) for mask in host.planted) <= 5
    for mine, drawn in zip(host.kernels, draw_host([1, 20, 20, 1], seed=5)[0], strict=True):
        assert mine.tobytes() == drawn.tobytes()
    with pytest.raises(InputError, match="depth must be an integer of at least 4, got 3"):
        Attack("relu", depth=3, planting="constructed")
    with pytest.raises(InputError, match=r"width 25 is too small: .* at least width 28 is needed"):
        Attack("circle", width=25, planting="constructed")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--host_depth=3"], "host_depth must be at least 4, got 3"),
        (["--width=5"], "at least width 9"),
        (["--width=20,5"], "width 5 is too small"),  # before the host of width 20 is drawn
        (["--host_depth=4,3"], "host_depth must be at least 4, got 3"),
        (["--init=normal,zero_biases", "--task=helix", "--width=99"], "init=zero_biases"),
        (["--seed=0,x"], "seed must be an integer of at least 0, got 'x'"),
        (["--copies=999"], "copies=999 makes"),
        (["--init=zero_biases", "--task=helix", "--width=99"], "init=zero_biases"),
        (["--tolerance=big"], "tolerance must be a number above 0, got 'big'"),
        (["--task=square"], "unknown task 'square'"),
        (["--shrink=3"], "shrink must be True or False, got 3"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(flags, message, tmp_path, capsys):
    changed = {flag.partition("=")[0] for flag in flags}
    kept = [flag for flag in FLAGS if flag.partition("=")[0] not in changed]
    with pytest.raises(SystemExit, match="2"):
        commands.main(["construct", *kept, *flags, f"--out={tmp_path}"])
    said = capsys.readouterr().err.strip()
    assert message in said
    assert said.count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_names_say_what_is_not_the_default():
    assert Constructing("relu", width=50, copies=4).name == "relu-d6-w50-s0-constructed-copies=4"
    assert Constructing("relu", 3, 7).name == "relu-d7-w1000-s0-constructed-depth=3"


def test_runs_in_an_untouched_host_have_the_constructed_ticket():
    host = Untouched("relu", depth=4, width=30)
    planting = Planting(host, seed=3)
    ticket, made = planted_of(planting), construct("relu", depth=3, width=30, seed=3)
    assert ticket.written == 0
    assert ticket.planted_masks == made.planted_masks == host.planted_mask(planting)
    run = Run(host, SeekSettings("snip", 0.5))
    assert Run.from_record(run.settings | {"run": run.name}) == run
    assert run.name != Run(FullyConnected("relu", 4, 30), run.search).name
    assert run.folder.startswith("relu-d4-w30-s0-constructed-snip-0.5")
    with pytest.raises(InputError, match="width 5 is too small"):
        Untouched("circle", depth=6, width=5).check_buildable()
