"""What ``seek`` leaves behind: the found ticket for anyone's TensorFlow, masks, and a record."""

import json

import numpy as np
import pytest
import tensorflow as tf

import pns_tf
import tasks
from pns_tf.hosts.models import host_from_arrays
from pns_tf.hosts.paths import effective_mask
from pns_tf.masks import Mask
from pns_tf.measuring.recovery import mask_metrics


@pytest.fixture(params=["found_run", "popup_run"])
def folder(request):
    return request.getfixturevalue(request.param)


def record_of(folder):
    return json.loads((folder / "ticket.json").read_text(encoding="utf-8"))


def weights(network):
    return network.serve.kernels, network.serve.biases


@pytest.mark.slow
def test_a_run_holds_models_masks_record_pictures_and_a_log(found_run, popup_run):
    files = {
        "masks.npz",
        "overlap.png",
        "planted_masks.npz",
        "pruned",
        "tensorboard",
        "ticket.json",
        "ticket.png",
        "trained",
        "trained.npz",
        "pruned.npz",
        "architecture.json",
    }
    assert {path.name for path in popup_run.iterdir()} == files
    assert {path.name for path in found_run.iterdir()} == files | {"trained.tflite"}
    for name in ("overlap.png", "ticket.png"):
        assert (found_run / name).read_bytes().startswith(b"\x89PNG")


def test_the_record_says_what_was_done_and_what_came_of_it(found_run):
    record = record_of(found_run)
    expected = {
        "planted": "circle-d4-w30-s0-samples=500",
        "task": "circle",
        "depth": 4,
        "width": 30,
        "planted_seed": 0,
        "init": "normal",
        "hide": "default",
        "hide_biases": False,
        "epsilon": None,
        "layer_sizes": [2, 30, 30, 4],
        "pruner": "snip",
        "density": 0.3,
        "rounds": 1,
        "round_epochs": 5,
        "epochs": 2,
        "prune_rounds": 1,
        "schedule": "exponential",
        "scope": None,
        "samples": 500,
        "noise": 0.01,
        "learning_rate": 1e-3,
        "batch_size": 32,
        "seed": 0,
        "options": {},
        "metric": "accuracy",
    }
    assert {key: record[key] for key in expected} == expected
    assert set(record) == {
        *expected,
        "metrics",
        "history",
        "validation",
        "seconds",
        "versions",
        "weak_from",
        "optimizer",
        "schedule_lr",
        "tflite_bytes",
        "scales",
        "search_epochs",
        "trained_by_search",
        "augmented",
    }
    assert len(record["history"]) == 2
    assert set(record["seconds"]) == {"pruning", "training"}
    assert record["versions"]["tensorflow"] == tf.__version__


def test_the_record_of_edge_popup_holds_its_options_and_both_losses(popup_run):
    record = record_of(popup_run)
    assert record["options"] == {"epochs": 2, "anneal": True}
    assert len(record["history"]) == 2 + 1
    assert record["metric"] == "MSE"


def test_the_metrics_follow_from_the_masks(folder):
    record = record_of(folder)
    masks, planted = Mask.load(folder / "masks.npz"), Mask.load(folder / "planted_masks.npz")
    task = record["task"]
    assert planted == pns_tf.plant(task, record["depth"], record["width"]).planted_masks
    computed = mask_metrics(planted, masks)
    assert {key: record["metrics"][key] for key in computed} == computed
    assert record["metrics"]["effective_density"] == effective_mask(masks).kept / masks.size


@pytest.mark.slow
def test_the_networks_give_the_metrics_where_pns_tf_cannot_be_imported(folder, serve_elsewhere):
    record = record_of(folder)
    task = tasks.get(record["task"])
    data = task.data(record["samples"], record["noise"], record["planted_seed"])
    networks = [folder / "pruned", folder / "trained"]
    served = serve_elsewhere(networks, np.concatenate([data.x_train, data.x_test]))
    for outputs, metric in zip(served, ("strong", "final"), strict=True):
        y_train, y_test = np.split(outputs, [len(data.x_train)])
        value = task.kind.measure(y_train, data.y_train, y_test, data.y_test)
        assert value == pytest.approx(record["metrics"][metric], rel=1e-5)


def test_the_networks_hold_the_ticket_and_zeros(folder):
    masks = Mask.load(folder / "masks.npz")
    record = record_of(folder)
    planted = pns_tf.plant(record["task"], record["depth"], record["width"])
    pruned, trained = (tf.saved_model.load(str(folder / name)) for name in ("pruned", "trained"))
    for network in (pruned, trained):
        for parts, parts_masks in zip(weights(network), (masks.kernels, masks.biases), strict=True):
            for values, mask in zip(parts, parts_masks, strict=True):
                assert not values.numpy()[~mask].any()
    for kernel, layer, mask in zip(
        weights(pruned)[0], planted.host.layers[1:], masks.kernels, strict=True
    ):
        np.testing.assert_array_equal(kernel.numpy(), layer.kernel.numpy() * mask)


def test_parameters_off_every_path_do_not_matter(found_run):
    masks = Mask.load(found_run / "masks.npz")
    kernels, biases = weights(tf.saved_model.load(str(found_run / "trained")))
    effective = effective_mask(masks)
    x = tasks.get("circle").data(100).x_train
    arrays = [[v.numpy() for v in kernels], [v.numpy() for v in biases]]
    whole, part = (
        host_from_arrays(*arrays, m.kernels, m.biases)(x).numpy() for m in (masks, effective)
    )
    # What is left out may shift the outputs, but never by the input.
    np.testing.assert_allclose(whole - part, np.tile((whole - part)[:1], (len(x), 1)), atol=1e-5)
