"""Scores of many samples, some at a time, are those of all samples at once."""

import keras as keras3
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_samples import CLASSES, LOGITS, X, scores

import pns_tf
import pns_tf.keras3
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.keras3.layers import prunable_weights
from pns_tf.keras3.scoring import score
from pns_tf.pruners import Pruner
from pns_tf.pruners.sample_batches import SampleBatches

L = keras.layers
LABELS = {"a": X[:, :3], "b": CLASSES}
LOSSES = {"a": "mse", "b": LOGITS}
WEIGHTS = np.linspace(0.5, 2.0, len(X))


class Seen(L.Layer):
    """Notes how many samples come by."""

    def __init__(self):
        super().__init__()
        self.counts = []

    def call(self, x):
        self.counts.append(int(x.shape[0]))
        return x


def two_heads(**options):
    """A regulariser, normalisation, an added loss, two losses of different weight."""
    keras.utils.set_random_seed(0)
    x = keras.Input((5,))
    h = L.Dense(8, "relu", kernel_regularizer="l2")(x)
    h = L.BatchNormalization(momentum=0.5)(h)
    model = keras.Model(x, [L.Dense(3, name=name)(h) for name in LABELS])
    model.add_loss(tf.reduce_mean(h**2))
    model.compile("sgd", **{"loss": LOSSES, "loss_weights": {"a": 3.0, "b": 0.5}} | options)
    return model


def same(some_at_a_time, at_once):
    for a, b in zip(some_at_a_time, at_once, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * np.abs(b).max())


@pytest.mark.slow
@given(
    size=st.integers(1, 50),
    pruner=st.sampled_from(["snip", "grasp"]),
    weight=st.sampled_from([None, WEIGHTS]),
)
@settings(max_examples=12, deadline=None)
def test_batches_of_any_size_give_the_scores_of_all_samples(size, pruner, weight):
    options = {"sample_weight": weight, "batch_statistics": False}
    whole = scores(two_heads(), LABELS, pruner, **options)
    same(scores(two_heads(), LABELS, pruner, batch_size=size, **options), whole)


def test_the_model_never_sees_more_samples_than_a_batch():
    for pruner, passes in (("snip", 1), ("grasp", 2)):
        seen = Seen()
        model = keras.Sequential([seen, L.Dense(3)])
        pruners.get(pruner).score(model, X, CLASSES, LOGITS, batch_size=16)
        assert set(seen.counts) == {16, 8}  # also while the model is built
        assert seen.counts[-3 * passes :] == passes * [16, 16, 8]


def test_classes_are_weighted_as_they_are_at_once():
    model, weights = keras.Sequential([L.Dense(3)]), {0: 1.0, 1: 4.0, 2: 0.0}
    parts = [
        pruners.get("snip").score(model, X, CLASSES, LOGITS, class_weight=weights, batch_size=size)
        for size in (7, None)
    ]
    same(*parts)


def test_ragged_samples_are_cut():
    texts = tf.ragged.constant([[1, 2, 3], [4], [5, 6], [2, 2, 2, 2]])
    model = keras.Sequential([keras.Input((None,), ragged=True), L.Embedding(9, 4), L.LSTM(3)])
    y = X[:4, :3]
    parts = [pruners.get("snip").score(model, texts, y, "mse", batch_size=n) for n in (3, None)]
    same(*parts)


def test_a_batch_normalised_by_its_own_statistics_is_normalised_by_those_of_the_batch():
    own = scores(two_heads(), LABELS, batch_statistics=True, batch_size=20)
    whole = scores(two_heads(), LABELS, batch_statistics=True)
    assert not np.allclose(own[0], whole[0], rtol=1e-3)
    same(scores(two_heads(), LABELS, batch_statistics=True, batch_size=40), whole)


@pytest.mark.parametrize("pruner", ["snip", "grasp", "magnitude"])
def test_prune_gives_the_masks_that_it_gives_at_once(pruner):
    schedule = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=1)
    masks = []
    for size in (None, 16):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([L.Dense(16, "relu"), L.Dense(3)])
        pruned = pns_tf.prune(model, pruner, schedule, X, CLASSES, loss=LOGITS, batch_size=size)
        pruned.compile(keras.optimizers.SGD(0.0), LOGITS, run_eagerly=True)
        pruned.fit(X, CLASSES, batch_size=40, verbose=0, callbacks=[pns_tf.UpdateMasks()])
        masks.append([layer.kernel.numpy() != 0 for layer in model.layers])
    for a, b in zip(*masks, strict=True):
        np.testing.assert_array_equal(a, b)


