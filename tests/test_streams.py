"""Targets are planted through sums, concatenations and batch normalisation."""

import dataclasses

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import INPUTS, SIDE, arrays, drawn, outputs

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.drawing import draw_parameters
from pns_tf.hosts.models import (
    host_from_model,
    masked_layers,
    norm_layers,
    set_masks,
)
from pns_tf.hosts.resnet import build_resnet
from pns_tf.hosts.wiring import Wiring
from pns_tf.planting.streams import plant_streams

X = np.random.default_rng(0).uniform(-1, 1, (6, 8, 8, 3)).astype(np.float32)
L = keras.layers


def planted_and_target(seed: int, steps: int):
    """Outputs of a planted random network divided by its scales, and of the network."""
    rng = np.random.default_rng(seed)
    net = drawn(rng, steps)
    target, host = arrays(net, 0, rng, density=0.7), arrays(net, 1, rng, density=1.0)
    planted = plant_streams(target, host, seed=seed)
    ticket = dataclasses.replace(
        host,
        kernels=[k * m for k, m in zip(planted.kernels, planted.kernel_masks, strict=True)],
        biases=[b * m for b, m in zip(planted.biases, planted.bias_masks, strict=True)],
        norms=planted.norms,
    )
    x = rng.uniform(-1, 1, (5, SIDE, SIDE, INPUTS))
    return outputs(net, ticket, x) / planted.scales, outputs(net, target, x)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(0, 9))
def test_a_random_network_is_planted_and_computes_the_same(seed, steps):
    ticket, target = planted_and_target(seed, steps)
    assert np.abs(ticket - target).max() <= 1e-3 * np.abs(target).max() + 1e-6


# Stock models


def normalised(h, filters, size=3, strides=1, relu=True, **of_norm):
    h = L.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(h)
    h = L.BatchNormalization(**of_norm)(h)
    return L.ReLU()(h) if relu else h


def mobile(width: int, shape=(8, 8, 3)) -> keras.Model:
    """Inverted residuals with linear bottlenecks, as in MobileNetV2."""
    inputs = h = keras.Input(shape)
    h = past = normalised(h, width)
    h = normalised(h, 3 * width, 1)
    h = L.DepthwiseConv2D(3, padding="same", use_bias=False)(h)
    h = L.ReLU()(L.BatchNormalization()(h))
    h = L.Add()([normalised(h, width, 1, relu=False), past])
    h = L.ZeroPadding2D(1)(normalised(h, 2 * width, 1))
    h = L.DepthwiseConv2D(3, strides=2)(h)
    h = L.GlobalAveragePooling2D()(L.Activation("relu")(h))
    return keras.Model(inputs, L.Dense(4)(h))


def dense_net(width: int) -> keras.Model:
    """Normalised before they are convolved; what comes in is concatenated to what goes out."""
    inputs = h = keras.Input((8, 8, 3))
    h = L.Conv2D(width, 3, padding="same")(h)
    for _ in range(2):
        new = L.ReLU()(L.BatchNormalization()(h))
        h = L.Concatenate()([h, L.Conv2D(width, 3, padding="same", use_bias=False)(new)])
    h = L.Flatten()(L.AveragePooling2D(4)(h))
    return keras.Model(inputs, L.Dense(4)(h))


def branched_vectors(width: int) -> keras.Model:
    inputs = keras.Input((8, 8, 3))
    h = L.Flatten()(inputs)
    past = h = L.ReLU()(L.BatchNormalization(scale=False)(L.Dense(width)(h)))
    h = L.BatchNormalization(center=False)(L.Dense(width, activation="relu")(h))
    return keras.Model(inputs, L.Dense(4)(L.Concatenate()([L.Add()([h, past]), past])))


def residual(shortcut: str):
    return lambda width: build_resnet("resnet8", (8, 8, 3), 4, width / 16, shortcut)


MODELS = {
    "mobile": mobile,
    "dense_net": dense_net,
    "branched_vectors": branched_vectors,
    "padding": residual("padding"),
    "projection": residual("projection"),
}


