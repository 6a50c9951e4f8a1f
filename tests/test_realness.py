"""Found tickets are real: worth what the record says, and nothing but parameters of the host."""

import json

import numpy as np
import pytest
import tensorflow as tf

import tasks

pytestmark = pytest.mark.slow

SETTINGS = ("--task=circle", "--depth=4", "--width=30", "--samples=800", "--epochs=2", "--seed=1")
QUICK = {
    "pns": "{epochs: 20, swap_rounds: 10}",
    "pns_weak": "{magnitude_rounds: 2, magnitude_epochs: 1, rounds: 2, round_epochs: 1, rewinds: 1,"
    " rewind_epochs: 1, last_epochs: 5, repairs: 0}",
    "hard_concrete": "{epochs: 10}",
    "edge_popup_scaled": "{epochs: 5}",
    "imp": "{}",
    "rigl": "{}",
    "iterative_snip": "{}",
}
DENSITY = 0.15


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Parameters of the host, as they are exported."""
    from pns_tf.commands import main

    out = tmp_path_factory.mktemp("planted")
    main(["plant", *SETTINGS[:3], "--seed=1", f"--out={out}"])
    return exported(out / "circle-d4-w30-s1" / "host")[1]


@pytest.fixture(params=QUICK, scope="module")
def folder(request, tmp_path_factory):
    """What one pruner found."""
    from pns_tf.commands import main

    out = tmp_path_factory.mktemp("found")
    flags = (f"--pruner={request.param}", f"--density={DENSITY}", f"--out={out}")
    main(["seek", *SETTINGS, *flags, f"--options={QUICK[request.param]}"])
    (found,) = out.iterdir()
    return found


def exported(path):
    network = tf.saved_model.load(str(path)).serve
    layers = zip(network.kernels, network.biases, strict=True)
    return network, [variable.numpy() for layer in layers for variable in layer]


def test_the_exported_ticket_is_worth_what_the_record_says(folder):
    metrics = json.loads((folder / "ticket.json").read_text())["metrics"]
    data = tasks.get("circle").data(samples=800, seed=1)
    strong, _ = exported(folder / "pruned")
    judged = np.mean(np.argmax(strong(data.x_test), axis=1) == data.y_test)
    assert judged == pytest.approx(metrics["strong"])
    weak, _ = exported(folder / "trained")
    judged = np.mean(np.argmax(weak(data.x_test), axis=1) == data.y_test)
    assert judged == pytest.approx(metrics["final"])


def test_it_has_as_many_parameters_as_were_asked_for_each_of_them_the_hosts(folder, host):
    _, strong = exported(folder / "pruned")
    size = sum(array.size for array in host)
    assert sum(np.count_nonzero(array) for array in strong) <= round(DENSITY * size)
    zeros_of_host = sum(np.count_nonzero(array == 0) for array in host)
    assert sum(np.count_nonzero(array) for array in strong) >= round(DENSITY * size) - zeros_of_host
    for found, whole in zip(strong, host, strict=True):
        kept = found != 0
        assert found[kept].tobytes() == whole[kept].tobytes()


def test_a_regression_ticket_is_worth_what_the_record_says_too(tmp_path):
    """With the scales that its outputs are divided by when it is exported."""
    from pns_tf.commands import main

    flags = ("--task=helix", "--depth=3", "--width=40", "--samples=800", "--density=0.2")
    main(["seek", *flags, "--pruner=pns", f"--options={QUICK['pns']}", f"--out={tmp_path}"])
    (folder,) = tmp_path.iterdir()
    metrics = json.loads((folder / "ticket.json").read_text())["metrics"]
    data = tasks.get("helix").data(samples=800, seed=0)
    strong, _ = exported(folder / "pruned")
    error = np.mean((strong(data.x_test).numpy() - data.y_test) ** 2)
    assert error == pytest.approx(metrics["strong"], rel=1e-4)


def test_training_wakes_no_pruned_parameter(folder):
    with np.load(folder / "masks.npz") as masks:
        _, weak = exported(folder / "trained")
        for name, array in zip(masks.files, weak, strict=True):
            assert not array[~masks[name].astype(bool)].any()
