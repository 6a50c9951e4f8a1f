"""Scores beyond what numbers can hold, or of networks that do not react, are mended or refused."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from scoring_samples import CLASSES, LOGITS, RNG, X, scores

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners import Pruner

L = keras.layers


def chain(depth, **options):
    keras.utils.set_random_seed(0)
    hidden = [L.Dense(30, "relu", name=f"d{i}", **options) for i in range(depth)]
    return keras.Sequential([keras.Input((5,)), *hidden, L.Dense(3, name="logits")])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The initializer RandomNormal is unseeded")
def test_synflow_beyond_float32_is_that_of_the_network_scaled_down():
    deep = chain(40, kernel_initializer=keras.initializers.RandomNormal(stddev=3.0))
    found = scores(deep, None, "synflow")
    assert all(np.isfinite(score).all() and score.any() for score in found)
    scaled = keras.models.clone_model(deep)
    scaled.set_weights([weight / 64 for weight in deep.get_weights()])  # no overflow
    right = scores(scaled, None, "synflow")
    total = [sum(score.sum(dtype=float) for score in part) for part in (found, right)]
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a / total[0], b / total[1], rtol=1e-4)


@pytest.mark.parametrize("end", [
    lambda: [L.Dense(3, "softmax", name="end")],
    lambda: [L.Dense(3), L.Softmax(name="end")],
    lambda: [keras.Sequential([L.Dense(3), L.Activation("softmax", name="end")])],
])  # fmt: skip
def test_synflow_refuses_a_softmax_and_names_it(end):
    model = keras.Sequential([keras.Input((5,)), L.Dense(8, "relu"), *end()])
    with pytest.raises(InputError, match="needs logits, but layer 'end'"):
        scores(model, None, "synflow")


@pytest.mark.parametrize("activation", [tf.nn.relu6, tf.sigmoid])
def test_synflow_refuses_flow_that_saturates_and_names_the_layer(activation):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(9, name="first"), L.Activation(activation), L.Dense(3),
    ])  # fmt: skip
    model.get_layer("first").kernel.assign(tf.fill((5, 9), 99.0))
    with pytest.raises(InputError, match=r"all of first/kernel with 0.*saturates"):
        scores(model, None, "synflow")


@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_scores_that_are_all_zero_are_refused(pruner):
    model = keras.Sequential([keras.Input((5,)), L.Dense(8, "relu", bias_initializer=lambda *a,
                              **k: -1e6 * tf.ones(8)), L.Dense(3, use_bias=False)])  # fmt: skip
    with pytest.raises(InputError, match=r"with 0: what the network computes does not react"):
        scores(model, CLASSES, pruner, loss=LOGITS)


def test_a_collapsed_network_is_no_error():
    host = host_from_arrays(
        [np.ones((5, 4)), np.ones((4, 3))], [np.zeros(4), np.zeros(3)],
        kernel_masks=[np.zeros((5, 4)), np.ones((4, 3))],
    )  # fmt: skip
    assert not any(score.any() for score in pruners.get("synflow").score(host))


def test_infinite_derivatives_are_refused_with_the_layer():
    model = keras.Sequential([L.Dense(1, input_shape=(5,), name="only", kernel_initializer="ones")])
    with pytest.raises(InputError, match=r"only/kernel with (infinity|NaN)"):
        pruners.get("snip").score(model, X * 1e30, X[:, :1], "mse")


class Huge(Pruner):
    """Beyond float32."""

    def calculate_scores(self, network, x, y):
        return [np.full(v.shape, 1e60) * (1 + i) for i, v in enumerate(network.variables)]


def test_scores_beyond_float32_keep_their_order():
    first, *_, last = Huge().score(chain(1))
    assert np.isfinite(last).all()
    assert first.max() < last.min()


@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_a_mixed_precision_is_scored_in_float32(pruner):
    def network():
        keras.utils.set_random_seed(0)
        return keras.Sequential([
            keras.Input((8, 8, 3)), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(),
            L.Conv2D(8, 3), L.GlobalAveragePooling2D(), L.Dense(3),
            L.Activation("linear", dtype="float32"),
        ])  # fmt: skip

    x = RNG.normal(size=(30, 8, 8, 3)).astype(np.float32)
    found = []
    for policy in ("float32", "mixed_float16"):
        keras.mixed_precision.set_global_policy(policy)
        try:
            model = network()
            found.append(pruners.get(pruner).score(model, x * 1e-3, CLASSES[:30], LOGITS))
            assert model.layers[0].compute_dtype == policy.removeprefix("mixed_")
        finally:
            keras.mixed_precision.set_global_policy("float32")
    for full, half in zip(*found, strict=True):
        np.testing.assert_allclose(half, full, rtol=1e-4, atol=1e-7)
