"""What ``plant`` leaves behind: networks for anyone's TensorFlow, masks, and a full record."""

import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf

import pns_tf
import tasks
from pns_tf.hosts.models import host_arrays
from pns_tf.masks import Mask
from pns_tf.saving.exporting import load_planted
from tasks import InputError

X = np.linspace(-1, 1, 201, dtype=np.float32)[:, None]


@pytest.fixture(scope="module")
def planted():
    """The same planted host, made anew."""
    return pns_tf.plant("helix")


def test_a_run_holds_everything_the_readme_lists(helix_run):
    assert sorted(path.name for path in helix_run.iterdir()) == [
        "data.png",
        "host",
        "masks.npz",
        "tensorboard",
        "ticket",
        "ticket.json",
        "ticket.png",
    ]
    for name in ("data.png", "ticket.png"):
        assert (helix_run / name).read_bytes().startswith(b"\x89PNG")


def test_the_exported_ticket_computes_the_target(helix_run):
    ticket = tf.saved_model.load(str(helix_run / "ticket"))
    np.testing.assert_allclose(ticket.serve(X), tasks.get("helix").target(5)(X), atol=1e-4)


def test_the_exported_networks_compute_what_the_models_do(helix_run, planted):
    host, ticket = (tf.saved_model.load(str(helix_run / name)) for name in ("host", "ticket"))
    np.testing.assert_allclose(host.serve(X), planted.host(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ticket.serve(X), planted.ticket(X) / planted.scales, atol=1e-5)


def test_the_networks_load_and_serve_in_one_line(helix_run):
    """A function taken off a SavedModel does not keep the model's variables alive by itself."""
    for name in ("host", "ticket"):
        assert tf.saved_model.load(str(helix_run / name)).serve(X).shape == (201, 3)


def test_tf_serving_finds_its_signature(helix_run):
    ticket = tf.saved_model.load(str(helix_run / "ticket"))
    served = ticket.signatures["serving_default"](x=tf.constant(X))
    np.testing.assert_array_equal(served["output_0"], ticket.serve(X))


def test_float64_and_lists_are_served_too(helix_run):
    ticket = tf.saved_model.load(str(helix_run / "ticket"))
    np.testing.assert_array_equal(ticket.serve(X.astype(np.float64)), ticket.serve(X))
    np.testing.assert_array_equal(ticket.serve(X.tolist()), ticket.serve(X))


@pytest.mark.slow
def test_the_networks_load_where_pns_tf_cannot_be_imported(helix_run, serve_elsewhere):
    networks = [helix_run / "host", helix_run / "ticket"]
    for network, outputs in zip(networks, serve_elsewhere(networks, X), strict=True):
        np.testing.assert_array_equal(outputs, tf.saved_model.load(str(network)).serve(X))


def test_the_record_says_what_made_the_ticket(helix_run, planted):
    record = json.loads((helix_run / "ticket.json").read_text(encoding="utf-8"))
    sizes = [1, 100, 100, 100, 3]
    expected = {
        "task": "helix",
        "depth": 5,
        "width": 100,
        "seed": 0,
        "init": "normal",
        "hide_biases": False,
        "samples": 10_000,
        "noise": 0.01,
        "layer_sizes": sizes,
        "target_sizes": [1, 1, 30, 3, 3],
        "density": 95 / sum(a * b for a, b in pairwise(sizes)),
        "density_with_biases": planted.planted_masks.density,
        "scales": planted.scales.tolist(),
        "metric": "MSE",
    }
    assert {key: record[key] for key in expected} == expected
    assert sum(record["planted_weights"]) == 95
    assert record["metrics"]["ticket"] <= 2e-4
    assert record["metrics"]["ticket"] == pytest.approx(record["metrics"]["target"], rel=1e-3)
    assert record["metrics"]["host"] > 0.05
    assert record["versions"]["tensorflow"] == tf.__version__
    assert record["versions"]["pns_tf"] == pns_tf.__version__


def test_the_masks_file_holds_the_planted_masks(helix_run, planted):
    assert Mask.load(helix_run / "masks.npz") == planted.planted_masks


@pytest.mark.slow
def test_the_same_seed_gives_equal_files_in_another_process(helix_run, run_python, tmp_path):
    arguments = ["-m", "pns_tf", "plant", "--task=helix", f"--out={tmp_path}"]
    done = run_python(*arguments, cwd=tmp_path, PYTHONHASHSEED="7")
    assert (done.returncode, done.stderr) == (0, "")  # without TensorFlow's start-up notes, too
    other = tmp_path / helix_run.name
    assert (other / "masks.npz").read_bytes() == (helix_run / "masks.npz").read_bytes()
    assert (other / "ticket.json").read_bytes() == (helix_run / "ticket.json").read_bytes()
    for name in ("host", "ticket"):
        a, b = (tf.saved_model.load(str(run / name)).serve(X) for run in (helix_run, other))
        np.testing.assert_array_equal(a, b)


def test_an_exported_run_is_read_back_bit_for_bit(helix_run, planted):
    again = load_planted(helix_run)
    for name in ("host", "ticket"):
        for a, b in zip(
            host_arrays(getattr(again, name)), host_arrays(getattr(planted, name)), strict=True
        ):
            for x, y in zip(a, b, strict=True):
                assert x.tobytes() == y.tobytes()
        np.testing.assert_array_equal(getattr(again, name)(X), getattr(planted, name)(X))
    assert again.planted_masks == planted.planted_masks
    assert again.scales.tobytes() == planted.scales.tobytes()
    for a, b in zip(again.neurons, planted.neurons, strict=True):
        np.testing.assert_array_equal(a, b)
    for name in ("task", "seed", "init", "hide_biases", "depth", "width", "density"):
        assert getattr(again, name) == getattr(planted, name)
    np.testing.assert_array_equal(again.target(X), planted.target(X))


@pytest.mark.parametrize("lost", ["ticket.json", "masks.npz", "host"])
def test_a_run_with_something_missing_is_refused(helix_run, lost, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(helix_run, run)
    (shutil.rmtree if lost == "host" else type(run).unlink)(run / lost)
    with pytest.raises(InputError, match=str(run)):
        load_planted(run)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no planted run: expected a folder with a readable"):
        load_planted(tmp_path / "nothing")
    for record in ('{"task": "helix"}', "[1]", "null", "no JSON"):
        (tmp_path / "ticket.json").write_text(record)
        with pytest.raises(InputError, match="is no planted run"):
            load_planted(tmp_path)
