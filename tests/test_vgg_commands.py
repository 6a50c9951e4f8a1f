"""The road of figure 5 on the command line, with real images: seek, plant, seek again."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from test_images import DATA_DIR, needs_cifar
from tflite_runner import run_tflite

from pns_tf.experiments.catalog import find
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import host_arrays
from pns_tf.hosts.vgg import vgg_host
from pns_tf.images import load_images
from pns_tf.judging.instance import read_instance
from pns_tf.masks import Mask
from pns_tf.saving.exporting import load_planted, server_of
from pns_tf.saving.trained import load_trained
from pns_tf.tasks.metrics import accuracy

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")

SEEK = ["seek", "--host=vgg11", "--width_multiplier=0.05", "--samples=100", "--density=0.1"]
SHORT = ["--epochs=1", f"--data_dir={DATA_DIR}"]
FOUND = "vgg11-cifar10-w0.05-s0-synflow-0.1-epochs=1-samples=100"


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
def test_a_planted_run_on_images_is_an_instance_that_is_judged(out, tmp_path):
    from pns_tf.commands import main

    fewer = ["--samples=60", f"--out={tmp_path}"]
    main(["plant", "--host=vgg11", f"--ticket={out / FOUND}", *fewer, SHORT[-1]])
    (run,) = (path for path in tmp_path.iterdir() if path.name.startswith("vgg11"))
    instance = tmp_path / "instance"
    made = [f"--planted={run}", "--density=0.1", "--epochs=1", "--answers", f"--out={instance}"]
    main(["instance", *made, SHORT[-1]])
    with np.load(instance / "data.npz") as data:
        x = data["x_train"]
    assert len(x) == 54  # a tenth is held out
    rebuilt = read_instance(instance)
    planted = load_planted(run)
    for name, array in rebuilt.host.items():
        layer, kind = int(name[6:] if name[0] == "k" else name[4:]), name[0]
        np.testing.assert_array_equal(array, host_arrays(planted.host)["kb".index(kind)][layer])
    mine = tmp_path / "masks.npz"
    mine.write_bytes((instance / "planted_masks.npz").read_bytes())
    handed_in = [f"--submission={mine}", f"--out={tmp_path / 'verdicts'}"]
    main(["judge", f"--instance={instance}", *handed_in, SHORT[-1]])
    verdict = json.loads((tmp_path / "verdicts" / "masks" / "verdict.json").read_text())
    (ticket,) = verdict["tickets"]
    assert ticket["recall"] == ticket["precision"] == 1.0
    # The planted ticket's outputs are divided by its own scales, a strong one's by fitted ones.
    assert ticket["planted"] == pytest.approx(ticket["strong"], abs=0.05)


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


SMALL_FIGURE = """
from pns_tf.experiments.experiment import Experiment
from pns_tf.hosts.vgg import Vgg
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings

HOST = Vgg("vgg11", "cifar10", 0.04, shape=(32, 32, 3), classes=10)
WEAK = Run(HOST, SeekSettings("synflow", 0.2, epochs=1, samples=40))
POPUP = {"anneal": True, "epochs": 1, "levels": 1}
SEARCH = SeekSettings("edge_popup", 0.2, epochs=0, options=POPUP, samples=40)
STRONG = Run(HOST, SEARCH, ticket=WEAK)
EXPERIMENT = Experiment("small", "VGG11 on CIFAR-10", [WEAK, STRONG], seeds=1)
"""


@pytest.mark.slow
@needs_cifar
def test_an_experiment_plants_the_trained_ticket_of_another_run(tmp_path, run):
    (tmp_path / "small.py").write_text(SMALL_FIGURE, encoding="utf-8")
    flags = [f"--experiment={tmp_path / 'small.py'}", f"--out={tmp_path}", SHORT[-1]]
    code, said, err = run("reproduce", *flags)
    assert (code, "2 runs, 2 of them new" in said) == (0, True), err
    rows = pd.read_csv(tmp_path / "small" / "runs.csv").set_index("pruner")
    weak, strong = rows.loc["synflow"], rows.loc["edge_popup"]
    assert strong["ticket"] == weak["run"]
    assert strong["planted"] == pytest.approx(weak["final"], abs=0.02)  # judged on 40 images each
    assert np.isnan(weak["planted"])
    assert strong["baseline"] == pytest.approx(0.2, abs=0.02)
    page = (tmp_path / "small" / "index.html").read_text(encoding="utf-8")
    assert "cifar10" in page
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    assert len(before) == 2 * 2
    assert "2 runs, 0 of them new" in run("reproduce", *flags)[1]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == before


# What cannot work is said at once


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["seek", "--host=vgg12"], "unknown host 'vgg12': choose from fully_connected, vgg11"),
        (["seek", "--host=vgg16", "--density=baseline"], "density must be a number with --host"),
        (["seek", "--host=vgg16", "--depth=3"], "--depth does not go with host vgg16, got 3"),
        (
            ["seek", "--dataset=mnist"],
            "--dataset does not go with host fully_connected",
        ),
        (["seek", "--host=vgg16", "--noise=0.1"], "leave out noise: the images of cifar10 stay as"),
        (["seek", "--host=vgg16", "--hide=strong"], "--hide needs a task whose ticket is planted"),
        (["seek", "--host=vgg16", "--width_multiplier=0"], "width_multiplier must be a number"),
        (
            ["seek", "--host=vgg16", "--strategy=tpu"],
            "unknown strategy 'tpu': choose from mirrored",
        ),
        (["seek", "--host=vgg16", "--data_dir=nowhere"], "data_dir must be a folder"),
        (["seek", "--host=vgg16", "--augmented=2"], "augmented must be True or False, got 2"),
        (["seek", "--augmented"], "--augmented needs a network on images, got True"),
        (["plant", "--host=vgg16"], "in vgg16 a trained ticket is planted: --ticket is needed"),
        (["plant", "--host=vgg16", "--ticket=nowhere"], "is no ticket found by seek --host"),
        (["plant", "--data_dir=x"], "data_dir must be a folder with TensorFlow data sets"),
        (["plant", "--data_dir=."], "--data_dir needs a network on images, got '.'"),
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


def test_figure_5_seeks_everywhere_after_the_ticket_that_is_planted():
    runs = find("figure5").runs(2)
    assert len(runs) == len({run.name for run in runs}) == 2 * (5 * 5 + 5)
    for number, run in enumerate(runs):
        if run.ticket is not None:
            assert run.ticket in runs[:number]
            search = run.ticket.search
            assert (search.pruner, search.density, search.seed) == (
                "synflow",
                0.01,
                run.search.seed,
            )
            assert run.search.options == {"anneal": True, "epochs": 10, "levels": 5}


def test_a_part_of_figure_5_still_has_the_ticket_that_it_plants():
    runs = find("figure5").narrowed(pruners=["edge_popup"], densities=[0.5]).runs(1)
    assert [run.search.pruner for run in runs] == ["synflow", "edge_popup"]


def test_figure_5_can_be_made_smaller():
    small = find("figure5").remade(width_multiplier=0.25, epochs=4, samples=2000)
    assert {run.host.width_multiplier for run in small.settings} == {0.25}
    assert {run.search.samples for run in small.settings} == {2000}
    assert {run.search.options["levels"] for run in small.settings if run.ticket} == {4}
