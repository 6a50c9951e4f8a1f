"""Scores are of the loss that `fit` minimises, in a range that holds, or there is an error."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners import Pruner, scoring_batch
from pns_tf.pruning.prunable import prunable_weights

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
YA, YB = X[:, :3], 10 + X[:, :3]
CLASSES = np.arange(40) % 3
PROBABILITIES = keras.losses.SparseCategoricalCrossentropy()
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def two_heads(names=("b", "a"), **compiled):
    """Outputs in an order that is not that of their names."""
    keras.utils.set_random_seed(0)
    x = keras.Input((5,))
    h = L.Dense(8, "relu", kernel_regularizer=compiled.pop("regularizer", None), name="h")(x)
    model = keras.Model(x, [L.Dense(3, name=name)(h) for name in names])
    model.compile("sgd", **compiled)
    return model


def scores(model, y, pruner="snip", **options):
    return pruners.get(pruner).score(
        model, X, y, weights=prunable_weights(model, biases=False), **options
    )


def same(a, b):
    for first, second in zip(a, b, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-9)


def gradients_of_fit(model, y, **options):
    """abs(θ ∂L/∂θ) by one step of SGD that ``fit`` takes, divided by the sum."""
    weights = [weight.variable for weight in prunable_weights(model, biases=False)]
    before = [weight.numpy() for weight in weights]
    model.optimizer.learning_rate.assign(1e-3)
    model.run_eagerly = True  # one step: to compile it takes longer
    model.fit(X, y, batch_size=len(X), verbose=0, **options)
    steps = [(old - weight.numpy()) / 1e-3 for old, weight in zip(before, weights, strict=True)]
    saliency = [abs(old * step) for old, step in zip(before, steps, strict=True)]
    return [s / sum(part.sum() for part in saliency) for s in saliency]


# --- the loss that fit minimises ---------------------------------------------------------------


@pytest.mark.parametrize("compiled", [
    {"loss": "mse"},
    {"loss": {"a": "mae", "b": "mse"}},
    {"loss": ["mse", None]},
    {"loss": {"a": "mse"}},
    {"loss": "mse", "loss_weights": [1.0, 0.25]},
    {"loss": "mse", "loss_weights": {"a": 3.0, "b": 1.0}},
    {"loss": lambda y, f: tf.reduce_mean(abs(y - f), axis=-1)},
    {"loss": "mse", "regularizer": "l2"},
], ids=["all", "by name", "list", "one", "weights", "named weights", "function", "l2"])  # fmt: skip
@pytest.mark.parametrize("labels", [[YB, YA], {"a": YA, "b": YB}, (YB, YA)], ids=type)
def test_snip_scores_the_loss_of_fit(compiled, labels):
    with np.errstate(all="ignore"):
        wanted = gradients_of_fit(two_heads(**compiled), labels)
    for found, right in zip(scores(two_heads(**compiled), labels), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=0.02, atol=2e-5)


def test_labels_by_name_are_labels_in_order():
    by_list, by_name = (scores(two_heads(loss="mse"), y) for y in ([YB, YA], {"a": YA, "b": YB}))
    same(by_list, by_name)


def test_an_output_without_loss_or_weight_counts_nothing():
    for compiled in ({"loss": {"b": "mse"}}, {"loss": "mse", "loss_weights": [1.0, 0.0]}):
        *_, b, a = scores(two_heads(**compiled), [YB, YA])
        assert b.any()
        assert not a.any()


def test_added_losses_and_sample_weights_count():
    weight = np.where(np.arange(40) < 20, 1.0, 0.0)
    model = two_heads(loss="mse")
    same(scores(model, [YB, YA], sample_weight=weight),
         pruners.get("snip").score(model, X[:20], [YB[:20], YA[:20]],
                                   weights=prunable_weights(model, biases=False)))  # fmt: skip
    model = two_heads(loss="mse")
    model.add_loss(lambda: tf.reduce_sum(abs(model.get_layer("a").kernel)))
    plain = scores(two_heads(loss="mse"), [YB, YA])
    assert not np.allclose(scores(model, [YB, YA])[2], plain[2], rtol=0.01)


def classifier(loss=LOGITS):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([L.Dense(8, "relu", input_shape=(5,)), L.Dense(3)])
    model.compile("sgd", loss)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True], ids=["", "with sample weights"])
@pytest.mark.parametrize("kind", ["numbers", "column", "one-hot"])
def test_class_weights_count_as_in_fit(kind, weighted):
    y = {"numbers": CLASSES, "column": CLASSES[:, None], "one-hot": np.eye(3)[CLASSES]}[kind]
    loss = keras.losses.CategoricalCrossentropy(from_logits=True) if kind == "one-hot" else LOGITS
    given = {"class_weight": {0: 1, 1: 20.0, 2: 0.0}}
    if weighted:
        given["sample_weight"] = np.linspace(0, 1, 40)
    wanted = gradients_of_fit(classifier(loss), y, **given)
    plain = scores(classifier(loss), y)
    for found, right in zip(scores(classifier(loss), y, **given), wanted, strict=True):
        np.testing.assert_allclose(found, right, rtol=0.02, atol=2e-5)
    assert not np.allclose(plain[0], wanted[0], rtol=0.05)


def test_ragged_and_sparse_samples_are_refused_by_name():
    ragged, sparse = tf.ragged.constant([[1], [2, 3]]), tf.sparse.eye(2)
    for x in (ragged, sparse):
        with pytest.raises(InputError, match="x is ragged or sparse"):
            scoring_batch(x, np.array([0, 1]))
    with pytest.raises(InputError, match="y is ragged or sparse"):
        scoring_batch(np.ones((2, 3)), ragged)


@pytest.mark.parametrize(("y", "class_weight", "message"), [
    (CLASSES, {1: 1.0, 2: 2.0}, "for each class from 0 on"),
    (CLASSES, [1.0, 2.0, 3.0], "for each class from 0 on"),
    (CLASSES, {0: 1.0, 1: 2.0}, "no weight for class 2"),
    (CLASSES, {0: 1.0, 1: "2", 2: 1.0}, "class_weight of class 1 must be a number"),
    (None, {0: 1.0}, "got none"),
    ([CLASSES, CLASSES], {0: 1.0}, "got several"),
])  # fmt: skip
def test_class_weights_that_fit_would_not_take_are_refused(y, class_weight, message):
    with pytest.raises(InputError, match=message):
        scores(classifier(), y, "synflow", class_weight=class_weight)


@pytest.mark.parametrize("loss", [
    keras.losses.BinaryCrossentropy(from_logits=True),
    "binary_crossentropy",
    lambda y, f: keras.losses.mean_squared_error(y, f),
])  # fmt: skip
def test_labels_without_an_axis_for_the_output_get_one(loss):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([L.Dense(8, "relu", input_shape=(5,)), L.Dense(1, "sigmoid")])
    y = (X[:, 0] > 0).astype(np.float32)
    same(scores(model, y, loss=loss), scores(model, y[:, None], loss=loss))


def test_scoring_leaves_the_compiled_model_as_it_is():
    model = two_heads(loss="mse", metrics=["mae"])
    container, before = model.compiled_loss, model.evaluate(X, [YB, YA], verbose=0)
    scores(model, [YB, YA])
    assert model.compiled_loss is container
    assert model.evaluate(X, [YB, YA], verbose=0) == before


# --- degenerate scores -------------------------------------------------------------------------


def chain(depth, **options):
    keras.utils.set_random_seed(0)
    hidden = [L.Dense(30, "relu", name=f"d{i}", **options) for i in range(depth)]
    return keras.Sequential([keras.Input((5,)), *hidden, L.Dense(3, name="logits")])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The initializer RandomNormal is unseeded")
def test_synflow_beyond_float32_is_that_of_the_network_scaled_down():
    deep = chain(40, kernel_initializer=keras.initializers.RandomNormal(stddev=3.0))
    found = scores(deep, None, "synflow")
    assert all(np.isfinite(score).all() and score.any() for score in found)
    scaled = keras.models.clone_model(deep)
    scaled.set_weights([weight / 64 for weight in deep.get_weights()])  # no overflow
    right = scores(scaled, None, "synflow")
    total = [sum(score.sum(dtype=float) for score in part) for part in (found, right)]
    for a, b in zip(found, right, strict=True):
        np.testing.assert_allclose(a / total[0], b / total[1], rtol=1e-4)


@pytest.mark.parametrize("end", [
    lambda: [L.Dense(3, "softmax", name="end")],
    lambda: [L.Dense(3), L.Softmax(name="end")],
    lambda: [keras.Sequential([L.Dense(3), L.Activation("softmax", name="end")])],
])  # fmt: skip
def test_synflow_refuses_a_softmax_and_names_it(end):
    model = keras.Sequential([keras.Input((5,)), L.Dense(8, "relu"), *end()])
    with pytest.raises(InputError, match="needs logits, but layer 'end'"):
        scores(model, None, "synflow")


@pytest.mark.parametrize("activation", [tf.nn.relu6, tf.sigmoid])
def test_synflow_refuses_flow_that_saturates_and_names_the_layer(activation):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((5,)), L.Dense(9, name="first"), L.Activation(activation), L.Dense(3),
    ])  # fmt: skip
    model.get_layer("first").kernel.assign(tf.fill((5, 9), 99.0))
    with pytest.raises(InputError, match=r"all of first/kernel with 0.*saturates"):
        scores(model, None, "synflow")


@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_scores_that_are_all_zero_are_refused(pruner):
    model = keras.Sequential([keras.Input((5,)), L.Dense(8, "relu", bias_initializer=lambda *a,
                              **k: -1e6 * tf.ones(8)), L.Dense(3, use_bias=False)])  # fmt: skip
    with pytest.raises(InputError, match=r"with 0: what the network computes does not react"):
        scores(model, CLASSES, pruner, loss=LOGITS)


def test_a_collapsed_network_is_no_error():
    host = host_from_arrays(
        [np.ones((5, 4)), np.ones((4, 3))], [np.zeros(4), np.zeros(3)],
        kernel_masks=[np.zeros((5, 4)), np.ones((4, 3))],
    )  # fmt: skip
    assert not any(score.any() for score in pruners.get("synflow").score(host))


def test_infinite_derivatives_are_refused_with_the_layer():
    model = keras.Sequential([L.Dense(1, input_shape=(5,), name="only", kernel_initializer="ones")])
    with pytest.raises(InputError, match=r"only/kernel with (infinity|NaN)"):
        pruners.get("snip").score(model, X * 1e30, X[:, :1], "mse")


class Huge(Pruner):
    """Beyond float32."""

    def calculate_scores(self, network, x, y):
        return [np.full(v.shape, 1e60) * (1 + i) for i, v in enumerate(network.variables)]


def test_scores_beyond_float32_keep_their_order():
    first, *_, last = Huge().score(chain(1))
    assert np.isfinite(last).all()
    assert first.max() < last.min()


@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_a_mixed_precision_is_scored_in_float32(pruner):
    def network():
        keras.utils.set_random_seed(0)
        return keras.Sequential([
            keras.Input((8, 8, 3)), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(),
            L.Conv2D(8, 3), L.GlobalAveragePooling2D(), L.Dense(3),
            L.Activation("linear", dtype="float32"),
        ])  # fmt: skip

    x = RNG.normal(size=(30, 8, 8, 3)).astype(np.float32)
    found = []
    for policy in ("float32", "mixed_float16"):
        keras.mixed_precision.set_global_policy(policy)
        try:
            model = network()
            found.append(pruners.get(pruner).score(model, x * 1e-3, CLASSES[:30], LOGITS))
            assert model.layers[0].compute_dtype == policy.removeprefix("mixed_")
        finally:
            keras.mixed_precision.set_global_policy("float32")
    for full, half in zip(*found, strict=True):
        np.testing.assert_allclose(half, full, rtol=1e-4, atol=1e-7)


def test_grasp_differentiates_through_resized_images():
    for interpolation in ("nearest", "bilinear"):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([
            keras.Input((4, 4, 2)), L.Conv2D(3, 3, padding="same"),
            L.UpSampling2D(interpolation=interpolation), L.Conv2D(2, 3), L.Flatten(), L.Dense(3),
        ])  # fmt: skip
        x = RNG.normal(size=(30, 4, 4, 2)).astype(np.float32)
        found = pruners.get("grasp").score(model, x, CLASSES[:30], LOGITS)
        # Along θ itself, θᵀHg is a difference of gradients.
        variables = [weight.variable for weight in prunable_weights(model)]

        def gradient(variables=variables, model=model, x=x):
            with tf.GradientTape() as tape:
                loss = LOGITS(CLASSES[:30], model(x) / 200.0)
            return [g.numpy().astype(float) for g in tape.gradient(loss, variables)]

        theta, g = [v.numpy() for v in variables], gradient()
        ends = []
        for step in (1e-2, -1e-2):
            for variable, value in zip(variables, theta, strict=True):
                variable.assign(value * (1 + step))
            ends.append(gradient())
        product = sum((a * (up - down)).sum() / 2e-2 for a, up, down in zip(g, *ends, strict=True))
        assert np.sign(sum(score.sum() for score in found)) == np.sign(product)


# --- batch normalisation -----------------------------------------------------------------------


def normalised():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((5,)), L.Dense(8, name="d"), L.BatchNormalization(), L.ReLU(), L.Dense(3),
    ])  # fmt: skip


@pytest.mark.slow
def test_snip_and_grasp_normalise_by_the_samples_unless_told_otherwise():
    for pruner in ("snip", "grasp"):
        by_default, batch, gathered = (
            scores(normalised(), CLASSES, pruner, loss=LOGITS, batch_statistics=choice)
            for choice in (None, True, False)
        )
        same(by_default, batch)
        assert not np.allclose(batch[0], gathered[0], rtol=0.01)
    model = normalised()
    variables = [variable.numpy() for variable in model.variables]
    scores(model, CLASSES, loss=LOGITS)
    for before, after in zip(variables, model.variables, strict=True):
        np.testing.assert_array_equal(before, after)
    model.layers[1].trainable = False
    same(scores(model, CLASSES, loss=LOGITS),
         scores(model, CLASSES, loss=LOGITS, batch_statistics=False))  # fmt: skip


# --- samples to score on -----------------------------------------------------------------------


def test_one_hot_rows_are_classes():
    numbers = scoring_batch(X, CLASSES, 4)
    for dtype in (int, np.float32, bool):
        x, y = scoring_batch(X, np.eye(3, dtype=dtype)[CLASSES], 4)
        np.testing.assert_array_equal(x, numbers[0])
        np.testing.assert_array_equal(y.argmax(axis=1), numbers[1])


def test_label_maps_and_several_labels_are_drawn_as_they_come():
    maps = RNG.integers(0, 2, (40, 4, 4))
    x, y = scoring_batch(X, maps, 5, classes=2)
    assert (len(x), y.shape) == (10, (10, 4, 4))
    x, y = scoring_batch(X, RNG.integers(0, 2, (40, 6)), 5)
    assert y.shape == (20, 6)


def test_several_inputs_and_outputs_keep_their_structure():
    number = np.arange(40)
    x, y = scoring_batch([X, number], {"class": CLASSES, "number": number})
    np.testing.assert_array_equal(x[0], X[x[1]])
    np.testing.assert_array_equal(y["number"], x[1])
    x, y = scoring_batch({"a": X, "b": number}, CLASSES, 4)
    np.testing.assert_array_equal(y, x["b"] % 3)
    assert np.bincount(y).tolist() == [4, 4, 4]
    with pytest.raises(InputError, match="equally many samples"):
        scoring_batch([X, number[:-1]], CLASSES)


def test_a_data_set_gives_samples_of_each_class():
    number = np.arange(40)
    data = tf.data.Dataset.from_tensor_slices(((X, number), CLASSES, number / 40.0)).batch(7)
    (x, rows), y, weight = scoring_batch(data, samples_per_class=5)
    assert np.bincount(y).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(x, X[rows])
    np.testing.assert_array_equal(y, CLASSES[rows])
    np.testing.assert_allclose(weight, rows / 40)
    assert len(set(rows)) == 15
    again = scoring_batch(data, samples_per_class=5)[0][1]
    np.testing.assert_array_equal(rows, again)
    other = scoring_batch(data, samples_per_class=5, seed=1)[0][1]
    assert set(other) != set(rows)
    with pytest.raises(InputError, match="must end"):
        scoring_batch(data.repeat())
    with pytest.raises(InputError, match="must be batched"):
        scoring_batch(tf.data.Dataset.from_tensor_slices((X, CLASSES)))
    x, y = scoring_batch(tf.data.Dataset.from_tensor_slices((X, X)).batch(8), None, 5, 2)
    assert x.shape == (10, 5)
