"""Saved tickets compute what their record says, in odd cases too, and are read back whole."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

import pns_tf
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION

L = keras.layers
SMALL = {"epochs": 1, "samples": 400}


def served(folder, name, x):
    return tf.saved_model.load(str(folder / name)).serve(x).numpy()


def saved_twice(found, folder):
    """The records of a ticket, and of the same read back and saved again."""
    first = found.save(folder / "first")
    again = pns_tf.load_found(folder / "first")
    return first, again, again.save(folder / "second")


def data_of(inputs=3, outputs=2):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, inputs)).astype(np.float32)
    y = rng.normal(size=(80, outputs)).astype(np.float32)
    return Data(x[:60], y[:60], x[60:], y[60:])


@pytest.mark.slow
def test_a_relu_before_the_first_weights_is_saved(tmp_path):
    model = keras.Sequential([keras.Input((3,)), L.ReLU(), L.Dense(6, "relu"), L.Dense(2)])
    data = data_of()
    found = pns_tf.seek(model, "magnitude", 0.9, data=data, epochs=1)
    found.save(tmp_path / "found")
    x = -np.abs(data.x_test)
    assert np.ptp(found.model(x), axis=0).max() == 0  # the ReLU lets nothing through
    np.testing.assert_allclose(served(tmp_path / "found", "trained", x), found.model(x), atol=1e-6)


@pytest.mark.slow
def test_outputs_that_are_best_left_out_stay_out(tmp_path):
    planted = pns_tf.plant("helix", depth=3, width=35)
    found = pns_tf.seek(planted, "random", 0.02, **SMALL)
    assert np.isinf(found.scales).any()
    first, again, second = saved_twice(found, tmp_path)
    np.testing.assert_array_equal(again.scales, found.scales)
    assert again.scales.dtype == np.float64
    x = planted.data(400).x_test
    for name in ("first", "second"):
        outputs = served(tmp_path / name, "pruned", x)
        np.testing.assert_array_equal(outputs[:, np.isinf(found.scales)], 0)
    assert second["scales"] == first["scales"]


@pytest.mark.slow
def test_strong_and_final_can_be_had_from_what_is_saved(tmp_path):
    planted = pns_tf.plant("relu", depth=3, width=20)
    found = pns_tf.seek(planted, "magnitude", 0.5, **SMALL)
    record, again, _ = saved_twice(found, tmp_path)
    data = planted.data(400)
    for name, metric, scales in (
        ("pruned", "strong", 1.0),
        ("trained", "final", again.final_scales),
    ):
        outputs = served(tmp_path / "first", name, data.x_test) / scales
        assert REGRESSION.judge(outputs, data.y_test) == pytest.approx(record["metrics"][metric])
    assert record["final_scales"] == found.final_scales.tolist()


@pytest.mark.slow
def test_a_head_is_saved_with_the_strong_ticket(tmp_path):
    planted = pns_tf.plant("circle", depth=3, width=30)
    options = {"as_published": True, "epochs": 2}
    found = pns_tf.seek(planted, "edge_popup", 0.4, options=options, **SMALL)
    first, again, second = saved_twice(found, tmp_path)
    assert first["head"] == second["head"] == "softmax"
    data = planted.data(400)
    for name in ("first", "second"):
        outputs = served(tmp_path / name, "pruned", data.x_test)
        accuracy = CLASSIFICATION.judge(outputs, data.y_test)
        assert accuracy == pytest.approx(found.metrics["strong"])
    # Two epochs of the search, one of the training.
    assert again.curves == found.curves
    assert {name: len(losses) for name, losses in again.curves.items()} == {
        "loss/search": 2,
        "loss/training": 1,
    }


@pytest.mark.slow
def test_a_planted_run_is_read_back_with_its_data(tmp_path, run):
    size = ["--task=circle", "--depth=3", "--width=30"]
    flags = [*size, "--noise=0.3", "--samples=200", f"--out={tmp_path}"]
    assert run("plant", *flags)[0] == 0
    (folder,) = tmp_path.iterdir()
    planted = pns_tf.load_planted(folder)
    again, other = planted.data(), pns_tf.plant("circle", depth=3, width=30).data(200)
    np.testing.assert_array_equal(again.x_train, other.x_train)
    assert np.mean(again.y_train != other.y_train) > 0.1  # the noise is another
    found = pns_tf.seek(planted, "magnitude", 0.3, epochs=1)
    assert (found.settings.samples, found.settings.noise) == (200, 0.3)


def test_a_planted_run_of_the_usual_number_of_samples_has_it_again(tmp_path, run):
    size = ["--task=relu", "--depth=3", "--width=5", "--samples=None"]
    assert run("plant", *size, f"--out={tmp_path}")[0] == 0
    (folder,) = tmp_path.iterdir()
    assert len(pns_tf.load_planted(folder).data().x_train) == 9000


@pytest.mark.slow
def test_who_trained_the_ticket_is_read_back(tmp_path):
    found = pns_tf.seek(pns_tf.plant("relu", depth=3, width=20), "rigl", 0.3, **SMALL)
    first, again, second = saved_twice(found, tmp_path)
    assert first["weak_from"] == second["weak_from"] == "search"
    assert again.curves == found.curves
