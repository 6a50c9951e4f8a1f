"""Convolutional layers carry masks, and targets are planted through pooling and flattening."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

import pns_tf
from pns_tf.hosts.drawing import draw_parameters
from pns_tf.hosts.kernels import by_source, part, with_part
from pns_tf.hosts.layers import PlantedConv2D
from pns_tf.hosts.models import (
    host_arrays,
    host_from_model,
    masked_arrays,
    masked_layers,
    set_masks,
)
from pns_tf.hosts.paths import effective_mask, flow_collapsed
from pns_tf.masks import Mask
from pns_tf.planting.target_model import ModelTarget
from tasks import InputError

X = np.random.default_rng(0).uniform(-1, 1, (6, 12, 12, 3)).astype(np.float32)


def stock(layers: list, shape=(12, 12, 3)) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *layers])


def network(widths=(6, 8, 10), end="flatten") -> keras.Model:
    """Stock layers: strides, "valid" padding, both kinds of pooling, two dense layers."""
    ends = {"flatten": keras.layers.Flatten(), "average": keras.layers.GlobalAveragePooling2D()}
    return stock(
        [
            keras.layers.Conv2D(widths[0], 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(widths[1], (3, 1), strides=(1, 2)),
            keras.layers.ReLU(),
            keras.layers.AveragePooling2D(2),
            ends[end],
            keras.layers.Dense(widths[2], "relu"),
            keras.layers.Dense(4),
        ]
    )


def sparse_target(seed: int, density: float = 0.4, **arguments) -> keras.Model:
    """Random values and masks, biases too."""
    rng = np.random.default_rng(seed)
    model = host_from_model(network(**arguments))
    for layer in masked_layers(model):
        layer.kernel.assign(rng.standard_normal(layer.kernel.shape))
        layer.bias.assign(rng.standard_normal(layer.bias.shape))
    set_masks(model, [rng.random(w.shape) < density for w in model.trainable_weights])
    return model


# The layer


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, (2, 1)])
def test_without_pruning_it_equals_keras_convolution(padding, strides):
    ours = PlantedConv2D(5, (3, 2), strides, padding, "relu")
    theirs = keras.layers.Conv2D(5, (3, 2), strides, padding, activation="relu")
    outputs = ours(X)
    theirs(X)
    theirs.set_weights([ours.kernel, np.linspace(-1, 1, 5)])
    ours.bias.assign(np.linspace(-1, 1, 5))
    outputs = ours(X)
    np.testing.assert_array_equal(outputs, theirs(X))
    assert ours.compute_output_shape(X.shape) == outputs.shape


def test_masked_entries_of_a_convolution_count_as_zero_and_have_no_gradient():
    model = sparse_target(0)
    kernels, biases = masked_arrays(model)
    pruned = host_from_model(network())
    for layer, kernel, bias in zip(masked_layers(pruned), kernels, biases, strict=True):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
    np.testing.assert_allclose(model(X), pruned(X), rtol=1e-5, atol=1e-5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(X) ** 2)
    layer = masked_layers(model)[1]
    gradient = tape.gradient(loss, layer.kernel).numpy()
    assert np.any(gradient)
    assert not np.any(gradient[layer.kernel_mask.numpy() == 0])


def test_tf_mot_may_prune_a_planted_convolution():
    layer = PlantedConv2D(5)
    layer(X)
    assert isinstance(layer, tfmot.sparsity.keras.PrunableLayer)
    assert [id(w) for w in layer.get_prunable_weights()] == [id(layer.kernel), id(layer.bias)]


@pytest.mark.slow
@pytest.mark.parametrize("file", ["host.keras", "host"])
def test_a_saved_convolutional_host_is_the_same(file, tmp_path):
    model = sparse_target(1)
    model.save(tmp_path / file)
    again = keras.models.load_model(tmp_path / file)
    np.testing.assert_array_equal(again(X), model(X))
    for old, new in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(old, new)


# Hosts made of other models


def test_a_host_made_of_a_stock_model_computes_the_same():
    model = network()
    np.testing.assert_allclose(host_from_model(model)(X), model(X), rtol=1e-5, atol=1e-6)


def test_a_host_made_of_a_host_keeps_its_masks():
    model = sparse_target(2)
    copy = host_from_model(model)
    for old, new in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_tf_mots_wrappers_are_taken_off():
    model = network()
    wrapped = tfmot.sparsity.keras.prune_low_magnitude(model)
    np.testing.assert_allclose(host_from_model(wrapped)(X), model(X), rtol=1e-5, atol=1e-6)


def branching() -> keras.Model:
    inputs = keras.Input((12, 12, 3))
    a = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2)(a) + keras.layers.Dense(2)(a))


def linear(x):
    """Not what its name says."""
    return x**2


def test_the_relu_of_tensorflow_is_a_relu():
    first = [keras.layers.Conv2D(4, 3, activation=tf.nn.relu), keras.layers.Flatten()]
    relu = keras.layers.Activation(tf.nn.relu)
    model = stock([*first, keras.layers.Dense(5), relu, keras.layers.Dense(2)])
    np.testing.assert_allclose(host_from_model(model)(X), model(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (lambda: stock([keras.layers.Conv2D(2, 3, activation="tanh")]), "got 'tanh'"),
        (lambda: stock([keras.layers.Conv2D(2, 3, activation=linear)]), "of your own, 'linear'"),
        (lambda: stock([keras.layers.BatchNormalization()]), "its logits: got BatchNormalization"),
        (lambda: stock([keras.layers.DepthwiseConv2D(3)]), "its logits: got DepthwiseConv2D"),
        (lambda: stock([keras.layers.Conv2D(2, 3, dilation_rate=2)]), "dilation_rate"),
        (lambda: stock([keras.layers.Softmax()]), "has a Softmax"),
        (branching, "has a TFOpLambda"),
        (lambda: stock([keras.layers.ReLU(negative_slope=0.3)]), "negative_slope 0.0, got 0.3"),
        (
            lambda: stock([keras.layers.Conv2D(2, 3, name="a"), keras.layers.Conv2D(2, 3)]),
            "no ReLU network: expected a ReLU between layers 'a' and",
        ),
        (
            lambda: stock([keras.layers.Conv2D(2, 3, activation="relu", name="a")]),
            "must be linear after its last layer with weights, 'a'",
        ),
        (
            lambda: stock([keras.layers.Conv2D(2, 3), keras.layers.ReLU(name="end")]),
            "got a ReLU in 'end'",
        ),
        (lambda: keras.Sequential([keras.layers.Dense(2)]), "has no weights yet"),
        (lambda: "vgg16", "a tf_keras model is needed, got a str"),
    ],
)
def test_models_that_cannot_be_hosts_are_refused(model, complaint):
    with pytest.raises(InputError, match=complaint):
        host_from_model(model())


# Planting


@pytest.mark.slow
@pytest.mark.parametrize("hide_biases", [False, True])
@pytest.mark.parametrize("end", ["flatten", "average"])
@pytest.mark.parametrize("seed", range(5))
def test_a_planted_model_computes_the_target_up_to_its_output_scales(seed, end, hide_biases):
    target = sparse_target(seed, end=end)
    host = draw_parameters(host_from_model(network((9, 12, 16), end)), seed)
    before = [array.copy() for arrays in host_arrays(host) for array in arrays]
    planted = pns_tf.plant(target, host=host, seed=seed, hide_biases=hide_biases)
    expected = target(X).numpy()
    error = np.abs(planted.ticket(X) / planted.scales - expected)
    assert error.max() <= 1e-5 * np.abs(expected).max()
    assert (planted.scales > 0).all()
    assert planted.sizes == [3, 9, 12, 16, 4]
    after = [array for arrays in host_arrays(planted.host) for array in arrays]
    masks = [*planted.planted_masks.kernels, *planted.planted_masks.biases]
    for old, new, mask in zip(before, after, masks, strict=True):
        others = ~mask if hide_biases or mask.ndim > 1 else ~mask & (new != 0)
        np.testing.assert_array_equal(new[others], old[others])


def test_planted_kernels_stay_in_the_range_of_their_layer():
    planted = pns_tf.plant(
        sparse_target(1), host=draw_parameters(host_from_model(network((30,) * 3)))
    )
    for layer, mask in zip(masked_layers(planted.host), planted.planted_masks.kernels, strict=True):
        kernel, others = layer.kernel.numpy(), np.append(layer.kernel.numpy()[~mask], layer.bias)
        assert others.min() <= kernel[mask].min() <= kernel[mask].max() <= others.max()


def test_channels_without_parameters_need_no_place():
    target = sparse_target(3)
    first, second = masked_layers(target)[:2]
    kernel_mask, bias_mask = first.kernel_mask.numpy(), first.bias_mask.numpy()
    kernel_mask[..., 2:], bias_mask[2:] = 0, 0
    next_mask = second.kernel_mask.numpy()
    next_mask[:, :, 2:] = 0
    first.kernel_mask.assign(kernel_mask)
    first.bias_mask.assign(bias_mask)
    second.kernel_mask.assign(next_mask)
    assert ModelTarget(target).shape == (3, 2, 8, 10, 4)
    planted = pns_tf.plant(target, host=draw_parameters(host_from_model(network((2, 8, 10)))))
    np.testing.assert_allclose(planted.ticket(X) / planted.scales, target(X), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_seed_decides_where_channels_go():
    host = draw_parameters(host_from_model(network((20, 20, 20))))
    planted = [pns_tf.plant(sparse_target(0, 0.05), host=host, seed=seed) for seed in (0, 0, 1)]
    assert planted[0].planted_masks == planted[1].planted_masks
    assert planted[0].planted_masks != planted[2].planted_masks


@pytest.mark.parametrize(
    ("target", "host", "complaint"),
    [
        (network(), network((5, 8, 10)), "width 5 is too small: the target needs 6"),
        (network(), network(end="average"), "differ in layer 2: the target's kernel has 2 places"),
        (network(), stock([keras.layers.Conv2D(4, 3)]), "differ in depth"),
    ],
)
def test_hosts_of_other_shapes_are_refused(target, host, complaint):
    with pytest.raises(InputError, match=complaint):
        pns_tf.plant(target, host=host)


def test_a_model_is_not_planted_without_a_host():
    with pytest.raises(InputError, match="needs a host that is a model"):
        pns_tf.plant(network())


# Kernels and paths


@given(
    places=st.integers(1, 4), sources=st.integers(1, 5), neurons=st.integers(1, 5), data=st.data()
)
def test_a_part_of_a_kernel_can_be_taken_out_and_put_back(places, sources, neurons, data):
    kernel = np.arange(float(places * sources * neurons)).reshape(places * sources, neurons)
    some = [
        np.array(sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1))))
        for size in (sources, neurons)
    ]
    values = part(kernel, sources, *some)
    assert by_source(values, len(some[0])).shape == (places, len(some[0]), len(some[1]))
    np.testing.assert_array_equal(with_part(kernel, sources, *some, values), kernel)
    changed = with_part(kernel, sources, *some, values + 1000)
    assert np.count_nonzero(changed != kernel) == values.size
    np.testing.assert_array_equal(part(changed, sources, *some), values + 1000)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), density=st.sampled_from([0.01, 0.03, 0.1, 0.3]))
def test_parameters_off_all_paths_do_not_change_how_outputs_depend_on_images(seed, density):
    model = sparse_target(seed, density)
    for layer in masked_layers(model):  # positive, so that no ReLU hides anything
        layer.kernel.assign(tf.abs(layer.kernel))
        layer.bias.assign(tf.abs(layer.bias) + 1)
    mask = Mask(
        [w.numpy() for lay in masked_layers(model) for w in (lay.kernel_mask, lay.bias_mask)]
    )
    x = np.abs(X) + 1

    def change(kept: Mask) -> np.ndarray:
        set_masks(model, kept)
        return (model(2 * x) - model(x)).numpy()

    full, effective = change(mask), change(effective_mask(mask))
    np.testing.assert_allclose(effective, full, rtol=1e-4, atol=1e-4)
    assert flow_collapsed(mask) == bool(np.all(full == 0))
