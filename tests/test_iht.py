"""Iterative hard thresholding: gradient steps, and only the largest parameters stay."""

import numpy as np
import pytest

import pns_tf
import tasks
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners.iht import ThresholdedEpoch
from pns_tf.pruning.layer_densities import layer_counts
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeking import seek
from pns_tf.training.loop import Loop

FAST = {"samples": 300, "epochs": 1}
OPTIONS = {"epochs": 4}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


def test_a_step_equals_the_one_computed_by_hand():
    # w = (0, 0.2), b = 0.3, x = (1, 1), y = 0: ∂L/∂θ = 2 · 0.5 for each, its norm √3 clipped to 1.
    # A step of η = 0.9 gives −0.9/√3 + (0, 0.2, 0.3) = (−0.52, −0.32, −0.22); the largest stays.
    model = host_from_arrays([np.array([[0.0], [0.2]])], [np.array([0.3])])
    epoch = ThresholdedEpoch(model, "regression", batch_size=1, scope="erk")
    epoch.start(model.get_weights())
    epoch.optimizer.learning_rate.assign(0.9)
    epoch.keep(1 / 3)
    epoch(np.ones((1, 2), np.float32), np.zeros((1, 1), np.float32), np.array([0], np.int32))
    kernel, bias = epoch.values
    np.testing.assert_allclose(kernel, [[-0.9 / np.sqrt(3)], [0.0]], rtol=1e-5)
    assert bias == [0.0]


@pytest.mark.slow
def test_a_sparse_vector_is_recovered_from_few_measurements():
    # Compressed sensing, where the algorithm comes from: 4 of 60 coefficients, 100 measurements.
    rng = np.random.default_rng(0)
    truth = np.zeros((60, 1), np.float32)
    places = rng.permutation(60)[:4]
    truth[places, 0] = [2.0, -1.5, 1.0, -1.0]
    x = rng.normal(size=(100, 60)).astype(np.float32)
    host = host_from_arrays([0.1 * rng.normal(size=(60, 1))], [np.zeros(1)])
    settings = SeekSettings("iht", density=4 / 61, epochs=0, batch_size=100)
    pruner = pruners.get("iht", epochs=200, annealing=0.0)
    found = pruner.find(host, tasks.Data(x, x @ truth, x, x @ truth), settings, Loop(rng))
    assert sorted(np.flatnonzero(found.mask[0])) == sorted(places)
    np.testing.assert_allclose(found.weights[0] * found.mask[0], truth, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.5, 0.037])
def test_every_layer_keeps_exactly_its_share(planted, density):
    masks = seek(planted, "iht", density, options=OPTIONS, **FAST).masks
    count = round(density * masks.size)
    assert masks.kept == count
    kept = [int(k.sum() + b.sum()) for k, b in zip(masks.kernels, masks.biases, strict=True)]
    assert kept == layer_counts([kernel.shape for kernel in masks.kernels], count)


# Kernels and biases of a host 2 – 6 – 3: 12 + 6 and 18 + 3 parameters, a third of them kept.
SCOPES = {
    "global": [([0, 1, 2, 3], 13)],
    "local": [([0], 4), ([1], 2), ([2], 6), ([3], 1)],
    "uniform": [([0, 1], 6), ([2, 3], 7)],
    "erk": [([0, 1], 7), ([2, 3], 6)],
}


@pytest.mark.parametrize("scope", SCOPES)
def test_thresholds_are_for_everything_each_array_or_each_layer(scope):
    rng = np.random.default_rng(0)
    kernels = [rng.normal(size=shape) for shape in ((2, 6), (6, 3))]
    model = host_from_arrays(kernels, [rng.normal(size=n) for n in (6, 3)])
    epoch = ThresholdedEpoch(model, "regression", 8, scope)
    epoch.start(model.get_weights())
    epoch.keep(1 / 3)
    x, y = rng.normal(size=(8, 2)).astype(np.float32), np.zeros((8, 3), np.float32)
    epoch(x, y, np.arange(8, dtype=np.int32))
    mask = epoch.largest(1 / 3, rng)
    for group, count in SCOPES[scope]:
        assert sum(np.count_nonzero(epoch.values[i]) for i in group) == count
        assert sum(int(mask[i].sum()) for i in group) == count


@pytest.mark.slow
def test_parameters_fall_to_the_density_and_stay_there(planted):
    found = seek(planted, "iht", 0.25, options=OPTIONS, **FAST)
    assert found.search.densities == pytest.approx([0.5, 0.25, 0.25, 0.25])
    found = seek(planted, "iht", 0.25, options=OPTIONS | {"annealing": 0.0}, **FAST)
    assert found.search.densities == [0.25] * 4
    assert len(found.history) == 5


@pytest.mark.slow
def test_the_ticket_is_trained_on_where_thresholding_left_it(planted):
    untrained = seek(planted, "iht", 0.2, options=OPTIONS, samples=300, epochs=0)
    trained = seek(planted, "iht", 0.2, options=OPTIONS, samples=300, epochs=2)
    assert untrained.masks == trained.masks
    assert trained.history[-1] < untrained.history[-1]
    for before, after, mask in zip(
        untrained.weights[:1], trained.weights[:1], trained.masks, strict=False
    ):
        assert np.all(before[mask] != 0)
        assert 0 < np.abs(after - before)[mask].max() < 0.1


def test_settings_that_cannot_work_are_named():
    with pytest.raises(InputError, match="annealing of iht must be a number from 0 to 1, got 2"):
        pruners.get("iht", annealing=2.0)
    with pytest.raises(InputError, match="unknown layer_densities 'er': choose from erk, uniform"):
        pruners.get("iht", layer_densities="er")
