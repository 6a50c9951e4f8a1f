"""``pns_tf.plant``: from a task to a host with a ticket in it."""

import dataclasses

import numpy as np
import pytest

import pns_tf
import tasks
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.measuring.evaluation import evaluate
from tasks import InputError, Target


@pytest.mark.parametrize("depth", [3, 5, 10])
@pytest.mark.parametrize("name", tasks.names())
def test_a_planted_ticket_computes_the_target(name, depth):
    planted = pns_tf.plant(name, depth=depth, width=60, seed=1)
    x = planted.data().x_test
    expected = planted.target(x)
    error = np.abs(planted.ticket(x) / planted.scales - expected)
    assert error.max() <= 1e-4 * np.abs(expected).max()
    assert not np.allclose(planted.host(x), planted.ticket(x))


def test_the_ticket_is_the_host_times_the_planted_mask():
    planted = pns_tf.plant("helix", seed=2)
    for host, ticket in zip(
        masked_layers(planted.host), masked_layers(planted.ticket), strict=True
    ):
        np.testing.assert_array_equal(host.kernel, ticket.kernel)
        np.testing.assert_array_equal(host.bias, ticket.bias)
        assert host.kernel_mask.numpy().all()
        np.testing.assert_array_equal(ticket.kernel_mask, ticket.planted_kernel_mask)
        np.testing.assert_array_equal(ticket.bias_mask, host.planted_bias_mask)
    kernels = [layer.planted_kernel_mask.numpy() for layer in masked_layers(planted.host)]
    for mask, kernel in zip(planted.planted_masks.kernels, kernels, strict=True):
        np.testing.assert_array_equal(mask, kernel)


def test_the_density_is_the_baseline_density():
    assert pns_tf.plant("helix").density == 95 / 20_400
    assert pns_tf.plant("circle", depth=3).density == 100 / 600


@pytest.mark.parametrize("seed", range(3))
def test_the_circle_ticket_is_accurate(seed):
    planted = pns_tf.plant("circle", seed=seed)
    accuracy = evaluate(planted.ticket, "classification", planted.data(), planted.scales)
    assert accuracy >= 0.96


@pytest.mark.parametrize("seed", range(3))
def test_the_helix_ticket_is_accurate(seed):
    planted = pns_tf.plant("helix", seed=seed)
    assert evaluate(planted.ticket, "regression", planted.data(), planted.scales) <= 2e-4
    assert evaluate(planted.ticket, "regression", planted.data()) <= 2e-4  # rescaled anyway


def test_a_random_host_solves_no_task():
    planted = pns_tf.plant("helix")
    assert evaluate(planted.host, "regression", planted.data()) > 0.05


def test_the_seed_decides_everything():
    first, again, other = (pns_tf.plant("circle", seed=seed) for seed in (1, 1, 2))
    assert first.planted_masks == again.planted_masks
    assert first.planted_masks != other.planted_masks
    np.testing.assert_array_equal(first.scales, again.scales)
    for a, b in zip(host_arrays(first.host)[0], host_arrays(again.host)[0], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_target_of_your_own_can_be_planted_into_a_host_of_your_own():
    target = Target([[[1.0, -1.0]], [[1.0], [1.0]]], [[0.0, 0.0], [0.25]])  # |x| + 1/4
    rng = np.random.default_rng(0)
    kernels = [rng.standard_normal((1, 8)), rng.standard_normal((8, 1))]
    biases = [rng.standard_normal(8), rng.standard_normal(1)]
    x = np.linspace(-1, 1, 11)[:, None]
    for host in ((kernels, biases), pns_tf.host_from_arrays(kernels, biases)):
        planted = pns_tf.plant(target, host=host)
        assert (planted.init, planted.task, planted.sizes) == ("given", None, [1, 8, 1])
        np.testing.assert_allclose(planted.ticket(x) / planted.scales, abs(x) + 0.25, atol=1e-6)
        with pytest.raises(InputError, match="no task to draw data from"):
            planted.data()


def test_a_host_of_your_own_is_copied():
    kernels, biases = [np.ones((1, 9)), np.ones((9, 1))], [np.ones(9), np.ones(1)]
    host = pns_tf.host_from_arrays(kernels, biases)
    before = [array.copy() for arrays in host_arrays(host) for array in arrays]
    pns_tf.plant("relu", host=host)
    after = [array for arrays in host_arrays(host) for array in arrays]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"task": "spiral"}, "unknown task 'spiral': choose from "),
        ({"task": "helix", "width": 29}, "width 29 is too small: .* at least width 30"),
        ({"task": "circle", "width": 19}, "at least width 20"),
        ({"task": "helix", "depth": 2}, "depth must be an integer of at least 3"),
        ({"task": "helix", "seed": -1}, "seed must be an integer of at least 0"),
        ({"task": "helix", "init": "he"}, "unknown init 'he'"),
        ({"task": "helix", "width": 0}, "width must be an integer of at least 1"),
        (
            {"task": tasks.get("relu").target(4), "host": ([np.ones((1, 1))] * 2, [[0.0]] * 2)},
            "differ in depth: the target has 4 neuron layers, the host 3",
        ),
        (
            {"task": "relu", "host": ([np.ones((1, 2)), np.ones((2, 1)) * np.nan], [[0, 0], [0]])},
            "host layer 1 holds values that are not finite",
        ),
    ],
)
def test_impossible_requests_are_refused_by_name(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        pns_tf.plant(**arguments)


def test_a_ticket_that_is_not_its_target_is_refused(monkeypatch):
    from pns_tf.planting import planted

    def doubled(*args, **kwargs):
        arrays = plant_arrays(*args, **kwargs)
        return dataclasses.replace(arrays, scales=2 * arrays.scales)

    plant_arrays = planted.plant_arrays
    monkeypatch.setattr(planted, "plant_arrays", doubled)
    with pytest.raises(InputError, match="planted ticket differs from its target by"):
        pns_tf.plant("relu", depth=3, width=20)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float64", "mixed_float16"])
def test_hosts_are_float32_whatever_the_policy(policy):
    import tf_keras as keras

    keras.mixed_precision.set_global_policy(policy)
    try:
        planted = pns_tf.plant("helix", depth=4, width=40)
        found = pns_tf.seek(planted, "snip", 0.5, epochs=1, samples=200)
        layers = [keras.layers.Dense(40, "relu", input_shape=(1,)), keras.layers.Dense(1)]
        own = pns_tf.host_from_model(keras.Sequential(layers))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    for host in (planted.host, found.model, own):
        assert host.output.dtype == "float32"
        assert {weight.dtype.name for weight in host.weights} == {"float32", "bool"}
