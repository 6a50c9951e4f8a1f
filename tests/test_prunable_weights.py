"""Which weights of a model can be pruned, and with which masks."""

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from small_models import bits, convnet, images, samples, small_host

from pns_tf import pruners
from pns_tf.pruning.prunable import prunable_weights


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