def scrambled(model: keras.Model, seed: int, density: float = 0.4) -> keras.Model:
    """A host made of the model, with random parameters, statistics and masks."""
    rng = np.random.default_rng(seed)
    model = draw_parameters(host_from_model(model), seed)
    for norm in norm_layers(model):
        size = norm.moving_mean.shape
        norm.set_weights([rng.normal(size=size) for _ in range(3)] + [rng.uniform(0, 2, size)])
    layers = masked_layers(model)
    for layer in layers:
        layer.bias.assign(0.1 * rng.standard_normal(layer.bias.shape))
    set_masks(model, [rng.random(w.shape) < density for x in layers for w in (x.kernel, x.bias)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobile", "dense_net", "branched_vectors"])
def test_a_model_with_branches_is_planted_in_a_wider_one(name):
    target = scrambled(MODELS[name](4), seed=1)
    host = draw_parameters(host_from_model(MODELS[name](7)), seed=2)
    planted = pns_tf.plant(target, host=host, seed=3)
    wanted, ticket = target(X).numpy(), planted.ticket(X).numpy() / planted.scales
    assert np.abs(ticket - wanted).max() <= 1e-3 * np.abs(wanted).max()
    for layer, drawn_layer in zip(masked_layers(planted.host), masked_layers(host), strict=True):
        outside = ~layer.planted_kernel_mask.numpy()
        np.testing.assert_array_equal(
            layer.kernel.numpy()[outside], drawn_layer.kernel.numpy()[outside]
        )


def test_a_host_made_of_a_model_with_branches_computes_the_same():
    for make in (mobile, dense_net):
        model = make(4)
        np.testing.assert_allclose(host_from_model(model)(X), model(X), rtol=1e-4, atol=1e-5)


def test_channels_that_are_added_are_one_strand_and_concatenated_ones_are_not():
    from pns_tf.hosts.graphs import wiring_of

    wiring = wiring_of(build_resnet("resnet8", (8, 8, 3), 4, 0.5))
    by_name = {node.name: wiring.strands[i] for i, node in enumerate(wiring.nodes)}
    np.testing.assert_array_equal(by_name["layer0"], by_name["layer2"])
    np.testing.assert_array_equal(by_name["layer2"], by_name["layer4"][4:12])  # option A
    assert not set(by_name["layer1"]) & set(by_name["layer2"])
    streams = wiring.streams()
    assert len(set(streams[by_name["layer4"]])) == 2  # those with the shortcut, and the others
    chain = Wiring.chain([(2, 3), (3, 1)])
    assert chain.streams().tolist() == [0, 0, 1, 1, 1, 2]


# What cannot work


def shared(h):
    layer = L.Dense(3)
    return L.Add()([layer(h), layer(L.Dense(3)(h))])


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda h: L.Add()([h, L.Dense(1)(h)]), r"different shapes.*\(3,\) and \(1,\)"),
        (lambda h: L.Dense(2)(L.LayerNormalization()(h)), "has a LayerNormalization"),
        (lambda h: L.Dense(2)(L.Activation("gelu")(L.Dense(3)(h))), "got 'gelu'"),
        (lambda h: L.Dense(2)(L.Softmax()(L.Dense(3)(h))), "has a Softmax"),
        (lambda h: L.BatchNormalization()(L.Dense(2)(h)), "must end in one linear.*BatchNorm"),
        (lambda h: L.Add()([L.Dense(2)(h), L.Dense(2)(h)]), "must end in one linear.*Add"),
        (shared, "must be called once"),
        (lambda h: L.Dense(2)(L.Multiply()([h, h])), "has a Multiply"),
    ],
)
def test_models_that_cannot_be_hosts_are_refused(make, complaint):
    inputs = keras.Input((3,))
    with pytest.raises(InputError, match=complaint):
        host_from_model(keras.Model(inputs, make(inputs)))


def test_statistics_that_cannot_be_divided_by_are_refused_and_a_variance_of_zero_is_not():
    inputs = keras.Input((3,))
    norm = L.BatchNormalization(center=False, scale=False)
    model = keras.Model(inputs, L.Dense(2)(L.ReLU()(norm(L.Dense(4)(inputs)))))
    norm.set_weights([np.full(4, 0.5), np.zeros(4)])
    host = draw_parameters(host_from_model(model), 1)
    planted = pns_tf.plant(model, host=host)
    x = np.random.default_rng(0).uniform(-1, 1, (5, 3)).astype(np.float32)
    wanted = model(x).numpy()
    ticket = planted.ticket(x).numpy() / planted.scales
    assert np.abs(ticket - wanted).max() <= 1e-3 * np.abs(wanted).max()
    norm.set_weights([np.zeros(4), np.full(4, -1.0)])
    with pytest.raises(InputError, match=r"moving variance above -0.001.*got -1"):
        host_from_model(model)


@pytest.mark.parametrize(
    ("target", "more", "complaint"),
    [
        (branched_vectors(4), {"hide": "strong"}, "needs hide='default', got 'strong'"),
        (branched_vectors(4), {"epsilon": 0.1}, "needs epsilon=None, got 0.1"),
        (branched_vectors(9), {}, "streams do not match the host's: 9 channels"),
        (dense_net(4), {}, "target and host differ"),
        ("circle", {}, "needs a trained model as target"),
    ],
)
def test_tickets_that_do_not_fit_a_host_with_branches_are_refused(target, more, complaint):
    with pytest.raises(InputError, match=complaint):
        pns_tf.plant(target, host=draw_parameters(host_from_model(branched_vectors(5))), **more)
