"""Edge-popup: scores learn straight through the masks, weights stay as they are."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import pns_tf
import tasks
from pns_tf.hosts.models import host_arrays, host_from_arrays
from pns_tf.pruners.edge_popup import EdgePopup
from pns_tf.pruners.popup import (
    PopupEpoch,
    PopupSettings,
    best_scales,
    popup_epoch,
    popup_loss,
)
from pns_tf.pruning.largest import kth_largest
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeking import seek
from pns_tf.training.loop import Loop
from tasks import InputError

FAST = {"samples": 500, "epochs": 0}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


def test_a_step_equals_the_one_computed_by_hand():
    # Two inputs, one linear output: w = (2, 3), b = 1, scores (0.5, −0.8) and 0.4.
    # With one weight and the bias kept the output for x = (1, 1) is 3 + 1 = 4; for y = 1 the loss
    # is 9 and ∂L/∂output = 6. The gradient by the masks is 6 · (2, 3) and 6 · 1, by the scores the
    # same times their sign, plus weight decay 0.1 · s. SGD with rate 0.01, no momentum yet.
    model = host_from_arrays([np.array([[2.0], [3.0]])], [np.array([1.0])])
    epoch = PopupEpoch(model, PopupSettings("regression", batch_size=1, weight_decay=0.1))
    epoch.start([np.array([[0.5], [-0.8]], np.float32), np.array([0.4], np.float32)])
    x, y = np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)
    loss = epoch(x, y, np.array([0], np.int32), counts=[1, 1], learning_rate=0.01)
    assert loss == pytest.approx(9.0)
    np.testing.assert_allclose(
        epoch.scores[0].numpy(),
        [[0.5 - 0.01 * (12 + 0.05)], [-0.8 - 0.01 * (-18 - 0.08)]],
        rtol=1e-6,
    )
    np.testing.assert_allclose(epoch.scores[1].numpy(), [0.4 - 0.01 * (6 + 0.04)], rtol=1e-6)


def test_momentum_carries_the_update_on():
    model = host_from_arrays([np.array([[1.0]])], [np.array([0.0])])
    epoch = PopupEpoch(model, PopupSettings("regression", batch_size=1, weight_decay=0.0))
    epoch.start([np.array([[1.0]], np.float32), np.array([1.0], np.float32)])
    x, y = np.ones((2, 1), np.float32), np.zeros((2, 1), np.float32)
    epoch(x, y, np.arange(2, dtype=np.int32), counts=[1, 1], learning_rate=0.1)
    # ∂L/∂s = 2 in both steps; velocities 0.2 and 0.9 · 0.2 + 0.2.
    np.testing.assert_allclose(epoch.scores[0].numpy(), [[1.0 - 0.2 - 0.38]], rtol=1e-6)


SIZES_OF_SCORES = st.floats(0, 2.0**99, width=32)


@pytest.mark.slow
@settings(deadline=None)  # a busy machine may compile slowly
@given(arrays(np.float32, array_shapes(max_dims=2), elements=SIZES_OF_SCORES), st.data())
def test_kth_largest_is_what_sorting_says(values, data):
    k = data.draw(st.integers(1, values.size))
    assert kth_largest(tf.constant(values), k).numpy() == np.sort(values.ravel())[-k]


def test_no_value_reaches_the_zeroth_largest():
    values = tf.constant([0.0, 1.0, 3e38])
    assert not np.any(values.numpy() >= kth_largest(values, 0).numpy())


@pytest.mark.slow
@pytest.mark.parametrize("anneal", [False, True])
@pytest.mark.parametrize("density", [0.5, 0.07])
def test_every_layer_keeps_exactly_its_density_and_weights_stay(planted, density, anneal):
    found = seek(planted, "edge_popup", density, options={"anneal": anneal}, **FAST)
    assert [int(m.sum()) for m in found.masks] == [round(density * m.size) for m in found.masks]
    for ours, hosts in zip(host_arrays(found.pruned), host_arrays(planted.host), strict=True):
        for a, b in zip(ours, hosts, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_global_threshold_keeps_the_density_overall(planted):
    found = seek(planted, "edge_popup", 0.1, scope="global", **FAST)
    assert found.masks.kept == round(0.1 * found.masks.size)
    assert len({round(m.mean(), 2) for m in found.masks}) > 1


@pytest.mark.slow
def test_annealing_lowers_the_density_epoch_by_epoch(planted):
    found = seek(planted, "edge_popup", 0.25, options={"anneal": True, "epochs": 2}, **FAST)
    assert found.search.densities == pytest.approx([0.5, 0.25])
    found = seek(planted, "edge_popup", 0.25, options={"epochs": 2}, **FAST)
    assert found.search.densities == [0.25, 0.25]


@pytest.mark.slow
def test_scores_of_biases_learn_unless_as_published(planted):
    def change(as_published):
        search = seek(
            planted, "edge_popup", 0.5, options={"as_published": as_published}, **FAST
        ).search
        first, last = search.snapshots[0], search.snapshots[-1]
        return [np.abs(b - a).max() for a, b in zip(first, last, strict=True)]

    learned, published = change(False), change(True)
    assert min(learned) > 0
    assert max(published[1::2]) == 0.0 < min(published[::2])


@pytest.mark.slow
def test_edge_popup_finds_a_strong_ticket_where_random_masks_do_not():
    planted = pns_tf.plant("relu", depth=4, width=50)
    popup = seek(planted, "edge_popup", 0.5, epochs=0)
    random = seek(planted, "random", 0.5, epochs=0)
    assert 10 * popup.metrics["strong"] < random.metrics["strong"]


def test_cross_entropy_on_top_of_the_published_softmax_is_bounded():
    y, sure = np.array([0]), np.array([[-50.0, 50.0]], np.float32)
    assert float(popup_loss("classification", "none", y, sure)) == pytest.approx(100.0)

    @tf.function  # where Keras would see through a bare softmax
    def published():
        return popup_loss("classification", "softmax", y, tf.constant(sure))

    assert float(published()) == pytest.approx(np.log(1 + np.e))


@pytest.mark.slow
def test_the_published_softmax_makes_regression_with_one_output_constant():
    planted = pns_tf.plant("relu", depth=3, width=30)
    found = seek(planted, "edge_popup", 0.5, options={"as_published": True}, **FAST)
    y = planted.data(500).y_test
    assert found.metrics["strong"] == pytest.approx(np.var(y), rel=0.1)


def test_the_scaled_loss_ignores_a_positive_scale_of_each_output_but_not_its_sign():
    rng = np.random.default_rng(0)
    f = rng.normal(size=(20, 3)).astype(np.float32)
    y = f + 0.1 * rng.normal(size=(20, 3)).astype(np.float32)
    scales = np.array([1e-3, 1.0, 50.0], np.float32)
    np.testing.assert_allclose(
        popup_loss("regression", "scale", y, f * scales),
        popup_loss("regression", "scale", y, f),
        rtol=1e-4,
    )
    np.testing.assert_allclose(best_scales(tf.constant(2 * y), y), [0.5] * 3, rtol=1e-5)
    np.testing.assert_array_equal(best_scales(tf.constant(-y), y), [0.0] * 3)


@pytest.mark.slow
def test_a_convolutional_network_is_searched_as_well():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    h = keras.layers.Conv2D(8, 3, activation="relu")(inputs)
    h = keras.layers.GlobalMaxPooling2D()(h)
    model = keras.Model(inputs, keras.layers.Dense(2)(h))
    never = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=10**6)
    wrapped = pns_tf.prune(
        model, "magnitude", never, scope="local", biases=True, keep_pruned_weights=True
    )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200).astype(np.int32)
    x = rng.normal(0, 0.1, (200, 6, 6, 1)).astype(np.float32)
    x[y == 0, 2, 2:5] -= 1.0  # a dark bar or a bright one
    x[y == 1, 2, 2:5] += 1.0
    before = [weight.numpy() for weight in model.trainable_variables]
    data = tasks.Data(x, y, x, y)
    result = EdgePopup(epochs=20).find(wrapped, data, SeekSettings(density=0.5), Loop(rng))
    assert [int(m.sum()) for m in result.mask] == [round(0.5 * m.size) for m in result.mask]
    for weight, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
    for weight, mask in zip(model.trainable_variables, result.mask, strict=True):
        weight.assign(weight * tf.cast(mask, tf.float32))
    assert np.mean(np.argmax(model(x), axis=1) == y) > 0.95
    assert result.history[-1] < result.history[0]


def test_weights_without_masks_are_refused():
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,), name="plain")])
    with pytest.raises(InputError, match="got none for plain/kernel, plain/bias"):
        popup_epoch(model, PopupSettings("regression"))


@pytest.mark.slow
def test_the_same_seed_finds_the_same_ticket(planted):
    first, second = (seek(planted, "edge_popup", 0.3, seed=1, **FAST) for _ in range(2))
    assert first.masks == second.masks
    assert seek(planted, "edge_popup", 0.3, seed=2, **FAST).masks != first.masks


def test_the_published_slips_and_the_scaled_loss_exclude_each_other(planted):
    with pytest.raises(InputError, match="as_published and scaled_loss exclude each other"):
        seek(planted, "edge_popup_scaled", 0.3, options={"as_published": True})


def test_options_that_do_not_exist_are_named(planted):
    with pytest.raises(InputError, match="unknown option of pruner 'snip' 'anneal'"):
        seek(planted, "snip", 0.3, options={"anneal": True})
