"""Pruned weights stay pruned when Keras 3 models are loaded, restored or compiled anew."""

import keras
import numpy as np
import pytest
from test_keras3 import LOGITS, L, network, samples

import pns_tf.keras3 as pns
from pns_tf.checks import InputError

# Of Keras itself, where it saves weights.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy")


def prune(model, callbacks=(), density=0.25, begin_step=1, epochs=2):
    updates = pns.UpdateMasks("magnitude", pns.ConstantSparsity(1 - density, begin_step))
    return train(model, [updates, *callbacks], epochs)


def train(model, callbacks=(), epochs=2):
    x, y = samples()
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=list(callbacks))
    return model


def fresh(optimizer=None):
    model = network()
    model.compile(optimizer or pns.Sparse("adam"), LOGITS)
    return model


def zeros(model):
    return [kernel == 0 for kernel in kernels(model)]


def kernels(model):
    return [layer.kernel.numpy() for layer in model.layers]


def assert_held(model, where):
    for now, before in zip(zeros(model), where, strict=True):
        np.testing.assert_array_equal(now, before)
    assert 0.7 < np.mean(np.concatenate([part.ravel() for part in where])) < 0.8


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Weights of a pruned model, of one before it was pruned, and where the first is zero."""
    folder = tmp_path_factory.mktemp("weights")
    model = train(fresh())
    model.save_weights(folder / "before.weights.h5")
    prune(model)
    model.save_weights(folder / "pruned.weights.h5")
    model.save(folder / "pruned.keras")
    return folder, zeros(model)


def test_weights_alone_bring_their_masks_along(saved):
    folder, where = saved
    model = fresh()
    model.optimizer.build(model.trainable_variables)
    model.load_weights(folder / "pruned.weights.h5")
    assert model.optimizer.steps == 2
    assert_held(train(model), where)


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_an_optimizer_that_is_not_built_keeps_the_masks_for_later(saved):
    folder, where = saved
    model = fresh()
    with pytest.warns(UserWarning, match="it has not been built yet; masks are loaded"):
        model.load_weights(folder / "pruned.weights.h5")
    assert_held(train(model), where)
    assert model.optimizer.steps == 4  # two of before, and two


def test_weights_of_before_pruning_free_what_was_pruned_since(saved):
    folder, _ = saved
    model = prune(fresh())
    model.load_weights(folder / "before.weights.h5")
    assert model.optimizer.steps == 0
    train(model)
    assert not any(part.any() for part in zeros(model))


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_weights_of_a_plain_optimizer_are_loaded_without_its_state(tmp_path):
    plain = train(fresh("adam"))
    plain.save_weights(tmp_path / "plain.weights.h5")
    model = fresh()
    model.optimizer.build(model.trainable_variables)
    with pytest.warns(UserWarning, match="because it has others; masks stay as they are"):
        model.load_weights(tmp_path / "plain.weights.h5")
    for mine, theirs in zip(kernels(model), kernels(plain), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_training_goes_on_from_its_backup_whichever_callback_comes_first(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)

    schedule = pns.ConstantSparsity(0.75, begin_step=1)
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), [backup(), pns.UpdateMasks("magnitude", schedule), Stop()])
    model = train(fresh(), [backup(), pns.UpdateMasks("magnitude", schedule)])
    assert model.optimizer.steps == 2
    assert np.mean(np.concatenate([part.ravel() for part in zeros(model)])) == 0.75


def test_a_model_that_is_compiled_anew_keeps_its_masks(saved):
    folder, where = saved
    model = keras.models.load_model(folder / "pruned.keras")
    model.compile(pns.Sparse("sgd", masks_of=model), LOGITS)
    assert_held(train(model), where)
    pns.strip(model)  # then its zeros say what was pruned
    model.compile(pns.Sparse("rmsprop", masks_of=model), LOGITS)
    assert_held(train(model), where)


def test_layers_that_are_still_trained_keep_theirs(saved):
    folder, where = saved
    model = keras.models.load_model(folder / "pruned.keras")
    model.layers[0].trainable = False
    model.compile(pns.Sparse("adam", masks_of=model), LOGITS)
    assert_held(train(model), where)


def test_zeros_that_nobody_holds_are_warned_of(saved):
    folder, _ = saved
    model = keras.models.load_model(folder / "pruned.keras")
    model.compile(pns.Sparse("adam"), LOGITS)
    with pytest.warns(UserWarning, match=r"is zero, .* Sparse\(optimizer, masks_of=model\)"):
        prune(model, density=0.5)


def early_stopping():
    """Goes back to the first epoch, in which the loss is highest."""
    return keras.callbacks.EarlyStopping("loss", mode="max", patience=9, restore_best_weights=True)


@pytest.mark.parametrize("first", [True, False])
def test_weights_that_a_callback_restores_are_no_pruned_ones(first):
    model = fresh()
    schedule = pns.ConstantSparsity(0.75, begin_step=2)
    callbacks = [pns.UpdateMasks("magnitude", schedule), early_stopping()]
    if first:
        train(model, callbacks)
        assert " 1\n" in pns.summary(model)  # it is dense, whatever its masks say
        with pytest.warns(UserWarning, match="pruned weights of model .* were not zero"):
            pns.strip(model)
    else:
        with pytest.warns(UserWarning, match="were not zero when training ended, .* EarlyStopping"):
            train(model, callbacks[::-1])
        pns.strip(model)
    assert np.mean(np.concatenate([part.ravel() for part in zeros(model)])) == 0.75


def test_a_whole_model_in_h5_is_refused_with_the_way_out(tmp_path):
    model = prune(fresh())
    model.save(tmp_path / "model.h5")
    with pytest.raises(InputError, match=r"Keras loads no optimizer from .h5, so save"):
        keras.models.load_model(tmp_path / "model.h5")


def test_masks_of_other_layers_are_refused(saved):
    folder, _ = saved
    other = keras.Sequential([keras.Input((8,)), L.Dense(16), L.Dense(4)])
    other.compile(pns.Sparse("adam"), LOGITS)
    other.optimizer.build(other.trainable_variables)
    with pytest.raises(ValueError, match="shape"):
        other.load_weights(folder / "pruned.weights.h5")
