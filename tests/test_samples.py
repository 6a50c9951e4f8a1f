"""Samples that a score is computed on: in which form they are taken, and what is said otherwise."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.sparsity.keras import ConstantSparsity

import pns_tf
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.pruning.prunable import prunable_weights

X = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
Y = np.arange(20) % 2
HALF = ConstantSparsity(0.5, 0, frequency=1)


class Batches(keras.utils.Sequence):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return X, Y


def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((3,))
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.Dense(8, "relu")(x)))


def reconstructing():
    """A model whose loss needs no labels, as that of an autoencoder."""
    plain = model()
    plain.add_loss(tf.reduce_mean(tf.square(plain.output - plain.input)))
    return plain


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(5), id="data set"),
        pytest.param(lambda: iter([(X, Y)]), id="generator"),
        pytest.param(Batches, id="sequence"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda x: pns_tf.prune(model(), "snip", HALF, x),
        lambda x: pns_tf.UpdateMasks("snip", x),
        lambda x: pruners.get("grasp").score(model(), x),
    ],
    ids=["prune", "UpdateMasks", "score"],
)
def test_batches_one_after_the_other_are_refused_with_the_way_to_draw_from_them(stream, use):
    with pytest.raises(InputError, match=r"x must be arrays, got .*scoring_batch draws"):
        use(stream())


def test_as_many_labels_as_samples():
    for use in (
        lambda: pns_tf.prune(model(), "snip", HALF, X, Y[:-1]),
        lambda: pruners.get("snip").score(model(), X, Y[:-1]),
        lambda: pruners.get("snip").score(model(), [X, X], [Y, Y[:-1]]),
    ):
        with pytest.raises(InputError, match="equally many samples, got 19, 20"):
            use()


def test_a_loss_without_labels_is_scored_as_fit_minimises_it():
    autoencoder = reconstructing()
    autoencoder.compile("sgd")
    found = pruners.get("snip").score(
        autoencoder, X, weights=prunable_weights(autoencoder, biases=False)
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(autoencoder(X) - X))
    kernels = [layer.kernel for layer in autoencoder.layers if layer.weights]
    right = [abs(k * g) for k, g in zip(kernels, tape.gradient(loss, kernels), strict=True)]
    for score, wanted in zip(found, right, strict=True):
        np.testing.assert_allclose(score / found[0].max(), wanted / np.max(right[0]), rtol=1e-4)


def test_a_model_without_labels_is_pruned_during_fit():
    pruned = pns_tf.prune(reconstructing(), "snip", HALF, X)
    pruned.compile("sgd")
    pruned.fit(X, verbose=0, callbacks=[pns_tf.UpdateMasks()])
    kept = [weight.mask.numpy() for weight in prunable_weights(pruned) if weight.mask is not None]
    assert sum(mask.sum() for mask in kept) == sum(mask.size for mask in kept) / 2


def test_missing_labels_are_said_where_the_loss_needs_them():
    with pytest.raises(InputError, match="expected x and y, got no y"):
        pns_tf.prune(model(), "snip", HALF, X)
    with pytest.raises(InputError, match="expected x and y, got none"):
        pns_tf.prune(model(), "snip", HALF)
    both = reconstructing()
    both.compile("sgd", "mse")
    with pytest.raises(InputError, match="has a loss of its outputs: expected labels y"):
        pruners.get("snip").score(both, X)
