"""Keras 3: the weights of samples and classes that `fit` has are those that are scored with."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_keras3 import LOGITS, L, at_once, network, samples

import pns_tf.keras3 as pns
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.keras3.backends import array_of
from pns_tf.keras3.fit_weights import weights_of
from pns_tf.keras3.layers import prunable_weights
from pns_tf.keras3.scoring import score

CLASSES = {0: 1.0, 1: 20.0, 2: 0.0}


def fitted(pruner="snip", fit=None, data=None, **given):
    """The masks after one step of training, with weights for ``fit`` and for `UpdateMasks`."""
    model, (x, y) = network(), samples()
    model.compile(pns.Sparse(keras.optimizers.SGD(0.0)), LOGITS)
    updates = pns.UpdateMasks(pruner, at_once(0.8), x, y, **given)
    where = {"x": x, "y": y} if data is None else {"x": data}
    model.fit(**where, shuffle=False, verbose=0, callbacks=[updates], **(fit or {}))
    return [array_of(mask) for _, mask in model.optimizer.masked()]


def same(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_class_weights_are_scored_as_fit_counts_them(pruner):
    weighted = fitted(pruner, {"class_weight": CLASSES}, class_weight=CLASSES)
    by_hand = np.array([CLASSES[label] for label in samples()[1]], np.float32)
    assert same(weighted, fitted(pruner, {"sample_weight": by_hand}, sample_weight=by_hand))
    assert not same(weighted, fitted(pruner))


def test_scores_are_slopes_of_the_loss_that_fit_reports():
    """Two weights of which the loss of ``fit`` reacts differently; SNIP divides by a sum."""
    (x, y), model = samples(), network()
    weights = prunable_weights(model)
    weight_of = weights_of(y, CLASSES)
    _, scores = score(pruners.get("snip"), model, weights, x, y, LOGITS, sample_weight=weight_of)
    kernel = weights[1].variable
    start = array_of(kernel)
    model.compile(keras.optimizers.SGD(0.0), LOGITS)

    def reaction(place):
        losses = []
        for step in (0.05, -0.05):
            moved = start.copy()
            moved[place] += step
            kernel.assign(moved)
            fit = model.fit(x, y, len(x), verbose=0, shuffle=False, class_weight=CLASSES)
            losses += fit.history["loss"]
        return abs((losses[0] - losses[1]) / 0.1 * start[place])

    large, small = (
        np.unravel_index(place, start.shape) for place in np.argsort(scores, axis=None)[[-1, -10]]
    )
    assert scores[large] > 2 * scores[small]
    assert reaction(large) / reaction(small) == pytest.approx(scores[large] / scores[small], 0.02)


@pytest.mark.parametrize("labels", ["sparse", "column", "one hot"])
def test_labels_of_every_shape_have_the_weight_of_their_class(labels):
    y = np.array([0, 1, 1, 3])
    shaped = {"sparse": y, "column": y[:, None], "one hot": np.eye(4)[y]}[labels]
    assert weights_of(shaped, {0: 2.0, 1: 5.0}).tolist() == [2, 5, 5, 1]


def in_batches():
    x, y = samples()
    return tf.data.Dataset.from_tensor_slices((x, y, np.ones(len(x)))).batch(8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fitted(fit={"class_weight": CLASSES}),
            r"trains with class_weight \{.*\}, but would be scored with None",
        ),
        (
            lambda: fitted("grasp", {"class_weight": CLASSES}, class_weight={0: 2}),
            r"scored with \{0: 2.0\}",
        ),
        (
            lambda: fitted(fit={"sample_weight": np.ones(32)}),
            "trains with weights of samples, but would be scored without",
        ),
        (lambda: fitted(data=in_batches()), "trains with weights of samples"),
        (lambda: fitted(class_weight=[1, 2]), r"class_weight must be a dict.*got \[1, 2\]"),
        (lambda: fitted(class_weight={0: -1}), "class_weight of class 0 must be a number"),
        (
            lambda: fitted(class_weight={0: 1}, sample_weight=np.ones(32)),
            "class_weight and sample_weight exclude each other",
        ),
        (
            lambda: pns.UpdateMasks("magnitude", at_once(), class_weight={0: 1}),
            "class_weight needs the labels y of a single output as an array, got NoneType",
        ),
    ],
)
def test_weights_that_scores_would_lack_are_refused_by_name(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_weights_that_do_not_matter_or_are_meant_are_not_refused():
    fitted("magnitude", {"class_weight": CLASSES})  # scores by no loss
    weighted = fitted(fit={"class_weight": CLASSES}, sample_weight=np.ones(32))
    assert same(weighted, fitted())


class Own(keras.Model):
    """A model whose ``fit`` is a function of its own that calls Keras's."""

    def __init__(self):
        super().__init__()
        self.head = L.Dense(3)

    def call(self, x):
        return self.head(x)

    def fit(self, *arguments, **more):
        return super().fit(*arguments, class_weight=CLASSES, **more)


def test_weights_that_a_fit_of_ones_own_adds_are_seen():
    (x, y), model = samples(), Own()
    model.compile(pns.Sparse("adam"), LOGITS)
    with pytest.raises(InputError, match="trains with class_weight"):
        model.fit(x, y, verbose=0, callbacks=[pns.UpdateMasks("snip", at_once(), x, y)])
