"""A compacted network is smaller, computes the same, and learns the same."""

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.compaction import WIDTHS, compact, cut, multiplications
from pns_tf.hosts.models import host_from_arrays, host_from_model, masked_layers, set_masks
from pns_tf.hosts.vgg import vgg_host
from pns_tf.masks import Mask
from pns_tf.training.epoch import compiled_epoch, train
from pns_tf.training.loop import Loop

PLAN, SHAPE = (12, "M", 16, 16, "M", 16), (8, 8, 3)
X = np.random.default_rng(0).uniform(-1, 1, (40, *SHAPE)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 4, 40).astype(np.int32)


def sparse_host(seed: int, density: float):
    """A host with large biases, most channels without inputs."""
    host = vgg_host(PLAN, SHAPE, classes=4, seed=seed)
    rng = np.random.default_rng(seed)
    for layer in masked_layers(host):
        layer.bias.assign(0.1 * rng.standard_normal(layer.bias.shape))
    set_masks(host, [rng.random(w.shape) < density for w in host.trainable_weights])
    return host


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.005, 0.02, 0.05, 0.2, 1.0]))
def test_a_compacted_network_computes_the_same(seed, density):
    host = sparse_host(seed, density)
    small = compact(host)
    np.testing.assert_allclose(small.model(X), host(X), rtol=1e-5, atol=1e-6)
    assert [len(kept) for kept in small.kept] == [
        3,
        *(layer.kernel.shape[-1] for layer in masked_layers(small.model)),
    ]


def test_a_sparse_network_gets_much_smaller():
    host = sparse_host(1, density=0.01)
    assert compact(host).model.count_params() < 0.1 * host.count_params()


def test_a_smaller_network_multiplies_less():
    host = vgg_host((8, "M", 16), (8, 8, 3), classes=4)
    assert multiplications(host) == 64 * 27 * 8 + 16 * 72 * 16 + 16 * 4
    sparse = sparse_host(1, density=0.01)
    assert multiplications(compact(sparse).model) < 0.2 * multiplications(sparse)


def test_a_dense_network_stays_as_it_is():
    host = sparse_host(1, density=1.0)
    assert [len(kept) for kept in compact(host).kept] == [3, 12, 16, 16, 16, 4]


def test_a_constant_channel_is_kept_because_its_bias_learns():
    """Nothing feeds hidden neuron 0, but its bias is positive; neuron 1's is not."""
    kernels, biases = [np.ones((1, 2)), np.ones((2, 1))], [np.array([0.5, -0.5]), np.zeros(1)]
    host = host_from_arrays(kernels, biases, kernel_masks=[[[0, 0]], [[1], [1]]])
    small = compact(host)
    assert [kept.tolist() for kept in small.kept] == [[0], [0], [0]]
    np.testing.assert_array_equal(small.model(np.ones((3, 1))), np.full((3, 1), 0.5))


def test_a_network_without_any_path_is_still_a_network():
    host = sparse_host(0, density=1.0)
    set_masks(host, [np.zeros(w.shape) for w in host.trainable_weights[:-1]] + [np.ones(4)])
    small = compact(host)
    assert [len(kept) for kept in small.kept] == [3, 1, 1, 1, 1, 4]
    np.testing.assert_allclose(small.model(X), host(X))


def test_flattened_pixels_stay_with_their_channels():
    layers = [
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(4),
    ]
    host = host_from_model(keras.Sequential([keras.Input(SHAPE), *layers]))
    rng = np.random.default_rng(0)
    set_masks(host, [rng.random(w.shape) < 0.02 for w in host.trainable_weights])
    small = compact(host)
    assert len(small.kept[1]) < 8
    np.testing.assert_allclose(small.model(X), host(X), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.02, 0.1])
def test_training_the_small_network_is_training_the_large_one(density):
    trained = []
    for compacted in (False, True):
        host = sparse_host(5, density)
        small = compact(host) if compacted else None
        model = small.model if compacted else host
        epoch = compiled_epoch(model, "classification", 1e-2, batch_size=16)
        weights, losses = train(epoch, model.get_weights(), X, Y, 4, Loop(np.random.default_rng(0)))
        model.set_weights(weights)
        if compacted:
            small.put_back(host)
        trained.append((host.get_weights(), losses))
    assert trained[0][1] == pytest.approx(trained[1][1], rel=1e-4)
    for large, small in zip(trained[0][0], trained[1][0], strict=True):
        np.testing.assert_allclose(small, large, atol=2e-4)
    assert len(set(trained[0][1])) == 4  # it learns


def test_what_was_cut_away_keeps_its_values_and_can_be_rewound():
    host = sparse_host(7, 0.02)
    before = host.get_weights()
    small = compact(host)
    for layer in masked_layers(small.model):
        layer.kernel.assign(layer.kernel + 1)
    small.put_back(host)
    changed = sum(int(np.sum(a != b)) for a, b in zip(before, host.get_weights(), strict=True))
    kernels = [layer.kernel for layer in masked_layers(small.model)]
    assert changed == sum(int(np.prod(kernel.shape)) for kernel in kernels)


def random_dense_host(seed: int, density: float, width: int = 40):
    host = pns_tf.plant("circle", depth=5, width=width, seed=seed).host
    rng = np.random.default_rng(seed)
    set_masks(host, [rng.random(w.shape) < density for w in host.trainable_weights])
    return host


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100), density=st.sampled_from([0.02, 0.05, 0.2, 1.0]))
def test_padded_networks_share_a_few_shapes_and_compute_the_same(seed, density):
    host = random_dense_host(seed, density)
    small, tight = compact(host, padded=True), compact(host)
    x = np.random.default_rng(seed).uniform(-1, 1, (20, 2)).astype(np.float32)
    np.testing.assert_allclose(small.model(x), host(x), rtol=1e-5, atol=1e-6)
    first, *hidden, last = (len(kept) for kept in small.kept)
    assert (first, last) == (2, 4)
    assert len(set(hidden)) == 1
    assert hidden[0] in WIDTHS or hidden[0] == 40
    for kept, needed in zip(small.kept, tight.kept, strict=True):
        assert np.isin(needed, kept).all()
        assert np.all(np.diff(kept) > 0)


def test_a_mask_of_the_part_is_one_of_the_whole():
    host = random_dense_host(0, 1.0)
    some = [np.arange(2), *(np.array([3, 8, 20]),) * 3, np.arange(4)]
    part = cut(host, some)
    rng = np.random.default_rng(0)
    mask = Mask([rng.random(w.shape) < 0.5 for w in part.model.trainable_weights])
    whole = part.whole_mask(mask, host)
    assert whole.kept == mask.kept
    set_masks(part.model, mask)
    set_masks(host, whole)
    x = rng.uniform(-1, 1, (20, 2)).astype(np.float32)
    np.testing.assert_allclose(part.model(x), host(x), rtol=1e-5, atol=1e-6)


def test_planted_masks_are_cut_alike():
    host = vgg_host(PLAN, SHAPE, classes=4, seed=1)
    planted = pns_tf.plant(sparse_host(1, 0.05), host=host)
    small = compact(planted.ticket)
    for layer in masked_layers(small.model):
        np.testing.assert_array_equal(layer.planted_kernel_mask, layer.kernel_mask != 0)


def test_a_model_without_masks_is_no_host():
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match="is no host: it has no layer that carries masks"):
        compact(model)
    with pytest.raises(InputError, match="expected 1 layers with masks, got 0"):
        set_masks(model, [np.ones((2, 3)), np.ones(3)])
