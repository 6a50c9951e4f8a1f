"""The road of figure 5 on the command line, with real images: seek, plant, seek again."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from test_images import DATA_DIR, needs_cifar
from tflite_runner import run_tflite

from pns_tf.commands.figure5 import figure5
from pns_tf.experiments.vgg import figure5_runs
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import host_arrays
from pns_tf.hosts.vgg import vgg_host
from pns_tf.hosts.vgg_plans import ImageHost
from pns_tf.images import load_images
from pns_tf.masks import Mask
from pns_tf.measuring.metrics import accuracy
from pns_tf.saving.exporting import load_planted, server_of
from pns_tf.saving.image_runs import load_trained
from tasks import InputError

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

SEEK = ["seek", "--host=vgg11", "--width_multiplier=0.05", "--samples=100", "--density=0.1"]
SHORT = ["--rounds=2", "--round_epochs=1", "--epochs=1", f"--data_dir={DATA_DIR}"]
FOUND = "vgg11-cifar10-w0.05-s0-synflow-0.1-rounds=2-round_epochs=1-epochs=1"


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return load_images("cifar10", str(DATA_DIR), samples=50).x_test


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A folder with a found ticket and the host it is planted in."""
    from pns_tf.commands import main

    out = tmp_path_factory.mktemp("saved_models")
    main([*SEEK, *SHORT, "--tflite", f"--out={out}"])
    main(["plant", "--host=vgg11", f"--ticket={out / FOUND}", SHORT[-1], f"--out={out}"])
    return out


@pytest.fixture(scope="module")
def planted_run(out) -> Path:
    return out / "vgg11-cifar10-w0.05-s0-planted"


@pytest.mark.slow
@needs_cifar
def test_a_found_ticket_is_exported_compacted_and_full(out, images):
    trained = load_trained(out / FOUND)
    expected = forward(trained)(images)
    served = tf.saved_model.load(str(out / FOUND / "trained")).serve(images)
    np.testing.assert_allclose(served, expected, rtol=1e-4, atol=1e-5)
    lite = run_tflite((out / FOUND / "trained.tflite").read_bytes(), images[:5])
    np.testing.assert_allclose(lite, expected[:5], rtol=1e-3, atol=1e-4)
    record = json.loads((out / FOUND / "ticket.json").read_text())
    assert record["samples"] == 100
    data = load_images("cifar10", str(DATA_DIR), samples=100)
    judged = accuracy(forward(trained)(data.x_validation), data.y_validation)
    assert record["validation"] == [pytest.approx(judged)]  # of its one epoch
    assert record["metrics"]["density_kept"] == pytest.approx(0.1, abs=1e-3)
    assert record["host"]["plan"] == "vgg11"
    assert not list(out.glob(".*"))  # no checkpoint is left


@pytest.mark.slow
@needs_cifar
def test_the_planted_ticket_computes_the_trained_one(out, planted_run, images):
    expected = forward(load_trained(out / FOUND))(images)
    served = tf.saved_model.load(str(planted_run / "ticket")).serve(images)
    assert np.abs(served - expected).max() <= 1e-3 * np.abs(expected).max()
    lite = run_tflite((planted_run / "ticket.tflite").read_bytes(), images[:5])
    assert np.abs(lite - expected[:5]).max() <= 1e-3 * np.abs(expected).max()


@pytest.mark.slow
@needs_cifar
def test_the_planted_tickets_size_and_latency_stand_beside_the_hosts(planted_run):
    record = json.loads((planted_run / "ticket.json").read_text())
    host, ticket = record["deployment"]["host"], record["deployment"]["ticket"]
    assert ticket["bytes"] == (planted_run / "ticket.tflite").stat().st_size < host["bytes"]
    assert ticket["parameters"] < host["parameters"]
    assert ticket["milliseconds"] > 0


