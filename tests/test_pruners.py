"""Pruners score as published, and leave the model as it was."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from pns_tf import pruners
from pns_tf.checks import InputError
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


def small_host(seed=0, sizes=(2, 6, 5, 3)):
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return host_from_arrays(kernels, [rng.normal(size=n) for n in sizes[1:]])


def samples(inputs=2, classes=3, n=12):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, inputs)).astype(np.float32), np.arange(n) % classes


def convnet():
    """Convolution, batch normalisation with statistics of its own, and a nested model."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    encoder = keras.Sequential(
        [layers.Dense(6, input_shape=(12,), name="first"), layers.BatchNormalization()],
        name="encoder",
    )
    x = keras.Input((5, 5, 1))
    h = layers.Conv2D(3, 2, strides=2, activation="relu", name="conv")(x)
    h = layers.BatchNormalization(name="norm")(h)
    h = encoder(layers.Flatten()(h))
    model = keras.Model(x, layers.Dense(2, use_bias=False, name="last")(h))
    for variable in model.trainable_variables:
        variable.assign(variable + tf.random.normal(variable.shape, stddev=0.3, seed=1))
    return model


def images(n=8):
    rng = np.random.default_rng(2)
    return rng.normal(size=(n, 5, 5, 1)).astype(np.float32), np.arange(n) % 2


def bits(model):
    return [variable.numpy().tobytes() for variable in model.variables]


class Painter(Pruner):
    """Writes into every variable and then fails."""

    def calculate_scores(self, network, x, y):
        network(tf.random.normal((4, 2)))
        for variable in network.model.variables:
            variable.assign(tf.zeros_like(variable))
        raise RuntimeError("paint everywhere")


class Fixed(Pruner):
    """Returns what it was told to."""

    def calculate_scores(self, network, x, y):
        return self.change([np.ones(variable.shape) for variable in network.variables])


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


def test_biases_can_be_left_out():
    net, (x, y) = convnet(), images()
    kernels = prunable_weights(net, biases=False)
    assert [w.name for w in kernels] == ["conv/kernel", "encoder/first/kernel", "last/kernel"]
    scores = pruners.get("snip").score(net, x, y, weights=kernels)
    assert sum(float(s.sum()) for s in scores) == pytest.approx(1, rel=1e-5)


@pytest.mark.slow
def test_masks_of_tfmot_are_found_and_its_steps_do_not_advance():
    sparsity = tfmot.sparsity.keras
    wrapped = sparsity.prune_low_magnitude(
        small_host(), sparsity.ConstantSparsity(0.5, 0, frequency=1)
    )
    x, y = samples()
    wrapped.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    wrapped.fit(x, y, verbose=0, callbacks=[sparsity.UpdatePruningStep()])
    weights, before = prunable_weights(wrapped), bits(wrapped)
    assert len(weights) == 6
    assert 0.4 < np.mean([w.mask.numpy().mean() for w in weights]) < 0.8
    scores = pruners.get("snip").score(wrapped, x, y)
    assert bits(wrapped) == before
    assert all((s[w.mask.numpy() == 0] == 0).all() for s, w in zip(scores, weights, strict=True))


def test_looking_for_prunable_weights_does_not_mark_the_layers():
    net = convnet()
    prunable_weights(net)
    assert not any(hasattr(layer, "get_prunable_weights") for layer in net.layers)


def test_recurrent_and_attention_layers_are_prunable_as_in_tfmot():
    x = keras.Input((4, 3))
    h = keras.layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    model = keras.Model(x, keras.layers.LSTM(2, name="lstm")(h))
    names = [weight.name for weight in prunable_weights(model)]
    assert names[:2] == ["attention/query/kernel", "attention/query/bias"]
    assert names[-3:] == [
        "lstm/lstm_cell/kernel",
        "lstm/lstm_cell/recurrent_kernel",
        "lstm/lstm_cell/bias",
    ]
    assert len(names) == len(set(names)) == 11


def test_a_shared_layer_is_listed_once():
    dense, x = keras.layers.Dense(3), keras.Input((3,))
    model = keras.Model(x, keras.layers.Add()([dense(dense(x)), x]))
    assert len(prunable_weights(model)) == 2


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


