"""Hosts are ordinary Keras models, made from arrays."""

import numpy as np
import pytest
import tf_keras as keras

import pns_tf
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.leaderboard.instances import Instance
from tasks import InputError

SIZES = [2, 30, 30, 4]
X = np.random.default_rng(0).uniform(-1, 1, (100, 2)).astype(np.float32)


@pytest.fixture
def arrays():
    return draw_host(SIZES, seed=3)


def test_a_host_equals_a_plain_dense_stack(arrays):
    host = pns_tf.host_from_arrays(*arrays)
    dense = keras.Sequential(
        [
            keras.layers.Dense(30, "relu"),
            keras.layers.Dense(30, "relu"),
            keras.layers.Dense(4),
        ]
    )
    dense.build((None, 2))
    dense.set_weights([array for pair in zip(*arrays, strict=True) for array in pair])
    np.testing.assert_array_equal(host(X), dense(X))
    np.testing.assert_array_equal(host.predict(X, verbose=0), dense.predict(X, verbose=0))


def test_a_host_is_a_functional_model_of_planted_layers(arrays):
    host = pns_tf.host_from_arrays(*arrays)
    assert host.input_shape == (None, 2)
    assert host.output_shape == (None, 4)
    assert [layer.units for layer in masked_layers(host)] == [30, 30, 4]


def test_a_host_gives_its_arrays_back(arrays):
    for given, back in zip(arrays, host_arrays(pns_tf.host_from_arrays(*arrays)), strict=True):
        for a, b in zip(given, back, strict=True):
            np.testing.assert_array_equal(a, b)


def test_masks_given_as_arrays_prune(arrays):
    kernels, biases = arrays
    rng = np.random.default_rng(1)
    kernel_masks, bias_masks = ([rng.random(a.shape) < 0.5 for a in some] for some in arrays)
    masked = pns_tf.host_from_arrays(kernels, biases, kernel_masks, bias_masks)
    pruned = pns_tf.host_from_arrays(
        [k * m for k, m in zip(kernels, kernel_masks, strict=True)],
        [b * m for b, m in zip(biases, bias_masks, strict=True)],
    )
    np.testing.assert_array_equal(masked(X), pruned(X))
    assert not np.array_equal(masked(X), pns_tf.host_from_arrays(*arrays)(X))


def test_a_host_can_be_trained(arrays):
    host = pns_tf.host_from_arrays(*arrays)
    host.compile("adam", "mse")
    losses = host.fit(X, np.zeros((100, 4)), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"kernels": [np.ones((2, 3)), np.ones((4, 1))]}, "layer 1 takes 4 inputs, but layer 0"),
        ({"biases": [np.zeros(3)]}, "2 kernels and 1 biases"),
        ({"kernels": [np.full((2, 3), np.nan), np.ones((3, 1))]}, "host layer 0 .* not finite"),
        ({"kernel_masks": [np.ones((2, 3))]}, "kernel_masks needs 2 arrays, got 1"),
        ({"kernel_masks": [np.ones((2, 3)), np.ones((1, 3))]}, r"kernel_masks\[1\] .*\(3, 1\)"),
        ({"bias_masks": [np.full(3, 0.5), np.ones(1)]}, r"bias_masks\[0\] must hold 0 and 1 only"),
    ],
)
def test_arrays_that_are_no_host_are_refused(changes, complaint):
    good = {
        "kernels": [np.ones((2, 3)), np.ones((3, 1))],
        "biases": [np.zeros(3), np.zeros(1)],
    }
    with pytest.raises(InputError, match=complaint):
        pns_tf.host_from_arrays(**(good | changes))


def test_a_model_that_is_no_host_is_refused():
    dense = keras.Sequential([keras.layers.Dense(3, input_shape=(2,))])
    with pytest.raises(InputError, match=r"is no host: .* got dense"):
        host_arrays(dense)


def test_a_depth_that_no_signal_comes_through_is_refused_before_anything_is_built():
    host = FullyConnected("relu", 1001)
    for refused in (host.check_buildable, lambda: Instance("circle", 99_999)):
        with pytest.raises(InputError, match="depth must be at most 1000, got"):
            refused()