@pytest.mark.slow
@needs_cifar
def test_a_planted_run_is_read_back(planted_run, images):
    again = load_planted(planted_run)
    ticket = tf.saved_model.load(str(planted_run / "ticket")).serve(images)
    outputs = forward(again.ticket)(images) / again.scales
    np.testing.assert_allclose(outputs, ticket, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(again.target(images), ticket, rtol=1e-3, atol=1e-4)
    assert again.planted_masks == Mask.load(planted_run / "masks.npz")
    found = vgg_host("vgg11", width_multiplier=0.05, seed=0)  # where the ticket was found
    assert not np.array_equal(host_arrays(found)[0][0], host_arrays(again.host)[0][0])


@pytest.mark.slow
@needs_cifar
def test_edge_popup_seeks_in_a_planted_run_on_the_command_line(planted_run, run):
    flags = ["--pruner=edge_popup", "--density=0.5", "--epochs=0", "--samples=50", "--anneal"]
    options = "--options={epochs: 2, levels: 2}"
    out = f"--out={planted_run.parent}"
    code, said, _ = run("seek", f"--planted={planted_run}", *flags, options, SHORT[-1], out)
    assert code == 0
    assert "planted ticket" in said
    assert "recall" in said
    (folder,) = planted_run.parent.glob("*planted-edge_popup*")
    record = json.loads((folder / "ticket.json").read_text())
    assert record["planted"] == planted_run.name
    assert record["metrics"]["density_kept"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
@needs_cifar
def test_figure_5_runs_once_and_is_drawn(tmp_path):
    from pns_tf.experiments.vgg import reproduce_figure5

    small = {"plan": "vgg11", "width_multiplier": 0.04, "samples": 40, "seeds": 1}
    short = {"epochs": 1, "round_epochs": 1, "rounds": 1}
    settings = {**small, **short, "pruners": ("synflow",), "densities": (0.2,)}
    folder = reproduce_figure5(tmp_path, **settings, data_dir=str(DATA_DIR))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    assert len(before) == 2 * 2
    reproduce_figure5(tmp_path, **settings, data_dir=str(DATA_DIR))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == before
    assert {path.name for path in folder.iterdir()} >= {"runs.csv", "summary.md", "performance.png"}
    summary = (folder / "summary.md").read_text()
    assert "weak tickets, multishot" in summary
    assert "edge_popup, anneal" in summary


# What cannot work is said at once


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["seek", "--host=vgg12"], "unknown host 'vgg12': choose from vgg11"),
        (["seek", "--host=vgg16", "--density=baseline"], "density must be a number with --host"),
        (["seek", "--host=vgg16", "--depth=3"], "leave out --depth: --host says it already, got 3"),
        (["seek", "--host=vgg16", "--width_multiplier=0"], "width_multiplier must be a number"),
        (
            ["seek", "--host=vgg16", "--strategy=tpu"],
            "unknown strategy 'tpu': choose from mirrored",
        ),
        (["seek", "--host=vgg16", "--data_dir=nowhere"], "data_dir must be a folder"),
        (["seek", "--host=vgg16", "--augmented=2"], "augmented must be True or False, got 2"),
        (["seek", "--augmented"], "--augmented needs a network on images, got True"),
        (["plant", "--host=vgg16"], "planted with --host and --ticket together"),
        (["plant", "--host=vgg16", "--ticket=nowhere"], "is no ticket found in a VGG host"),
        (["plant", "--data_dir=x"], "--data_dir needs --host and --ticket, got 'x'"),
        (["plant", "--host=vgg16", "--ticket=x", "--depth=4"], "leave out --depth: --ticket says"),
    ],
)
def test_commands_refuse_what_cannot_work(refused, argv, complaint):
    assert complaint in refused(*argv)


# Servers


def test_a_dense_host_is_served_whole():
    host = vgg_host((4, "M", 6), (4, 4, 3), classes=2)
    x = np.random.default_rng(0).uniform(-1, 1, (3, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(server_of(host).serve(x), host(x), rtol=1e-5, atol=1e-6)
    assert [kernel.shape for kernel in server_of(host).kernels] == [
        kernel.shape for kernel in host_arrays(host)[0]
    ]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"width_multiplier": -1}, "width_multiplier must be a number above 0, got -1"),
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"samples": 3}, "samples must be an integer of at least 10, got 3"),
        ({"pruners": ["synflw"]}, r"unknown pruner 'synflw': .*did you mean 'synflow'"),
        ({"densities": [2]}, "density must be a number above 0 and at most 1, got 2"),
        ({"data_dir": "nowhere"}, "data_dir must be a folder"),
    ],
)
def test_figure_5_refuses_what_cannot_work(settings, complaint, tmp_path):
    with pytest.raises(InputError, match=complaint):
        figure5(tmp_path, **settings)


def test_figure_5_seeks_everywhere_after_the_ticket_that_is_planted():
    host = ImageHost("vgg16", "cifar10", (32, 32, 3), 10)
    runs = figure5_runs(host, samples=50_000, seeds=2)
    assert len(runs) == len({run.name for run in runs}) == 2 * (5 * 5 + 5)
    for number, run in enumerate(runs):
        if run.ticket is not None:
            (ticket,) = [other for other in runs[:number] if other.name == run.ticket]
            search = ticket.search
            assert (search.pruner, search.density, search.seed) == (
                "synflow",
                0.01,
                run.search.seed,
            )
            assert run.search.options == {"anneal": True, "epochs": 10, "levels": 5}
