"""Swaps in any network: sets of them, by the gradient of the masks."""

import numpy as np
import pytest
import tf_keras as keras

import pns_tf
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import set_masks
from pns_tf.hosts.resnet import Resnet
from pns_tf.masks import Mask
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.swaps.many import ManySettings, _Masked, many_swaps
from pns_tf.swaps.objective import objective
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION
from pns_tf.training.loop import Loop

FEW = ManySettings(rounds=15, samples=100, batch=10, judged=300, every=3)


def bright(count=300, seed=0):
    """Images of noise, one of whose corners is brighter: which one is the class."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, 8, 8, 3)).astype(np.float32)
    y = rng.integers(0, 4, count).astype(np.int32)
    for image, label in zip(x, y, strict=True):
        row, column = 4 * (label // 2), 4 * (label % 2)
        image[row : row + 4, column : column + 4] += 1
    return x, y


@pytest.fixture(scope="module")
def host():
    keras.utils.set_random_seed(0)
    return pns_tf.vgg_host((6, "M", 8, "M"), shape=(8, 8, 3), classes=4)


def random_mask(model, density, seed=0):
    rng = np.random.default_rng(seed)
    return Mask([rng.random(w.variable.shape) < density for w in prunable_weights(model)])


def loss_of(model, mask, x, y):
    set_masks(model, mask)
    return objective(CLASSIFICATION).fit(model(x).numpy(), y, None)[1]


def test_swaps_lower_the_loss_and_keep_parameters_and_their_number(host):
    x, y = bright()
    mask, weights = random_mask(host, 0.3), [w.variable.numpy() for w in prunable_weights(host)]
    loop = Loop(np.random.default_rng(0))
    found, losses = many_swaps(host, mask, x, y, CLASSIFICATION, FEW, loop)
    assert found.kept == mask.kept
    assert len(losses) == FEW.rounds
    assert loss_of(host, found, x, y) < 0.95 * loss_of(host, mask, x, y)
    after = [w.variable.numpy() for w in prunable_weights(host)]
    assert all(np.array_equal(a, b) for a, b in zip(weights, after, strict=True))


def test_the_slopes_are_derivatives_by_the_masks(host):
    x, y = bright(64)
    mask, scales = random_mask(host, 0.5), np.array([1.0, 2.0, 0.5, 1.0])
    network = _Masked(host, CLASSIFICATION)
    network.use(mask)
    slope, square = network.slopes(x, y, scales, batch=8)
    variable = prunable_weights(host)[2].mask
    place, start = (1, 1, 2, 3), sum(array.size for array in mask[:2])
    where = start + np.ravel_multi_index(place, variable.shape)

    def loss(value):
        arrays = variable.numpy()
        arrays[place] = value
        variable.assign(arrays)
        return objective(CLASSIFICATION).loss(host(x).numpy(), y, scales)

    step = 0.05
    numeric = (loss(0.5 + step) - loss(0.5 - step)) / (2 * step)
    loss(0.5)
    half, _ = network.slopes(x, y, scales, batch=8)
    assert half[where] == pytest.approx(numeric, rel=0.02, abs=1e-6)
    assert np.all(square >= slope**2 - 1e-9)


def test_with_a_batch_for_each_sample_the_mean_square_is_that_of_single_samples(host):
    x, y = bright(20)
    network = _Masked(host, CLASSIFICATION)
    network.use(random_mask(host, 0.5))
    single = [network.slopes(x[i : i + 1], y[i : i + 1], np.ones(4), 1)[0] for i in range(20)]
    slope, square = network.slopes(x, y, np.ones(4), 1)
    np.testing.assert_allclose(slope, np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_allclose(square, np.mean(np.square(single), axis=0), rtol=1e-3, atol=1e-7)


def test_a_mask_that_cannot_be_bettered_comes_back():
    model = pns_tf.host_from_model(
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    )
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    mask = random_mask(model, 0.6)
    set_masks(model, mask)
    y = 3 * model(x).numpy()  # up to the output's scale exactly what the mask computes
    found, _ = many_swaps(model, mask, x, y, REGRESSION, FEW, Loop(np.random.default_rng(0)))
    assert found == mask


@pytest.mark.slow
@pytest.mark.parametrize("family", ["vgg", "resnet"])
def test_pns_swaps_what_its_gates_have_found_on_images(host, family):
    set_masks(host, Mask.ones_like([weight.variable for weight in prunable_weights(host)]))
    model = (
        host
        if family == "vgg"
        else Resnet("resnet8", "own", 0.25, shape=(8, 8, 3), classes=4).draw(0)
    )
    x, y = bright()
    data = Data(x, y, *bright(seed=1))
    options = {"epochs": 12, "set_rounds": 0}
    gates = pns_tf.seek(model, "pns", 0.3, data=data, epochs=0, options=options)
    swapped = pns_tf.seek(
        model, "pns", 0.3, data=data, epochs=0, options={**options, "set_rounds": 12}
    )
    assert swapped.masks.kept == gates.masks.kept
    assert swapped.masks != gates.masks
    assert len(swapped.search.history) == len(gates.search.history) + 12
    before, after = (loss_of(found.pruned, found.masks, x, y) for found in (gates, swapped))
    assert after < before


@pytest.mark.slow
def test_gates_of_pns_have_a_gradient_in_a_deep_sparse_host():
    keras.utils.set_random_seed(0)
    model = pns_tf.vgg_host((8, "M", *(8,) * 8, "M"), shape=(8, 8, 3), classes=4)
    data = Data(*bright(400), *bright(400, seed=1))
    found = pns_tf.seek(model, "pns", 0.05, data=data, epochs=0, options={"set_rounds": 0})
    # Without normalised outputs the accuracy stays at 0.5.
    assert found.metrics["strong"] > 0.9


def test_rounds_are_none_or_more():
    with pytest.raises(InputError, match="set_rounds must be an integer of at least 0, got -1"):
        pruners.get("pns", set_rounds=-1)
