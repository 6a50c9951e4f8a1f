"""VGG hosts: their shape and initialisation, and the whole road from pruning to planting."""

import math

import numpy as np
import pytest

import pns_tf
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.hosts.vgg import PLANS, build_vgg, vgg_host
from pns_tf.training.checkpoints import kept_in
from tasks import Data, InputError

PLAN, SHAPE = (8, "M", 16, "M", 16), (8, 8, 3)
FAST = {"batch_size": 16, "epochs": 1}


def images(samples=160, seed=0) -> Data:
    """Four classes: in which corner there is a coloured patch."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, samples).astype(np.int32)
    x = 0.3 * rng.standard_normal((samples, *SHAPE)).astype(np.float32)
    for row, column in np.ndindex(2, 2):
        x[y == 2 * row + column, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4, 0] += 1
    train = samples - samples // 5
    return Data(x[:train], y[:train], x[train:], y[train:])


@pytest.fixture(scope="module")
def data():
    return images()


@pytest.fixture(scope="module")
def found(data):
    """A weak ticket, trained."""
    host = vgg_host(PLAN, SHAPE, classes=4, seed=0)
    return pns_tf.seek(host, "synflow", 0.1, data=data, rounds=2, round_epochs=1, **FAST)


@pytest.fixture(scope="module")
def planted(found):
    return pns_tf.plant(found.model, host=vgg_host(PLAN, SHAPE, classes=4, seed=1))


# The network


@pytest.mark.parametrize(
    ("name", "parameters"),
    # 3 × 3 × in × out + out of each convolution, and 512 × 10 + 10
    [("vgg11", 9_225_610), ("vgg13", 9_410_122), ("vgg16", 14_719_818), ("vgg19", 20_029_514)],
)
def test_plans_have_the_parameters_of_the_paper(name, parameters):
    model = build_vgg(name)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters
    assert len(masked_layers(model)) == int(name.removeprefix("vgg")) - 2  # one dense, not three
    assert model.output_shape == (None, 10)


def test_the_width_multiplier_scales_all_channels():
    layers = masked_layers(build_vgg("vgg16", width_multiplier=0.25))
    full = [step for step in PLANS["vgg16"] if step != "M"]
    assert [layer.filters for layer in layers[:-1]] == [channels // 4 for channels in full]


def test_it_takes_any_image_shape_and_number_of_classes():
    host = vgg_host("vgg11", (32, 40, 1), classes=7, width_multiplier=0.05)
    assert host(np.zeros((2, 32, 40, 1), np.float32)).shape == (2, 7)


def test_parameters_are_drawn_as_in_the_paper():
    kernels, biases = host_arrays(vgg_host("vgg13", width_multiplier=0.5, seed=3))
    gain = 0.06
    for kernel, bias in zip(kernels, biases, strict=True):
        deviation = math.sqrt(2 / math.prod(kernel.shape[:-1]))
        gain *= deviation
        assert kernel.std() == pytest.approx(deviation, rel=0.1)
        assert np.any(bias)
        assert bias.std() == pytest.approx(gain, rel=0.5)


def test_the_seed_decides_all_parameters():
    first, again, other = (vgg_host(PLAN, SHAPE, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"plan": "vgg17"}, "unknown host 'vgg17': choose from vgg11, vgg13, vgg16, vgg19"),
        ({"shape": (8, 8, 3)}, "images of 8 × 8 are too small: 4 poolings need at least 16 × 16"),
        ({"shape": (32, 32)}, r"an image shape is \(rows, columns, channels\), got \(32, 32\)"),
        ({"width_multiplier": 0}, "width_multiplier must be a number above 0"),
        ({"classes": 0}, "classes must be an integer of at least 1"),
        ({"plan": (8, "M", -1)}, "channels must be an integer of at least 1, got -1"),
    ],
)
def test_networks_that_cannot_be_are_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        build_vgg(**arguments)


# Seek, plant, seek


@pytest.mark.slow
def test_a_host_without_a_ticket_is_pruned_and_trained(found):
    assert found.masks.density == pytest.approx(0.1, abs=1e-3)
    assert found.metrics["density_kept"] == found.masks.density
    assert len(found.history) == 2 * 1 + 1
    assert not {"planted", "recall", "precision_layer0"} & {*found.metrics}
    for layer in masked_layers(found.model):
        assert set(np.unique(layer.kernel_mask)) <= {0.0, 1.0}


@pytest.mark.slow
def test_a_trained_ticket_is_planted_and_computes_the_same(planted, found, data):
    expected = found.model(data.x_test).numpy()
    outputs = planted.ticket(data.x_test) / planted.scales
    assert np.abs(outputs - expected).max() <= 1e-3 * np.abs(expected).max()
    assert planted.planted_masks.kept == found.masks.kept
    assert planted.target.shape[1] <= 8


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_every_pruner_seeks_in_a_convolutional_host(planted, data, pruner):
    found = pns_tf.seek(planted, pruner, 0.3, data=data, **FAST)
    assert found.masks.kept == round(0.3 * found.masks.size)
    assert 0 <= found.metrics["recall"] <= 1
    assert found.metrics["planted"] == pytest.approx(
        np.mean(np.argmax(planted.ticket(data.x_test) / planted.scales, 1) == data.y_test)
    )
    pruned = masked_layers(found.model)[1]
    initial = masked_layers(planted.host)[1]
    cut = pruned.kernel_mask.numpy() == 0
    np.testing.assert_array_equal(pruned.kernel.numpy()[cut], initial.kernel.numpy()[cut])


@pytest.mark.slow
@pytest.mark.parametrize("scope", [None, "global"])
def test_edge_popup_finds_a_strong_ticket_among_the_hosts_own_weights(planted, data, scope):
    options = {"anneal": True, "epochs": 6, "levels": 2}
    found = pns_tf.seek(planted, "edge_popup", 0.5, data=data, scope=scope, options=options, **FAST)
    assert found.search.densities == pytest.approx([0.5**0.5] * 3 + [0.5] * 3)
    assert found.masks.density == pytest.approx(0.5, abs=0.01)
    assert found.metrics["strong"] > found.metrics["before"]
    for ours, hosts in zip(host_arrays(found.pruned), host_arrays(planted.host), strict=True):
        for a, b in zip(ours, hosts, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_training_learns_the_images(data):
    host = vgg_host(PLAN, SHAPE, classes=4, seed=2)
    settings = {"epochs": 12, "batch_size": 16, "learning_rate": 3e-3}
    found = pns_tf.seek(host, "synflow", 0.6, data=data, **settings)
    assert found.metrics["final"] > 0.8
    augmented = pns_tf.seek(host, "synflow", 0.6, data=data, augmented=True, **settings)
    assert augmented.history[-1] != found.history[-1]
    assert augmented.history[-1] < augmented.history[0]


@pytest.mark.slow
def test_what_is_found_follows_from_the_seed(planted, data):
    first, again, other = (
        pns_tf.seek(planted, "snip", 0.2, seed=seed, data=data, augmented=True, **FAST)
        for seed in (0, 0, 1)
    )
    assert first.masks == again.masks
    assert first.metrics == again.metrics
    assert first.history == again.history
    assert first.history != other.history


@pytest.mark.slow
def test_a_killed_search_on_images_goes_on_with_the_same_numbers(planted, data, tmp_path):
    """In the second multishot round, when the network is compacted."""
    settings = {"rounds": 2, "round_epochs": 2, **FAST}

    def search(watch=None):
        return pns_tf.seek(
            planted, "synflow", 0.05, data=data, augmented=True, watch=watch, **settings
        )

    told = []

    def killer(number, loss):
        told.append(loss)
        if len(told) == 3:
            raise KeyboardInterrupt

    undisturbed = search()
    with pytest.raises(KeyboardInterrupt), kept_in(tmp_path / "kept", settings):
        search(killer)
    with kept_in(tmp_path / "kept", settings):
        again = search()
    assert told == undisturbed.history[:3]
    assert again.history == undisturbed.history
    assert again.metrics == undisturbed.metrics
    for a, b in zip(again.weights, undisturbed.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_host_without_data_or_vectors_to_augment_are_refused(planted):
    with pytest.raises(InputError, match="needs data to be trained on"):
        pns_tf.seek(vgg_host(PLAN, SHAPE, classes=4), "random", 0.5)
    with pytest.raises(InputError, match="density must be a number where nothing is planted"):
        pns_tf.seek(vgg_host(PLAN, SHAPE, classes=4), "random", "baseline")
    with pytest.raises(InputError, match="only images can be augmented"):
        pns_tf.seek(pns_tf.plant("relu", width=5), "random", 0.5, augmented=True)