def keras3_model(**options):
    keras3.utils.set_random_seed(0)
    layers = keras3.layers
    model = keras3.Sequential(
        [
            keras3.Input((5,)),
            layers.Dense(8, "relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dense(3),
        ]
    )
    model.compile(pns_tf.keras3.Sparse("sgd"), **{"loss": "mse"} | options)
    return model


@pytest.mark.parametrize("pruner", ["snip", "grasp", "synflow"])
def test_keras_3_scores_in_batches(pruner):
    model, y = keras3_model(), X[:, :3]
    parts = [
        score(pruners.get(pruner), model, prunable_weights(model), X, y,
              sample_weight=WEIGHTS, batch_statistics=False, batch_size=size)
        for size in (16, None)
    ]  # fmt: skip
    same(*parts)


def test_keras_3_prunes_by_scores_in_batches():
    kernels = []
    for size in (None, 9):
        model = keras3_model()
        schedule = pns_tf.keras3.ConstantSparsity(0.5, begin_step=1)
        updates = pns_tf.keras3.UpdateMasks(
            "snip", schedule, X, X[:, :3], batch_statistics=False, batch_size=size
        )
        model.fit(X, X[:, :3], batch_size=40, verbose=0, callbacks=[updates])
        kernels.append(model.layers[0].kernel.numpy() == 0)
    np.testing.assert_array_equal(*kernels)


class OfSquares(Pruner):
    uses_data = True

    def calculate_scores(self, network, x, y):
        return network.gradient(lambda: network.loss(x, y) ** 2)


@pytest.mark.parametrize(("options", "said"), [
    ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
    ({"batch_size": "all"}, "batch_size must be an integer of at least 1, got 'all'"),
    ({"batch_size": 8, "loss": keras.losses.MeanSquaredError("sum")}, "MeanSquaredError with red"),
    ({"batch_size": 8, "pruner": OfSquares()}, "pruner 'OfSquares' takes its samples at once"),
])  # fmt: skip
def test_what_cannot_be_done_in_batches_is_refused(options, said):
    pruner, model = options.get("pruner", pruners.get("snip")), keras.Sequential([L.Dense(3)])
    options = {name: value for name, value in options.items() if name != "pruner"}
    with pytest.raises(InputError, match=said):
        pruner.score(model, X, X[:, :3], **options)


def test_sums_and_sparse_samples_are_refused():
    model = keras3_model(loss=keras3.losses.MeanSquaredError(reduction="sum"))
    with pytest.raises(InputError, match="MeanSquaredError with reduction 'sum'"):
        score(pruners.get("snip"), model, prunable_weights(model), X, X[:, :3], batch_size=4)
    sparse = tf.sparse.from_dense(X)
    model = keras.Sequential([keras.Input((5,), sparse=True), L.Dense(3)])
    with pytest.raises(InputError, match="batch_size cannot cut sparse samples"):
        pruners.get("snip").score(model, sparse, X[:, :3], "mse", batch_size=4)


def test_a_pruner_without_data_asks_for_no_mean():
    model = keras.Sequential([keras.Input((5,)), L.Dense(3)])
    model.compile("sgd", keras.losses.MeanSquaredError("sum"))
    same(pruners.get("magnitude").score(model, batch_size=4), pruners.get("magnitude").score(model))


def test_two_sets_of_samples_cannot_be_cut_alike():
    batches = SampleBatches(2)

    def derive():
        return [batches.mean(np.mean, X[:4]) + batches.mean(np.mean, X[:6])]

    with pytest.raises(InputError, match="batch_size needs one set of samples, got 4 and 6"):
        batches.added(derive)


def test_outside_of_derivatives_a_loss_is_of_all_samples():
    assert SampleBatches(3).mean(np.mean, X) == pytest.approx(X.mean(), rel=1e-5)
