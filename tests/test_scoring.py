"""Scores are of the loss that `fit` minimises, and of what the layers do in it."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from scoring_samples import CLASSES, LOGITS, RNG, X, scores

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.pruning.prunable import prunable_weights

L = keras.layers
YA, YB = X[:, :3], 10 + X[:, :3]


def two_heads(names=("b", "a"), **compiled):
    """Outputs in an order that is not that of their names."""
    keras.utils.set_random_seed(0)
    x = keras.Input((5,))
    h = L.Dense(8, "relu", kernel_regularizer=compiled.pop("regularizer", None), name="h")(x)
    model = keras.Model(x, [L.Dense(3, name=name)(h) for name in names])
    model.compile("sgd", **compiled)
    return model


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


# --- second derivatives ------------------------------------------------------------------------


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