class TestOwnPruner:
    SOURCE = (
        "import tensorflow as tf\n"
        "from pns_tf.pruners import Pruner\n"
        "class Smallest(Pruner):\n"
        "    def calculate_scores(self, network, x, y):\n"
        "        return [-tf.abs(variable) for variable in network.variables]\n"
        "nothing = 3\n"
    )

    @pytest.fixture(autouse=True)
    def _module_in_the_current_directory(self, tmp_path, monkeypatch):
        (tmp_path / "my_pruners.py").write_text(self.SOURCE)
        (tmp_path / "broken_pruners.py").write_text("raise OSError('no battery')\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", str(tmp_path))])
        yield
        for module in ("my_pruners", "broken_pruners"):
            sys.modules.pop(module, None)

    def test_is_found_by_module_and_class(self):
        host = small_host()
        own, magnitude = pruners.get("my_pruners:Smallest", seed=4), pruners.get("magnitude")
        for a, b in zip(own.score(host), magnitude.score(host), strict=True):
            np.testing.assert_array_equal(a, -b)
        assert own.name == "Smallest"

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("no_such_module:Any", "No module named 'no_such_module'"),
            ("my_pruners:Any", "no attribute 'Any'"),
            ("my_pruners:nothing", "must be a class derived from"),
            ("my_pruners:", "cannot be loaded"),
            ("broken_pruners:Any", "OSError: no battery"),
        ],
    )
    def test_that_does_not_load_says_why(self, name, reason):
        with pytest.raises(InputError, match=reason) as error:
            pruners.get(name)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", STOCK)
def test_every_pruner_names_itself_and_its_paper(name):
    pruner = pruners.load(name)
    assert pruner.name == name
    assert "arXiv" in pruner.reference
    assert pruner.__doc__.strip()


def test_an_unknown_pruner_or_option_lists_the_choices():
    with pytest.raises(InputError, match=r"snap.*choose from .*synflow.*did you mean 'snip'"):
        pruners.get("snap")
    with pytest.raises(InputError, match=r"option of pruner 'grasp' 'temp'.*temperature"):
        pruners.get("grasp", temp=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores: [*scores[:2], scores[2] * np.nan, *scores[3:]], "layer1/kernel with NaN"),
        (lambda scores: [*scores[:3], np.ones(3), *scores[4:]], "layer1/bias in shape .5,."),
        (lambda scores: scores[1:], "6 arrays .* got 5"),
    ],
)
def test_bad_scores_name_pruner_and_layer(change, message):
    pruner = Fixed()
    pruner.change = change
    with pytest.raises(InputError, match=f"'Fixed'.*{message}"):
        pruner.score(small_host())


def test_samples_must_be_there_and_finite():
    host, (x, y) = small_host(), samples()
    with pytest.raises(InputError, match="'snip' scores by samples"):
        pruners.get("snip").score(host)
    for bad in (np.nan, np.inf):
        holed = x.copy()
        holed[3, 1] = bad
        with pytest.raises(InputError, match="x holds 1 values that are not finite"):
            pruners.get("magnitude").score(host, holed, y)
        with pytest.raises(InputError, match="y holds 2 values"):
            pruners.get("snip").score(host, x, np.array([bad, bad, *y[2:]]))


def test_models_that_cannot_be_pruned_are_named():
    flat = keras.Sequential([keras.layers.Flatten(input_shape=(2,)), keras.layers.ReLU()], "flat")
    with pytest.raises(InputError, match=r"'flat' has no prunable layer.*Flatten, ReLU"):
        pruners.get("magnitude").score(flat)
    with pytest.raises(InputError, match="must be a tf_keras model"):
        pruners.get("magnitude").score(np.ones(3))
    unbuilt = keras.Sequential([keras.layers.Dense(2)], "unbuilt")
    with pytest.raises(InputError, match="'unbuilt' has no weights yet"):
        pruners.get("magnitude").score(unbuilt)
    assert len(pruners.get("magnitude").score(unbuilt, *samples())) == 2  # built by its samples


class TestScoringBatch:
    def test_is_balanced_over_classes(self):
        x, y = np.arange(1000.0), np.repeat([0, 1, 2, 3], [700, 200, 80, 20])
        rows, labels = pruners.scoring_batch(x, y)
        assert np.bincount(labels).tolist() == [10, 10, 10, 10]
        assert len(set(rows)) == 40
        np.testing.assert_array_equal(y[rows.astype(int)], labels)

    def test_takes_all_of_a_rare_class(self):
        _, labels = pruners.scoring_batch(np.zeros(103), np.repeat([0, 1], [100, 3]))
        assert np.bincount(labels).tolist() == [10, 3]

    def test_takes_forty_random_samples_of_regression(self):
        y = np.linspace(0, 1, 500)[:, None]
        x, labels = pruners.scoring_batch(y * 2, y)
        assert labels.shape == (40, 1)
        np.testing.assert_array_equal(x, labels * 2)
        assert 0.3 < labels.mean() < 0.7

    def test_follows_the_seed(self):
        x, y = np.arange(500.0), np.arange(500) % 4
        draws = [pruners.scoring_batch(x, y, seed=seed)[0] for seed in (0, 0, 1)]
        np.testing.assert_array_equal(draws[0], draws[1])
        assert not np.array_equal(draws[0], draws[2])

    def test_refuses_samples_without_labels(self):
        with pytest.raises(InputError, match="got 3 and 2"):
            pruners.scoring_batch(np.ones(3), np.ones(2))
