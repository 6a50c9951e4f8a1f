"""Pruners score as published, and leave the model as it was."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from small_models import bits, convnet, images, samples, small_host

from pns_tf import pruners
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners.base import Pruner
from pns_tf.pruning.prunable import prunable_weights

REFERENCE = np.load(Path(__file__).parent / "reference" / "scores.npz")
CASES = ["class", "regression", "class_masked", "regression_masked"]
PUBLISHED = ["snip", "grasp", "synflow", "magnitude"]
STOCK = ["random", *PUBLISHED]


def arrays(case, *names):
    return [REFERENCE[f"{case}/{name}{layer}"] for layer in range(3) for name in names]


def reference_host(case):
    return host_from_arrays(
        *[arrays(case, name) for name in ("kernel", "bias", "kernel_mask", "bias_mask")]
    )


class Painter(Pruner):
    """Writes into every variable and then fails."""

    def calculate_scores(self, network, x, y):
        network(tf.random.normal((4, 2)))
        for variable in network.model.variables:
            variable.assign(tf.zeros_like(variable))
        raise RuntimeError("paint everywhere")


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("case", CASES)
def test_scores_agree_with_the_published_code(case, name):
    scores = pruners.get(name).score(
        reference_host(case), REFERENCE[f"{case}/x"], REFERENCE[f"{case}/y"]
    )
    published = arrays(f"{case}/{name}", "kernel", "bias")
    assert len(scores) == len(published) == 6
    for ours, theirs in zip(scores, published, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=0)
    assert sum(np.count_nonzero(theirs) for theirs in published) > 60


@pytest.mark.parametrize("name", ["snip", "grasp", "synflow"])
def test_masks_change_the_scores_of_what_they_leave(name):
    host = reference_host("class_masked")
    x, y = REFERENCE["class_masked/x"], REFERENCE["class_masked/y"]
    masked = pruners.get(name).score(host, x, y)
    for weight in prunable_weights(host):
        weight.mask.assign(tf.ones_like(weight.mask))
    unmasked = pruners.get(name).score(host, x, y)
    alive = arrays("class_masked", "kernel_mask")[1] == 1
    assert not np.allclose(masked[2][alive], unmasked[2][alive], rtol=1e-3)


def test_snip_is_proportional_to_the_slope_of_the_loss_along_each_mask_entry():
    host, (x, y) = small_host(), samples()
    mask, loss = host.layers[2].kernel_mask, keras.losses.SparseCategoricalCrossentropy(True)
    scores = pruners.get("snip").score(host, x, y)[2]

    def slope(entry):
        losses = []
        for value in (0.99, 1.01):
            moved = np.ones(mask.shape, np.float32)
            moved[entry] = value
            mask.assign(moved)
            losses.append(float(loss(y, host(x))))
        return abs(losses[1] - losses[0]) / 0.02

    highest = [np.unravel_index(i, scores.shape) for i in np.argsort(scores, axis=None)[-4:]]
    slopes = [slope(entry) for entry in highest]
    ratios = [scores[entry] / s for entry, s in zip(highest, slopes, strict=True)]
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-2)
    assert min(slopes) > 0.01


@pytest.mark.parametrize("name", STOCK)
def test_scoring_leaves_every_weight_bit_equal(name):
    host, before = reference_host("class_masked"), bits(reference_host("class_masked"))
    pruners.get(name).score(host, REFERENCE["class_masked/x"], REFERENCE["class_masked/y"])
    assert bits(host) == before
    net, (x, y) = convnet(), images()
    before = bits(net)
    pruners.get(name).score(net, x, y)
    assert bits(net) == before  # batch statistics too


def test_weights_are_bit_equal_after_a_pruner_fails():
    host = reference_host("class_masked")
    before = bits(host)
    with pytest.raises(RuntimeError, match="paint"):
        Painter().score(host)
    assert bits(host) == before


@pytest.mark.parametrize("name", STOCK)
def test_every_pruner_scores_convolutions_and_nested_models(name):
    net, (x, y) = convnet(), images()
    scores = pruners.get(name).score(net, x, y)
    expected = ["conv/kernel", "conv/bias", "encoder/first/kernel", "encoder/first/bias"]
    assert [w.name for w in prunable_weights(net)] == [*expected, "last/kernel"]
    assert [s.shape for s in scores] == [(2, 2, 1, 3), (3,), (12, 6), (6,), (6, 2)]
    assert all(np.ptp(score) > 0 for score in scores)


def test_scores_agree_between_stock_layers_and_host_layers():
    host, (x, y) = small_host(), samples()
    stock = keras.Sequential(
        [
            keras.layers.Dense(6, activation="relu", input_shape=(2,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dense(3),
        ]
    )
    for variable, weight in zip(stock.trainable_variables, prunable_weights(host), strict=True):
        variable.assign(weight.variable)
    for name in STOCK:
        pairs = [pruners.get(name).score(model, x, y) for model in (host, stock)]
        for of_host, of_stock in zip(*pairs, strict=True):
            np.testing.assert_allclose(of_host, of_stock, rtol=1e-5)


def test_synflow_scores_the_flow_of_ones_whatever_the_samples():
    host, (x, y) = small_host(), samples()
    with_data, without = (
        pruners.get("synflow").score(host, x, y),
        pruners.get("synflow").score(host),
    )
    for a, b in zip(with_data, without, strict=True):
        np.testing.assert_array_equal(a, b)
    # All flow passes through each layer's weights: kernels of the last layers carry the same sum
    # less what enters by biases in between.
    assert with_data[4].sum() == pytest.approx(with_data[2].sum() + with_data[3].sum(), rel=1e-4)


def test_the_loss_is_the_compiled_one_unless_given():
    host, (x, y) = small_host(), samples()
    targets = np.eye(3, dtype=np.float32)[y]
    default = pruners.get("snip").score(host, x, targets)
    mse = pruners.get("snip").score(host, x, targets, loss="mse")
    host.compile("sgd", "mae")
    compiled = pruners.get("snip").score(host, x, targets)
    np.testing.assert_allclose(default[0], mse[0], rtol=1e-6)
    assert not np.allclose(compiled[0], mse[0], rtol=1e-2)


def test_labels_of_rank_one_do_not_broadcast_against_outputs():
    host = small_host(sizes=(2, 4, 1))
    x, _ = samples()
    y = x.sum(axis=1)
    flat, column = (pruners.get("snip").score(host, x, t) for t in (y, y[:, None]))
    np.testing.assert_array_equal(flat[0], column[0])


def test_several_outputs_add_their_losses():
    x = keras.Input((2,))
    heads = [keras.layers.Dense(n, name=f"head{n}")(x) for n in (1, 3)]
    model, (x, y) = keras.Model(x, heads), samples()
    first, _, second, _ = pruners.get("snip").score(model, x, [x[:, :1], y])
    assert first.sum() > 0.01
    assert second.sum() > 0.01


def test_random_scores_follow_the_seed():
    host = small_host()
    first, again, other = (pruners.get("random", seed=s).score(host)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


def test_a_dead_network_gets_zeros_from_snip_instead_of_nan():
    host, (x, y) = small_host(), samples()
    for weight in prunable_weights(host):
        weight.variable.assign(tf.zeros_like(weight.variable))
    assert all((score == 0).all() for score in pruners.get("snip").score(host, x, y))


@pytest.mark.parametrize("name", STOCK)
def test_every_pruner_names_itself_and_its_paper(name):
    pruner = pruners.load(name)
    assert pruner.name == name
    assert "arXiv" in pruner.reference
    assert pruner.__doc__.strip()
