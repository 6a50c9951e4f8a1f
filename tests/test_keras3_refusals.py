"""What cannot be pruned in Keras 3 is said in one line, and what was not reached is warned of."""

import keras
import numpy as np
import pytest
import tf_keras
from test_keras3 import LOGITS, L, Net, at_once, network, pruned, samples, zeros

import pns_tf.keras3 as pns
from pns_tf.checks import InputError
from pns_tf.keras3.layers import prunable_weights


class Odd(L.Layer):
    """A matrix of which nobody knows whether it may be pruned."""

    def build(self, shape):
        self.table = self.add_weight(shape=(shape[-1], 4), name="table")

    def call(self, x):
        return keras.ops.matmul(x, self.table)


def test_a_layer_of_ones_own_says_what_can_be_pruned():
    class Said(Odd):
        def get_prunable_weights(self):
            return [self.table]

    model = keras.Sequential([keras.Input((8,)), Said(), L.Dense(3)])
    assert zeros(pruned(model, scope="local")) == [0.5, 0.5]


def compiled(model, optimizer=None, loss=LOGITS):
    model.compile(optimizer or pns.Sparse("adam"), loss)
    return model


def refused_in_training(model, updates):
    x, y = samples()
    model.fit(x, y, verbose=0, callbacks=[updates])


def words():
    layers = [keras.Input((8,), dtype="int32"), L.Embedding(9, 4, name="words")]
    return keras.Sequential([*layers, L.Flatten(), L.Dense(3)])


def with_another_head():
    model = pruned(network())
    x = keras.Input((8,))
    return compiled(keras.Model(x, L.Dense(3)(model.layers[0](x))), model.optimizer)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pns.UpdateMasks("snap", at_once()), "unknown pruner 'snap'.*did you mean 'snip'"),
        (lambda: pns.UpdateMasks("imp", at_once()), "unknown pruner 'imp': choose from magnitude"),
        (lambda: pns.UpdateMasks(3, at_once()), "pruner must be a name or"),
        (lambda: pns.UpdateMasks("snip", at_once()), "scores by samples: expected x and y"),
        (
            lambda: pns.UpdateMasks("snip", at_once(), np.full((2, 8), np.nan), np.zeros(2)),
            "x holds 16 values that are not finite",
        ),
        (lambda: pns.UpdateMasks("random", 0.5), "schedule must be PolynomialDecay"),
        (lambda: pns.UpdateMasks("random", at_once(), scope="all"), "unknown scope 'all'"),
        (lambda: pns.UpdateMasks("random", at_once(), pattern="2:4"), "pattern must be NofM"),
        (lambda: pns.Sparse(3), "Sparse wraps a Keras optimizer"),
        (lambda: pns.Sparse(pns.Sparse("adam")), "is sparse already"),
        (lambda: pns.ConstantSparsity(1.0, 0), "target_sparsity must be below 1"),
        (lambda: pns.PolynomialDecay(0, 0.5, 10, 5), "end_step must be an integer of at least 10"),
        (lambda: pns.PolynomialDecay(0, 0.5, 5, 5), "end_step must be after begin_step"),
        (lambda: pns.PolynomialDecay(0.9, 0.5, 0, 200), "must be at least initial_sparsity, got"),
        (
            lambda: pns.UpdateMasks("snip", at_once(), *samples(), sample_weight=np.ones(3)),
            r"sample_weight needs one weight for each of 32 samples, got shape \(3,\)",
        ),
        (
            lambda: pns.UpdateMasks("snip", at_once(), *samples(), loss="msee"),
            "loss must be one that Keras knows, got 'msee'",
        ),
        (
            lambda: pns.UpdateMasks("snip", at_once(), *samples(), batch_statistics="yes"),
            "batch_statistics must be True or False, got 'yes'",
        ),
        (
            lambda: refused_in_training(compiled(words()), pns.UpdateMasks("synflow", at_once())),
            "synflow' sends ones .* for words/embeddings are one row of all: leave it dense",
        ),
        (lambda: pns.Sparse("adam", masks_of=network()), "in which weights are pruned: .* no zero"),
        (lambda: pns.PolynomialDecay(0, 0.5, 0, 50), "frequency must be at most end_step, got 100"),
        (lambda: pns.ConstantSparsity(0.5, 0, frequency=0), "frequency must be an integer"),
        (lambda: prunable_weights(tf_keras.Sequential()), "must be a Keras 3 model, got a tf_k"),
        (lambda: pns.strip(compiled(network(), "adam")), "is not compiled with"),
        (
            lambda: refused_in_training(
                compiled(network(), "adam"), pns.UpdateMasks("magnitude", at_once())
            ),
            "is compiled with Adam, which keeps no weight at zero",
        ),
        (
            lambda: refused_in_training(
                compiled(network(), loss=None), pns.UpdateMasks("snip", at_once(), *samples())
            ),
            "compiled without one: compile it with a loss, or give",
        ),
        (
            lambda: refused_in_training(
                compiled(keras.Sequential([keras.Input((8,)), Odd(name="odd"), L.Dense(3)])),
                pns.UpdateMasks("magnitude", at_once()),
            ),
            r"'odd': table \(8, 4\)\).*skip=\['odd'\]",
        ),
        (
            lambda: refused_in_training(
                with_another_head(), pns.UpdateMasks("magnitude", at_once())
            ),
            "the mask of .*head/kernel, shape .16, 3., fits no trainable weight",
        ),
        (
            lambda: refused_in_training(
                compiled(Net()), pns.UpdateMasks("magnitude", at_once())
            ),
            "has no weights yet: build it",
        ),
        (
            lambda: refused_in_training(
                compiled(network()), pns.UpdateMasks("magnitude", at_once(), skip="haed")
            ),
            "skip fits no layer .* got 'haed' .did you mean 'head'",
        ),
        (
            lambda: pns.UpdateMasks("magnitude", at_once(), pattern=pns.NofM(2, 4), biases=3),
            "biases must be True or False",
        ),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_in_one_line(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_backend_that_is_not_known_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(InputError, match="'openvino', which cannot be pruned: choose from tensor"):
        pns.Sparse("adam")


def test_training_that_ends_before_the_schedule_says_how_far_it_came():
    schedule = pns.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=100, frequency=2)
    with pytest.warns(UserWarning, match=r"ended at step 4, .* step 100: density 0.\d+ reached"):
        pruned(network(), schedule=schedule)


def test_a_schedule_that_never_gets_to_its_end_says_so():
    schedule = pns.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=150, frequency=100)
    with pytest.warns(UserWarning, match="last update is at step 100, where its sparsity is 0.8"):
        pns.UpdateMasks("magnitude", schedule)


def test_a_layer_that_is_left_empty_is_named():
    model = network()
    model.get_layer("head").kernel.assign(1e-6 * model.get_layer("head").kernel)
    with pytest.warns(UserWarning, match="leaves nothing of head/kernel"):
        pruned(model, schedule=at_once(0.9))


def test_masks_that_were_saved_for_other_layers_are_refused(tmp_path):
    config = pruned(network()).optimizer.get_config()
    other = keras.Sequential([keras.Input((8,)), L.Dense(5), L.Dense(3)])
    with pytest.raises(InputError, match=r"a mask of shape \(8, 16\) was saved .* shape \(8, 5\)"):
        pns.Sparse.from_config(config).build(other.trainable_variables)
