"""Iterative magnitude pruning: trained, pruned, rewound."""

from itertools import pairwise

import numpy as np
import pytest

import pns_tf
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_arrays, same_architecture, set_masks
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import global_masks
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeking import seek
from pns_tf.training.cosine_epoch import cosine_epoch
from pns_tf.training.epoch import train
from pns_tf.training.loop import Loop

SETTINGS = SeekSettings("imp", density=0.3, samples=500, epochs=2)
ONE_ROUND = {"fraction": 0.7, "weight_decay": 0.0}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["imp", "imp_lr"])
@pytest.mark.parametrize("density", [0.5, 0.037])
def test_a_fifth_goes_in_each_round_until_exactly_the_density_is_left(planted, pruner, density):
    found = seek(planted, pruner, density, samples=500, epochs=2)
    assert found.masks.kept == round(density * found.masks.size)
    rounds = int(np.ceil(np.log(density) / np.log(0.8)))
    assert len(found.history) == 2 * (1 + rounds)
    settings = SeekSettings(pruner, density, epochs=2)
    assert pruners.get(pruner).total_epochs(settings) == 2 * (1 + rounds)


def by_hand(planted, rewind_to_start: bool):
    """One round: mask, weights after it."""
    data, loop = planted.data(500), Loop(np.random.default_rng(0))
    model = same_architecture(planted.host, "by_hand")
    start = planted.host.get_weights()
    epoch = cosine_epoch(model, data, SETTINGS)
    trained, _ = train(epoch, start, data.x_train, data.y_train, 2, loop)
    model.set_weights(trained)
    sizes = [np.abs(weight.variable) for weight in prunable_weights(model)]
    mask = global_masks(sizes, 0.3, rng=loop.rng)
    if rewind_to_start:
        model.set_weights(start)
    set_masks(model, mask)
    weights, _ = train(epoch, model.get_weights(), data.x_train, data.y_train, 2, loop)
    return mask, weights


@pytest.mark.slow
@pytest.mark.parametrize("rewind", ["weights", "learning_rate"])
def test_weights_go_back_to_the_start_or_stay_as_trained(planted, rewind):
    pruner = pruners.get("imp", rewind=rewind, rewind_epoch=0, **ONE_ROUND)
    model = same_architecture(planted.host, "copy")
    model.set_weights(planted.host.get_weights())
    found = pruner.find(model, planted.data(500), SETTINGS, Loop(np.random.default_rng(0)))
    mask, weights = by_hand(planted, rewind_to_start=rewind == "weights")
    assert found.mask == mask
    for ours, expected in zip(found.weights, weights, strict=True):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.slow
def test_weights_go_back_to_the_epoch_asked_for(planted):
    def trained(rewind_epoch):
        options = ONE_ROUND | {"rewind_epoch": rewind_epoch}
        return seek(planted, "imp", 0.3, samples=500, epochs=3, options=options)

    start, first, second = trained(0), trained(1), trained(2)
    assert start.masks == first.masks == second.masks  # the first training is the same
    kernels = [host_arrays(found.model)[0][1] for found in (start, first, second)]
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])


@pytest.mark.slow
def test_the_learning_rate_falls_to_zero_and_is_back_with_the_next_training(planted):
    data, weights = planted.data(500), []
    model = same_architecture(planted.host, "copy")
    epoch = cosine_epoch(model, data, SeekSettings(epochs=5))
    start = planted.host.get_weights()
    weights.append(start[0])
    rng = np.random.default_rng(0)
    for _ in range(2):
        train(
            epoch,
            start,
            data.x_train,
            data.y_train,
            5,
            Loop(rng),
            finished=lambda _: weights.append(epoch.model.get_weights()[0]),
        )
    moved = [np.abs(b - a).mean() for a, b in pairwise(weights[:6])]
    assert moved[-1] < 0.3 * moved[0]
    assert np.abs(weights[6] - start[0]).mean() == pytest.approx(moved[0], rel=0.5)


def test_settings_that_cannot_work_are_named(planted):
    with pytest.raises(InputError, match="rewinds to epoch 1: epochs must be more, got 1"):
        seek(planted, "imp", 0.3, samples=100, epochs=1)
    with pytest.raises(InputError, match="unknown rewind 'all': choose from weights"):
        pruners.get("imp", rewind="all")
    with pytest.raises(InputError, match="fraction of imp must be a number above 0 and at most"):
        pruners.get("imp", fraction=1.5)
