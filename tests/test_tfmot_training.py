"""What becomes of pruning by the end of a training, and what is refused before it begins."""

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from test_tfmot import LOSS, always, bars, convnet, fit, masks_of

from pns_tf.checks import InputError
from pns_tf.tfmot.prune import prune
from pns_tf.tfmot.update_masks import UpdateMasks
from pns_tf.tfmot.wrapper import saliency_wrappers

sparsity = tfmot.sparsity.keras


@pytest.mark.parametrize("make", [keras.optimizers.Adam, keras.optimizers.SGD])
def test_averages_of_the_weights_are_as_sparse_as_the_weights(make):
    x, y = bars(64)
    model = prune(convnet(), "magnitude", always(0.75))
    fit(model, x, y, [UpdateMasks()], optimizer=make(0.01, use_ema=True))
    for variable in sparsity.strip_pruning(model).trainable_variables:
        if variable.shape.rank > 1:
            assert 0 < np.count_nonzero(variable) < variable.shape.num_elements()
    kept = sum(int(mask.sum()) for mask in masks_of(model))
    left = sum(
        int(np.count_nonzero(weight))
        for wrapper in saliency_wrappers(model)
        for weight, _, _ in wrapper.pruning_vars
    )
    assert left <= kept


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (
            lambda: sparsity.PolynomialDecay(0.0, 0.9, 0, 1000, frequency=1),
            "training ended at step 2, .* not 0.9: density 0.9.* reached, 0.1 asked for",
        ),
        (
            lambda: sparsity.PolynomialDecay(0.0, 0.9, 0, 2, frequency=100),
            "sparsity 0, not 0.9: density 1 reached, 0.1 asked for",
        ),
    ],
)
def test_a_density_that_is_not_reached_is_warned_of(schedule, message):
    x, y = bars(64)
    model = prune(convnet(), "magnitude", schedule())
    with pytest.warns(UserWarning, match=message):
        fit(model, x, y, [UpdateMasks()])


def test_a_training_loop_of_ones_own_sets_no_params():
    x, y = bars(64)
    model = prune(convnet(), "magnitude", always(0.5))
    model.compile("adam", LOSS)
    updates = UpdateMasks()
    updates.set_model(model)
    updates.on_train_begin()
    for batch in range(2):
        updates.on_train_batch_begin(batch)
        model.train_on_batch(x, y)
        updates.on_train_batch_end(batch)
    updates.on_train_end()
    kept = np.concatenate([mask.ravel() for mask in masks_of(model)])
    assert kept.mean() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sample_weight": np.ones(3)}, r"one weight for each of 64 samples, got shape \(3,\)"),
        ({"loss": "msee"}, "loss must be one that Keras knows, got 'msee'"),
        ({"batch_statistics": "yes"}, "batch_statistics must be True or False, got 'yes'"),
    ],
)
def test_what_scoring_would_refuse_later_is_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        prune(convnet(), "snip", always(0.5), *bars(64), **settings)


def test_synflow_refuses_embeddings_unless_they_stay_dense():
    layers = keras.layers
    words = layers.Embedding(9, 4, input_length=6, name="words")
    model = keras.Sequential([words, layers.Flatten(), layers.Dense(2)])
    x, y = np.arange(48).reshape(8, 6) % 9, np.arange(8) % 2
    with pytest.raises(InputError, match=r"words.* are one row of all: leave it dense by skip"):
        fit(prune(model, "synflow", always(0.5)), x, y, [UpdateMasks()])
    fit(prune(model, "synflow", always(0.5), skip=["words"]), x, y, [UpdateMasks()])
