"""The layer of hosts: Dense, with masks that survive everything Keras does to a model."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.layers import PlantedDense
from pns_tf.hosts.models import host_from_arrays, masked_layers

SIZES = [3, 20, 10, 2]
X = np.random.default_rng(0).uniform(-1, 1, (50, 3)).astype(np.float32)


def random_masks(arrays):
    rng = np.random.default_rng(1)
    return [(rng.random(array.shape) < 0.5).astype(np.float32) for array in arrays]


@pytest.fixture
def masked_host():
    kernels, biases = draw_host(SIZES, seed=1)
    host = host_from_arrays(kernels, biases, random_masks(kernels), random_masks(biases))
    for layer in masked_layers(host):
        layer.planted_kernel_mask.assign(layer.kernel > 0.1)
        layer.planted_bias_mask.assign(layer.bias > 0.1)
    return host


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_without_pruning_it_equals_dense(activation):
    layer, dense = PlantedDense(7, activation), keras.layers.Dense(7, activation)
    outputs = layer(X)
    dense(X)
    dense.set_weights([layer.kernel.numpy(), layer.bias.numpy()])
    np.testing.assert_array_equal(outputs, dense(X))


def test_masked_parameters_count_as_zero():
    layer = PlantedDense(4, "relu")
    layer(X)
    layer.bias.assign([1.0, -2.0, 3.0, 4.0])
    kernel_mask, bias_mask = random_masks([np.empty((3, 4)), np.empty(4)])
    layer.kernel_mask.assign(kernel_mask)
    layer.bias_mask.assign(bias_mask)
    kernel, bias = layer.kernel.numpy() * kernel_mask, layer.bias.numpy() * bias_mask
    np.testing.assert_allclose(layer(X), np.maximum(X @ kernel + bias, 0), rtol=1e-5, atol=1e-6)


def test_planted_masks_do_not_take_part_in_the_computation(masked_host):
    before = masked_host(X).numpy()
    for layer in masked_layers(masked_host):
        layer.planted_kernel_mask.assign(tf.zeros_like(layer.planted_kernel_mask))
    np.testing.assert_array_equal(masked_host(X), before)


def test_masked_parameters_have_no_gradient(masked_host):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(masked_host(X) ** 2)
    layers = masked_layers(masked_host)
    gradients = tape.gradient(loss, [layer.kernel for layer in layers])
    for layer, gradient in zip(layers, gradients, strict=True):
        assert not np.any(gradient[layer.kernel_mask.numpy() == 0])
        assert np.any(gradient)


def test_only_kernel_and_bias_are_trained(masked_host):
    for layer in masked_layers(masked_host):
        assert {id(w) for w in layer.trainable_weights} == {id(layer.kernel), id(layer.bias)}
        assert len(layer.non_trainable_weights) == 4


def test_tf_mot_may_prune_kernel_and_bias(masked_host):
    for layer in masked_layers(masked_host):
        assert isinstance(layer, tfmot.sparsity.keras.PrunableLayer)
        assert [id(w) for w in layer.get_prunable_weights()] == [id(layer.kernel), id(layer.bias)]


def test_the_config_makes_the_same_layer_again():
    layer = PlantedDense(5, "relu", name="layer3")
    again = PlantedDense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.units, again.activation, again.name) == (5, keras.activations.relu, "layer3")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("file", ["host.keras", "host.h5", "host"])
def test_a_saved_host_has_the_same_parameters_masks_and_outputs(masked_host, file, tmp_path):
    """As a Keras file, an HDF5 file and a SavedModel."""
    masked_host.save(tmp_path / file)
    again = keras.models.load_model(tmp_path / file)
    np.testing.assert_array_equal(again(X), masked_host(X))
    assert len(again.weights) == len(masked_host.weights) == 6 * 3
    for old, new in zip(masked_layers(masked_host), masked_layers(again), strict=True):
        for name in ("kernel", "bias", "kernel_mask", "bias_mask"):
            np.testing.assert_array_equal(getattr(new, name), getattr(old, name))
        for name in ("planted_kernel_mask", "planted_bias_mask"):
            assert getattr(new, name).dtype == tf.bool
            np.testing.assert_array_equal(getattr(new, name), getattr(old, name))


def test_weights_and_masks_can_be_saved_alone(masked_host, tmp_path):
    masked_host.save_weights(tmp_path / "host.weights.h5")
    other = host_from_arrays(*draw_host(SIZES, seed=2))
    other.load_weights(tmp_path / "host.weights.h5")
    np.testing.assert_array_equal(other(X), masked_host(X))


def test_a_host_can_be_cloned(masked_host):
    clone = keras.models.clone_model(masked_host)
    clone.set_weights(masked_host.get_weights())
    np.testing.assert_array_equal(clone(X), masked_host(X))


def test_files_written_by_earlier_versions_still_load():
    saved = Path(__file__).parent / "reference" / "saved"
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    host = keras.models.load_model(saved / "host.keras")
    np.testing.assert_allclose(host(x), np.load(saved / "outputs.npy"), rtol=1e-5)
    with tfmot.sparsity.keras.prune_scope():
        pruned = keras.models.load_model(saved / "half_pruned.keras", compile=False)
    assert [type(layer).__name__ for layer in pruned.layers[1:]] == ["PruneBySaliency"] * 2
    masks = [mask.numpy() for layer in pruned.layers[1:] for _, mask, _ in layer.pruning_vars]
    assert sum(mask.sum() for mask in masks) == sum(mask.size for mask in masks) / 2
