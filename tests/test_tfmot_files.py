"""Models that are pruned by TF-MOT's wrapper: rewound, stripped, saved, with TF-MOT's own tools."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from test_tfmot import always, bars, convnet, fit, host, masks_of, points, sparsity, zeros

from pns_tf.checks import InputError
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tfmot.prune import prune, pruned_weights
from pns_tf.tfmot.update_masks import UpdateMasks
from pns_tf.tfmot.wrapper import PruneBySaliency, apply_masks, saliency_wrappers

# --- leaving the pruned weights in place -------------------------------------------------------


@pytest.mark.slow
def test_pruned_weights_can_stay_and_the_network_computes_the_same():
    x, y = bars(128)
    gone, kept = (
        prune(convnet(), "snip", always(0.3), x, y, biases=True, keep_pruned_weights=keep)
        for keep in (False, True)
    )
    for model in (gone, kept):
        fit(model, x, y, [UpdateMasks(), sparsity.UpdatePruningStep()], epochs=2)
    for a, b in zip(masks_of(gone), masks_of(kept), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(gone(x), kept(x), atol=1e-5)
    weights = pruned_weights(kept)
    assert zeros(w.variable[w.mask == 0] for w in weights) < 40  # biases start as zero
    assert zeros(w.variable for w in pruned_weights(gone)) == zeros(masks_of(gone))


def norms(model):
    layers = [*model.layers, *model.get_layer("head").layers]
    return [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.slow
def test_a_ticket_rewinds_to_its_initial_parameters():
    x, y = bars(128)
    model = prune(convnet(), "snip", always(0.3), x, y, keep_pruned_weights=True)
    initial = [variable.numpy() for variable in model.trainable_variables]
    fit(model, x, y, [UpdateMasks()], epochs=2, eagerly=True)
    ticket = masks_of(model)
    # No gradient reaches what is pruned, from the first batch on.
    before = {v.ref(): value for v, value in zip(model.trainable_variables, initial, strict=True)}
    for weight in pruned_weights(model):
        pruned = weight.mask.numpy() == 0
        moved = weight.variable.numpy() != before[weight.variable.ref()]
        assert pruned.any()
        assert not moved[pruned].any()
        assert moved[~pruned].mean() > 0.5
    for variable, value in zip(model.trainable_variables, initial, strict=True):
        variable.assign(value)
    assert all((a == b).all() for a, b in zip(ticket, masks_of(model), strict=True))
    rewound = convnet()
    for weight, mask in zip(prunable_weights(rewound, biases=False), ticket, strict=True):
        weight.variable.assign(weight.variable * mask)
    for new, old in zip(norms(rewound), norms(model), strict=True):  # statistics are not rewound
        new.set_weights(old.get_weights())
    np.testing.assert_allclose(rewound(x), model(x), atol=1e-5)


@pytest.mark.slow
def test_apply_masks_makes_stripping_possible():
    x, y = bars(64)
    model = prune(convnet(), "snip", always(0.3), x, y, keep_pruned_weights=True)
    fit(model, x, y, [UpdateMasks()], eagerly=True)
    outputs = model(x)
    unmasked = sparsity.strip_pruning(model)(x)
    assert np.abs(unmasked - outputs).max() > 0.01
    apply_masks(model)
    stripped = sparsity.strip_pruning(model)
    np.testing.assert_allclose(stripped(x), outputs, atol=1e-5)


# --- on disk, and with TF-MOT's own tools ------------------------------------------------------


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "keep"),
    [("model.h5", False), ("model.keras", False), ("model.keras", True), ("saved_model", True)],
)
def test_a_half_pruned_model_is_saved_loaded_and_pruned_on(tmp_path, file, keep):
    x, y = points()
    schedule = sparsity.PolynomialDecay(0.2, 0.8, begin_step=0, end_step=6, frequency=1)
    model = prune(host(), "snip", schedule, x, y, scope="local", keep_pruned_weights=keep)
    with pytest.warns(UserWarning, match="training ended at step 3, .* sparsity 0.725, not 0.8"):
        fit(model, x, y, [UpdateMasks()])  # 3 of 6 steps
    model.save(tmp_path / file)
    with sparsity.prune_scope():
        loaded = keras.models.load_model(tmp_path / file)
    assert all(isinstance(layer, PruneBySaliency) for layer in loaded.layers[1:])
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    halfway = masks_of(loaded)
    assert zeros(halfway) == zeros(masks_of(model)) > 0
    with pytest.raises(InputError, match="does not know its pruner"):
        fit(loaded, x, y, [UpdateMasks()])
    fit(model, x, y, [UpdateMasks()])
    fit(loaded, x, y, [UpdateMasks("snip", x, y, scope="local")])
    for before, a, b in zip(halfway, masks_of(model), masks_of(loaded), strict=True):
        np.testing.assert_array_equal(a, b)
        assert (b <= before).all()
        assert b.sum() == max(round(0.2 * b.size), 1)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.slow
def test_a_saved_model_computes_with_the_masks_without_this_project(tmp_path):
    x, y = bars(64)
    model = prune(convnet(), "snip", always(0.3), x, y, keep_pruned_weights=True)
    fit(model, x, y, [UpdateMasks()], eagerly=True)
    model.save(tmp_path / "saved_model")
    served = tf.saved_model.load(str(tmp_path / "saved_model"))
    outputs, expected = served.signatures["serving_default"](tf.constant(x)), model(x)
    np.testing.assert_allclose(*outputs.values(), expected, atol=1e-5)
    np.testing.assert_allclose(served(x, training=False), expected, atol=1e-5)


@pytest.mark.slow
def test_the_callbacks_of_tfmot_keep_working(tmp_path):
    x, y = bars(64)
    model = prune(convnet(), "snip", always(0.3), x, y)
    fit(
        model,
        x,
        y,
        [UpdateMasks(), sparsity.UpdatePruningStep(), sparsity.PruningSummaries(str(tmp_path))],
        epochs=2,
        eagerly=True,
    )
    assert {int(layer.pruning_step) for layer in saliency_wrappers(model)} == {4}
    tags = set()
    for file in (tmp_path / "metrics").glob("events*"):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            tags |= {value.tag for value in event.summary.value}
    assert len([tag for tag in tags if "kernel_mask" in tag and tag.endswith("/sparsity")]) == 4
    assert len([tag for tag in tags if tag.endswith("/threshold")]) == 4


@pytest.mark.slow
def test_scoring_during_fit_disturbs_neither_loss_nor_batch_statistics():
    x, y = bars(128)
    plain = prune(convnet(), "random", always(1.0))
    scored = prune(convnet(), "grasp", always(1.0), x, y)
    losses = []
    for model in (plain, scored):
        fit(model, x, y, [UpdateMasks()], eagerly=True)
        losses.append(model.history.history["loss"])
    assert losses[0] == losses[1]
    for a, b in zip(plain.get_weights(), scored.get_weights(), strict=True):
        if a.shape:  # thresholds differ
            np.testing.assert_array_equal(a, b)
