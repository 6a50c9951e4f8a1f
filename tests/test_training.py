"""The compiled epoch trains like Keras, leaves pruned parameters alone, and is compiled once."""

import numpy as np
import pytest
import tf_keras as keras

import pns_tf
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.models import build_host, host_from_arrays
from pns_tf.training.epoch import CompiledEpoch, compiled_epoch, train
from pns_tf.training.loop import Loop
from pns_tf.training.losses import LOSSES
from tasks import InputError

SIZES = (2, 8, 4)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (70, 2)).astype(np.float32)  # two batches of 32 and a short one of 6
    return x, (x[:, 0] > 0).astype(np.int32) + 2 * (x[:, 1] > 0).astype(np.int32)


@pytest.mark.slow
def test_an_epoch_equals_keras_fit_on_the_same_order(samples):
    x, y = samples
    weights = host_from_arrays(*draw_host(SIZES)).get_weights()
    trained, history = train(
        compiled_epoch(build_host(SIZES), "classification"),
        weights,
        x,
        y,
        3,
        Loop(np.random.default_rng(1)),
    )
    model = build_host(SIZES)
    model.set_weights(weights)
    model.compile(keras.optimizers.Adam(1e-3), LOSSES["classification"])
    rng = np.random.default_rng(1)
    for loss in history:
        order = rng.permutation(len(x))
        fit = model.fit(x[order], y[order], batch_size=32, shuffle=False, verbose=0)
        assert fit.history["loss"][0] == pytest.approx(loss, rel=1e-5)
    for ours, theirs in zip(trained, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_pruned_parameters_neither_act_nor_change(samples):
    x, y = samples
    kernels, biases = draw_host(SIZES)
    rng = np.random.default_rng(2)
    kernel_masks = [rng.random(k.shape) < 0.5 for k in kernels]
    bias_masks = [rng.random(b.shape) < 0.5 for b in biases]
    weights = host_from_arrays(kernels, biases, kernel_masks, bias_masks).get_weights()
    trained, _ = train(
        compiled_epoch(build_host(SIZES), "classification"), weights, x, y, 2, Loop(rng)
    )
    for before, after, mask in zip(
        [*kernels, *biases],
        [trained[0], trained[6], trained[1], trained[7]],
        [*kernel_masks, *bias_masks],
        strict=True,
    ):
        np.testing.assert_array_equal(after[~mask], before[~mask])
        assert np.any(after[mask] != before[mask])


def test_every_training_starts_with_a_fresh_optimizer(samples):
    x, y = samples
    weights = host_from_arrays(*draw_host(SIZES)).get_weights()
    epoch = compiled_epoch(build_host(SIZES), "classification")
    first = train(epoch, weights, x, y, 2, Loop(np.random.default_rng(0)))
    second = train(epoch, weights, x, y, 2, Loop(np.random.default_rng(0)))
    assert first[1] == second[1]
    for a, b in zip(first[0], second[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_seeds_masks_and_pruners_share_one_compilation(samples):
    x, y = samples
    model = build_host(SIZES)
    epoch = CompiledEpoch(model, LOSSES["classification"], keras.optimizers.Adam())
    for seed in range(3):
        weights = host_from_arrays(*draw_host(SIZES, seed)).get_weights()
        train(epoch, weights, x, y, 1, Loop(np.random.default_rng(seed)))
    assert epoch._run.experimental_get_tracing_count() == 1
    assert compiled_epoch(build_host(SIZES), "classification") is compiled_epoch(
        build_host(SIZES), "classification"
    )


def test_a_loss_that_is_not_finite_is_reported():
    x = np.ones((10, 1), np.float32)
    weights = host_from_arrays([np.full((1, 1), 1e30)], [np.zeros(1)]).get_weights()
    with pytest.raises(InputError, match="training diverged: the loss of epoch 1 is inf"):
        train(
            compiled_epoch(build_host((1, 1)), "regression"),
            weights,
            x,
            x,
            1,
            Loop(np.random.default_rng(0)),
        )


def test_training_solves_a_task():
    planted = pns_tf.plant("relu", depth=3, width=20)
    data = planted.data(samples=1000)
    _, history = train(
        compiled_epoch(planted.host, "regression"),
        planted.host.get_weights(),
        data.x_train,
        data.y_train,
        20,
        Loop(np.random.default_rng(0)),
    )
    assert history[-1] < 0.05 * history[0]
