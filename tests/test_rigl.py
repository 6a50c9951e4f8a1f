"""RigL and SET: sparse training with connections that move."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pns_tf
import tasks
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_from_arrays
from pns_tf.masks import Mask
from pns_tf.pruners.rigl import MovingEpoch, move
from pns_tf.pruning.layer_densities import layer_counts
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeking import seek
from pns_tf.training.loop import Loop

FAST = {"samples": 300, "epochs": 1}
OPTIONS = {"epochs": 3, "interval": 4}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["rigl", "set"])
@pytest.mark.parametrize("distribution", ["erk", "uniform"])
def test_every_layer_has_its_count_of_parameters_to_the_end(planted, pruner, distribution):
    options = OPTIONS | {"layer_densities": distribution}
    masks = seek(planted, pruner, 0.05, options=options, **FAST).masks
    assert masks.kept == round(0.05 * masks.size)
    kept = [int(k.sum() + b.sum()) for k, b in zip(masks.kernels, masks.biases, strict=True)]
    shapes = [kernel.shape for kernel in masks.kernels]
    assert kept == layer_counts(shapes, round(0.05 * masks.size), distribution)


@pytest.mark.slow
def test_connections_move_if_a_fraction_of_them_is_dropped(planted):
    still, moving = (
        seek(planted, "rigl", 0.1, options=OPTIONS | {"drop_fraction": f}, **FAST).masks
        for f in (0.0, 0.3)
    )
    other = seek(planted, "set", 0.1, options=OPTIONS, **FAST).masks
    assert len({masks.kept for masks in (still, moving, other)}) == 1
    assert still != moving != other != still


def test_a_drop_and_growth_worked_by_hand():
    moved = move(
        sizes=[np.array([5.0, 1.0, 0.0, 0.0]), np.array([3.0, 0.0])],
        growth=[np.array([9.0, 0.1, 0.3, 0.5]), np.array([9.0, 0.4])],
        alive=[np.array([1, 1, 0, 0], bool), np.array([1, 0], bool)],
        fraction=0.34,
        rng=np.random.default_rng(0),
    )
    assert [array.astype(int).tolist() for array in moved] == [[1, 0, 0, 1], [1, 0]]


@given(
    st.integers(0, 12),
    st.floats(0, 1),
    arrays(float, 12, elements=st.floats(0, 9)),
    arrays(float, 12, elements=st.floats(0, 9)),
)
def test_a_move_keeps_the_count_the_largest_and_the_most_wanted(count, fraction, sizes, growth):
    rng = np.random.default_rng(0)
    alive = rng.permutation(12) < count
    (after,) = move([sizes], [growth], [alive], fraction, rng)
    assert after.sum() == count
    stay = count - min(round(fraction * count), 12 - count)
    kept = alive & after
    gone = alive & ~after
    if gone.any() and stay:
        assert np.sort(sizes[kept])[::-1][:stay].min() >= sizes[gone].max()
    if (after & ~alive).any() and (~after & ~alive).any():
        assert growth[after & ~alive].min() >= growth[~after & ~alive].max()


def test_slopes_are_those_of_the_loss_connected_or_not():
    rng = np.random.default_rng(0)
    kernels = [rng.normal(size=(2, 4)), rng.normal(size=(4, 1))]
    model = host_from_arrays(kernels, [rng.normal(size=4), rng.normal(size=1)])
    epoch = MovingEpoch(model, "regression", 1e-3, 4)
    epoch.start(model.get_weights())
    kept = [rng.random(value.shape) < 0.6 for value in epoch.values]
    values = [value * mask for value, mask in zip(epoch.values, kept, strict=True)]
    x = rng.normal(size=(16, 2)).astype(np.float32)
    y = rng.normal(size=(16, 1)).astype(np.float32)
    slopes = epoch.slopes(values, x, y)
    assert not all(mask.all() for mask in kept)

    def loss(changed):
        hidden = np.maximum(x @ changed[0] + changed[1], 0)
        return np.mean((hidden @ changed[2] + changed[3] - y) ** 2)

    for position, value in enumerate(values):
        for place in np.ndindex(value.shape):
            sides = []
            for step in (1e-4, -1e-4):
                changed = [array.astype(np.float64) for array in values]
                changed[position][place] += step
                sides.append(loss(changed))
            expected = (sides[0] - sides[1]) / 2e-4
            assert slopes[position][place] == pytest.approx(expected, abs=2e-3)


def linear_problem():
    """y = 3 x₁₇ of 40 inputs, and a host of one layer."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 40)).astype(np.float32)
    data = tasks.Data(x, 3 * x[:, 17:18], x, 3 * x[:, 17:18])
    host = host_from_arrays([0.1 * rng.normal(size=(40, 1))], [np.zeros(1)])
    return host, data


def test_growth_by_gradient_finds_the_input_that_matters():
    host, data = linear_problem()
    settings = SeekSettings("rigl", density=2 / 41, epochs=10, learning_rate=0.1)
    found = pruners.get("rigl", epochs=5).find(host, data, settings, Loop(np.random.default_rng(1)))
    assert found.mask[0][17, 0]
    assert found.weights[0][17, 0] == pytest.approx(3, abs=0.1)
    assert found.history[-1] < 0.01


@pytest.mark.slow
def test_what_is_not_connected_does_not_act(planted):
    found = seek(planted, "rigl", 0.05, options=OPTIONS, **FAST)
    assert Mask(mask.numpy() for mask in pruning_masks(found.model)) == found.masks


def pruning_masks(model):
    return [m for layer in model.layers[1:] for m in (layer.kernel_mask, layer.bias_mask)]


@pytest.mark.slow
def test_the_same_seed_trains_the_same_ticket(planted):
    first, second = (seek(planted, "set", 0.1, seed=4, options=OPTIONS, **FAST) for _ in range(2))
    assert first.masks == second.masks
    assert first.metrics == second.metrics


def test_settings_that_cannot_work_are_named(planted):
    with pytest.raises(InputError, match="leave out scope, got 'local'"):
        seek(planted, "rigl", 0.1, scope="local", **FAST)
    with pytest.raises(InputError, match="unknown layer_densities 'er': choose from erk, uniform"):
        pruners.get("set", layer_densities="er")
    with pytest.raises(InputError, match="drop_fraction of set must be a number from 0 to 1"):
        pruners.get("set", drop_fraction=1.5)
