"""Models that `prune` has wrapped, on disk, in a process of their own, and on two devices."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from test_any_model import (
    HALVES,
    POINTS,
    SEQUENCES,
    Gated,
    L,
    always,
    dense,
    density_of,
    fit,
    masks_of,
    sparsity,
)

import pns_tf
from pns_tf.checks import InputError

pytestmark = [
    pytest.mark.filterwarnings("ignore:pruning at step .* leaves nothing of"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]


def attending():
    keras.utils.set_random_seed(0)
    x = keras.Input((10, 8))
    h = L.MultiHeadAttention(2, 4, name="attention")(x, x)
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(Gated(8, name="mine")(h))))


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.keras", "model.h5"])
def test_attention_is_saved_and_loaded_half_pruned(tmp_path, file):
    y = (SEQUENCES[:, 0, 0] > 0).astype(int)
    model = pns_tf.prune(attending(), "snip", always(0.5), SEQUENCES, y)
    fit(model, SEQUENCES, y)
    model.save(tmp_path / file)
    with sparsity.prune_scope(), keras.utils.custom_object_scope({"Gated": Gated}):
        loaded = keras.models.load_model(tmp_path / file)
    np.testing.assert_allclose(loaded(SEQUENCES), model(SEQUENCES), atol=1e-6)
    for before, after in zip(masks_of(model), masks_of(loaded), strict=True):
        np.testing.assert_array_equal(before, after)
    callback = pns_tf.UpdateMasks("snip", SEQUENCES, y)
    loaded.fit(SEQUENCES, y, verbose=0, callbacks=[callback])
    assert density_of(masks_of(loaded)) == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_attention_is_not_written_into_a_saved_model_that_would_lose_it(tmp_path):
    model = pns_tf.prune(attending(), "magnitude", always(0.5))
    with pytest.raises(InputError, match="'attention' makes its weights when it is first called"):
        model.save(tmp_path / "saved")
    tfmot.sparsity.keras.strip_pruning(model).save(tmp_path / "saved")


@pytest.mark.slow
def test_kept_weights_inside_other_layers_are_masked_in_a_saved_model(tmp_path):
    y = (SEQUENCES[:, 0, 0] > 0).astype(int)
    model = keras.Sequential([keras.Input((10, 8)), L.Bidirectional(L.SimpleRNN(5)), L.Dense(2)])
    model = pns_tf.prune(model, "snip", always(0.3), SEQUENCES, y, keep_pruned_weights=True)
    fit(model, SEQUENCES, y)
    tf.saved_model.save(model, str(tmp_path / "saved"))
    served = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    outputs = next(iter(served(tf.constant(SEQUENCES)).values()))
    np.testing.assert_allclose(outputs, model(SEQUENCES), atol=1e-5)


LOAD = """
import sys
{imports}
for file in sys.argv[1:]:
    model = tf_keras.models.load_model(file)
    print([type(layer).__name__ for layer in model.layers[-2:]])
"""


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import pns_tf, tf_keras", "import tf_keras, pns_tf"])
def test_half_pruned_models_are_loaded_after_importing_the_package_alone(
    tmp_path, run_python, imports
):
    model = fit(pns_tf.prune(dense(), "magnitude", always(0.5)), POINTS, HALVES)
    files = ("model.keras", "model.h5")
    for file in files:
        model.save(tmp_path / file)
    done = run_python("-c", LOAD.format(imports=imports), *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 2 * "['PruneBySaliency', 'PruneBySaliency']\n"


MIRRORED = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import tf_keras as keras, tensorflow_model_optimization as tfmot, pns_tf
x = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
y = (x[:, 0] > 0).astype(int)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
schedule = tfmot.sparsity.keras.ConstantSparsity(0.7, 0, frequency=2)

def masks(pruner, keep, strategy):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        layers = [keras.layers.Dense(20, "relu", input_shape=(6,)), keras.layers.Dense(2)]
        model = keras.Sequential(layers)
        model = pns_tf.prune(model, pruner, schedule, x, y, keep_pruned_weights=keep)
        model.compile("adam", loss)
    model.fit(x, y, batch_size=32, verbose=0, shuffle=False, callbacks=[pns_tf.UpdateMasks()])
    pairs = [pair for layer in model.layers for pair in layer.pruning_vars]
    zeros = sum((weight.numpy() == 0).sum() for weight, _, _ in pairs)
    return np.concatenate([mask.numpy().ravel() for _, mask, _ in pairs]), zeros

for pruner, keep in [("grasp", False), ("synflow", True)]:
    two, zeros = masks(pruner, keep, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
    one, _ = masks(pruner, keep, tf.distribute.get_strategy())
    assert (one == two).mean() > 0.97, (pruner, (one == two).mean())
    assert zeros == (0 if keep else (two == 0).sum()), (pruner, zeros)
print("fine")
"""


@pytest.mark.slow
def test_two_devices_find_the_masks_of_one(run_python, tmp_path):
    done = run_python("-c", MIRRORED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("fine\n")
