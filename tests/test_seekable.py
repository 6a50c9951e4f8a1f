"""What a search would not heed in a model is refused by name, and what is left out is said."""

import numpy as np
import pytest
import tf_keras as keras

import pns_tf
from pns_tf.checks import InputError
from pns_tf.tasks import Data

L = keras.layers
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)).astype(np.float32), RNG.normal(size=(40, 2)).astype(np.float32)
DATA = Data(X[:30], Y[:30], X[30:], Y[30:])


def model(*between, **options):
    keras.utils.set_random_seed(0)
    first = L.Dense(8, "relu", name="first", **options)
    return keras.Sequential([keras.Input((3,)), first, *between, L.Dense(2)])


def pruned():
    kernels = [RNG.normal(size=shape) for shape in ((3, 8), (8, 2))]
    masks = [np.ones((3, 8)), np.eye(8, 2)]
    return pns_tf.host_from_arrays(kernels, [np.zeros(8), np.zeros(2)], kernel_masks=masks)


@pytest.mark.parametrize(("made", "said"), [
    (lambda: model(trainable=False), "layer 'first' is frozen.*expected trainable=True"),
    (lambda: model(kernel_regularizer="l2"), "'first' has a kernel_regularizer.*expected None"),
    (lambda: model(bias_constraint="non_neg"), "layer 'first' has a bias_constraint"),
    (pruned, "is pruned already, 14 of its parameters: expected masks of ones"),
], ids=["frozen", "regulariser", "constraint", "pruned"])  # fmt: skip
def test_what_would_be_ignored_is_refused(made, said):
    with pytest.raises(InputError, match=said):
        pns_tf.seek(made(), "magnitude", 0.5, data=DATA, epochs=1)
    with pytest.raises(InputError, match=said):
        pns_tf.plant("helix", host=made())
    with pytest.raises(InputError, match=said):
        pns_tf.construct("relu", host=made())


@pytest.mark.slow
def test_dropout_is_left_out_and_the_same_seed_gives_the_same_training():
    def found():
        with pytest.warns(UserWarning, match="dropout of model .* is left out.*: rain"):
            return pns_tf.seek(model(L.Dropout(0.5, name="rain")), "snip", 0.5, data=DATA, epochs=2)

    first, again = found(), found()
    assert first.history == again.history
    assert [type(layer).__name__ for layer in first.model.layers] == [
        "InputLayer", "PlantedDense", "PlantedDense",
    ]  # fmt: skip


def test_dropout_in_a_branch_is_left_out():
    x = keras.Input((3,))
    a = L.Dense(4, "relu", name="a")(x)
    b = L.Dropout(0.5)(L.Dense(4, "relu", name="b")(x))
    both = keras.Model(x, L.Dense(2)(L.Add()([a, b])))
    with pytest.warns(UserWarning, match="is left out"):
        host = pns_tf.host_from_model(both)
    np.testing.assert_allclose(host(X), both(X), atol=1e-6)


def test_a_layer_may_be_called_like_the_input():
    named = keras.Sequential([keras.Input((3,)), L.Dense(8, "relu", name="x"), L.Dense(2)])
    np.testing.assert_allclose(pns_tf.host_from_model(named)(X), named(X), atol=1e-6)
