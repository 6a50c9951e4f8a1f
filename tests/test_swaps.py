"""Swaps: the live part of a network, exact effects of flips, and masks that get better."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pns_tf.hosts.paths import live_neurons
from pns_tf.masks import Mask
from pns_tf.swaps.network import BIAS, LiveNetwork
from pns_tf.swaps.objective import CrossEntropy, MeanSquare, objective
from pns_tf.swaps.proposals import OFF, Proposals
from pns_tf.swaps.search import TOO_FAR, SwapSettings, swap_search
from pns_tf.training.loop import Loop

EVERYTHING = 10**6


def forward(kernels, biases, mask, x):
    h = x
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        h = h @ (kernel * mask[2 * layer]) + bias * mask[2 * layer + 1]
        h = np.maximum(h, 0) if layer < len(kernels) - 1 else h
    return h


def random_stack(seed, sizes=(2, 6, 5, 4, 3), density=0.5):
    rng = np.random.default_rng(seed)
    shapes = list(pairwise(sizes))
    kernels = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    biases = [rng.normal(size=n).astype(np.float32) for _, n in shapes]
    mask = Mask.from_layers(
        [rng.random(shape) < density for shape in shapes],
        [rng.random(n) < density for _, n in shapes],
    )
    return kernels, biases, mask, rng.normal(size=(20, sizes[0])).astype(np.float32), rng


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_the_live_part_computes_what_the_whole_network_does(seed, density):
    kernels, biases, mask, x, rng = random_stack(seed, density=density)
    network = LiveNetwork(kernels, biases, mask, rng)
    expected = forward(kernels, biases, mask, x)
    np.testing.assert_allclose(network.outputs(x), expected, atol=1e-5)
    np.testing.assert_allclose(forward(kernels, biases, network.mask, x), expected, atol=1e-5)
    assert network.kept == network.mask.kept <= mask.kept
    assert all(np.all(a <= b) for a, b in zip(network.mask, mask, strict=True))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.2, 0.8))
def test_effects_and_prices_are_those_of_really_making_the_flip(seed, density):
    kernels, biases, mask, x, rng = random_stack(seed, density=density)
    network = LiveNetwork(kernels, biases, mask, rng)
    flips = network.candidates(EVERYTHING, rng)
    changes = network.effects(flips, x).transpose(0, 2, 1)
    before, on, prices = network.outputs(x), network.is_on(flips), network.prices(flips)
    kept = network.kept
    for number in rng.choice(len(flips), min(30, len(flips)), replace=False):
        network.flip(flips[[number]])
        np.testing.assert_allclose(network.outputs(x) - before, changes[number], atol=1e-4)
        np.testing.assert_allclose(
            forward(kernels, biases, network.mask, x), network.outputs(x), atol=1e-4
        )
        if not on[number] and np.abs(changes[number]).max() > 1e-6:
            assert network.kept == kept + prices[number]
        assert network.kept == network.mask.kept
        network.flip(flips[[number]])
    np.testing.assert_array_equal(network.outputs(x), before)


def test_what_a_flip_promises_is_the_loss_to_second_order_in_its_effect():
    kernels, biases, mask, x, rng = random_stack(5)
    y = rng.integers(0, 3, len(x))
    network, judge, scales = LiveNetwork(kernels, biases, mask, rng), CrossEntropy(), np.ones(3)
    flips = network.candidates(EVERYTHING, rng)
    expansion = judge.expansion(network.outputs(x), y, scales)
    effects = network.effects(flips, x)
    bent = np.einsum("nko,fon->fkn", expansion.root, effects)
    expected = np.einsum("no,fon->f", expansion.gradient, effects) + (bent**2).sum((1, 2)) / 2
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(
        network.promises(flips, x, expansion), expected, rtol=1e-4, atol=1e-5
    )


def test_a_neuron_that_only_its_bias_feeds_is_live_and_one_that_nothing_uses_is_not():
    mask = Mask([[[1, 0, 0]], [0, 1, 1], [[1], [1], [0]], [0]])
    assert [neurons.tolist() for neurons in live_neurons(mask)] == [[0], [0, 1], [0]]


def test_a_dormant_neuron_costs_what_feeds_it():
    kernels = [np.ones((1, 2), np.float32), np.ones((2, 1), np.float32)]
    biases = [np.zeros(2), np.zeros(1)]
    mask = Mask([[[1, 0]], [0, 0], [[1], [0]], [0]])
    network = LiveNetwork(kernels, biases, mask, np.random.default_rng(0))
    flips = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])
    assert network.prices(flips).tolist() == [1, 2, 1]  # biases are zero, so none feeds it
    network.flip(flips[[1]])
    assert network.mask.kept == 4
    assert network.prices(flips).tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_the_expansion_is_the_loss_to_second_order(kind):
    rng = np.random.default_rng(0)
    f, step = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    y = rng.integers(0, 3, 30) if kind == "classification" else rng.normal(size=(30, 3))
    judge, scales = objective(kind), np.array([0.5, 1.0, 2.0])
    expansion = judge.expansion(f, y, scales)

    def predicted(t):
        bent = np.einsum("npo,no->np", expansion.root, t * step)
        return np.sum(expansion.gradient * t * step) + 0.5 * np.sum(bent**2)

    base = judge.loss(f, y, scales)
    for t in (0.02, -0.02):
        true = judge.loss(f + t * step, y, scales) - base
        assert predicted(t) == pytest.approx(true, abs=2e-6)
    assert abs(predicted(0.02)) > 1e-4


def test_scales_are_the_best_ones():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(500, 3))
    y = np.array([rng.choice(3, p=p / p.sum()) for p in np.exp(logits * [3.0, 1.0, 0.5])])
    judge = CrossEntropy()
    scales, _ = judge.fit(logits, y, None)
    best = judge.loss(logits, y, scales)
    for change in np.vstack([np.eye(3), -np.eye(3)]):
        assert judge.loss(logits, y, scales * np.exp(0.05 * change)) > best
    np.testing.assert_allclose(judge.fit(logits, y, scales * 1.05)[0], scales, rtol=0.02)
    np.testing.assert_allclose(MeanSquare().fit(logits, logits * [2, 3, 4], None)[0], [2, 3, 4])


def no_features(few):
    return np.zeros((len(few), 1))


def test_several_parameters_leave_for_one_that_costs_several():
    alone = np.array([0.1, 0.2, 0.9, -5.0])
    off, prices = np.array([True, True, True, False]), np.array([1, 1, 1, 2])
    assert Proposals(alone, no_features, off, prices).swap(room=0) == [0, 1, 3]
    assert Proposals(alone, no_features, off, prices).swap(room=1) == [0, 3]
    assert Proposals(alone, no_features, off, prices).add(room=2) == [3]
    assert Proposals(alone, no_features, off, prices).add(room=1) == []


def test_what_was_made_changes_what_the_others_promise():
    alone = np.array([0.5, -1.0, -0.9])
    features = np.array([[0.0], [1.0], [1.0]])  # the two additions do the same
    off = np.array([True, False, False])
    proposals = Proposals(alone, lambda few: features[few], off, np.ones(3, int))
    assert proposals.add(room=2) == [1]
    proposals.made([1], np.ones(3, int))
    assert proposals.add(room=1) == []  # −0.9 + 1
    assert proposals.drop() == [0]
    proposals.made([0], np.ones(3, int))
    assert proposals.drop() == proposals.swap(room=0) == []


def problem(hidden=25):
    """A random stack, and a function that some part of it is to compute."""
    kernels, biases, *_ = random_stack(0, (1, hidden, hidden, 1))
    x = np.random.default_rng(1).uniform(-1, 1, (800, 1)).astype(np.float32)
    return kernels, biases, x, np.sin(3 * x)


def random_mask(kernels, biases, density, rng):
    return Mask.from_layers(
        [rng.random(kernel.shape) < density for kernel in kernels],
        [rng.random(bias.shape) < density for bias in biases],
    )


@pytest.mark.parametrize("density", [0.2, 0.5, 0.0])
def test_swaps_find_a_good_mask_within_the_count_from_few_many_or_no_parameters(density):
    kernels, biases, x, y = problem()
    rng = np.random.default_rng(1)
    start = random_mask(kernels, biases, density, rng)
    rounds = SwapSettings(rounds=20, screen=100)
    found, losses = swap_search(kernels, biases, start, 40, x, y, "regression", rounds, Loop(rng))
    outputs, judge = forward(kernels, biases, found, x), MeanSquare()
    _, loss = judge.fit(outputs, y, None)
    assert 0 < found.kept <= 40
    assert len(losses) == 20
    assert loss == pytest.approx(min(losses), rel=1e-3)
    assert loss < 0.05 * np.var(y)


def test_what_few_samples_mislead_to_is_undone():
    kernels, biases, x, y = problem()
    rng = np.random.default_rng(2)
    start = random_mask(kernels, biases, 0.5, rng)
    rounds = SwapSettings(rounds=30, screen=3)
    found, losses = swap_search(kernels, biases, start, 40, x, y, "regression", rounds, Loop(rng))
    outputs, judge = forward(kernels, biases, found, x), MeanSquare()
    _, loss = judge.fit(outputs, y, None)
    assert loss == pytest.approx(min(losses), rel=1e-3)
    astray = [i for i, loss in enumerate(losses) if loss > TOO_FAR * min(losses[: i + 1])]
    assert astray  # or the problem would be too easy for this test


def test_many_parameters_can_go_in_one_round():
    """More than are looked at together."""
    kernels, biases, x, y = problem()
    rng = np.random.default_rng(1)
    start = random_mask(kernels, biases, 0.9, rng)
    assert start.kept > 2 * OFF
    rounds = SwapSettings(rounds=1, screen=50, swaps=1)
    found, _ = swap_search(kernels, biases, start, 60, x, y, "regression", rounds, Loop(rng))
    assert 0 < found.kept <= 60


def test_equal_seeds_find_equal_masks():
    kernels, biases, x, y = problem()
    start = random_mask(kernels, biases, 0.2, np.random.default_rng(0))
    rounds = SwapSettings(rounds=3, screen=100)
    runs = [
        swap_search(
            kernels,
            biases,
            start,
            20,
            x,
            y,
            "regression",
            rounds,
            Loop(np.random.default_rng(seed)),
        )[0]
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


def test_classes_are_told_apart_by_swaps_too():
    kernels, biases, _, _, rng = random_stack(3, (2, 10, 8, 2))
    x = rng.normal(size=(600, 2)).astype(np.float32)
    y = (np.abs(x).sum(axis=1) > 1.2).astype(int)
    start = random_mask(kernels, biases, 0.3, rng)
    rounds = SwapSettings(rounds=20, screen=150)
    found, _ = swap_search(kernels, biases, start, 30, x, y, "classification", rounds, Loop(rng))
    outputs = forward(kernels, biases, found, x)
    scales, _ = CrossEntropy().fit(outputs, y, None)
    assert np.mean(np.argmax(outputs * scales, axis=1) == y) > 0.9


def test_the_result_is_the_mask_that_is_best_by_what_tickets_are_judged_by(monkeypatch):
    errors, error = [], CrossEntropy.error

    def noted(judge, outputs, y):
        errors.append(error(judge, outputs, y))
        return errors[-1]

    monkeypatch.setattr(CrossEntropy, "error", noted)
    kernels, biases, _, _, rng = random_stack(3, (2, 10, 8, 3))
    x = rng.normal(size=(300, 2)).astype(np.float32)
    y = np.digitize(np.abs(x).sum(axis=1), [1.0, 2.0])
    start = random_mask(kernels, biases, 0.3, rng)
    rounds = SwapSettings(rounds=12, screen=60)
    found, losses = swap_search(
        kernels, biases, start, 30, x, y, "classification", rounds, Loop(rng)
    )
    outputs = forward(kernels, biases, found, x)
    assert error(CrossEntropy(), outputs, y) == min(errors)
    assert CrossEntropy().fit(outputs, y, None)[1] > min(losses)  # the two can disagree


def test_one_round_has_nothing_to_choose_from(monkeypatch):
    monkeypatch.setattr(CrossEntropy, "error", None)  # takes long, and is not called
    kernels, biases, _, x, rng = random_stack(3, (2, 10, 8, 3))
    start, y = random_mask(kernels, biases, 0.5, rng), rng.integers(0, 3, len(x))
    rounds = SwapSettings(rounds=1, screen=20)
    found, _ = swap_search(kernels, biases, start, 20, x, y, "classification", rounds, Loop(rng))
    assert 0 < found.kept <= 20


def test_biases_are_flipped_too():
    kernels, biases, mask, _, rng = random_stack(0)
    flips = LiveNetwork(kernels, biases, mask, rng).candidates(EVERYTHING, rng)
    assert np.any(flips[:, 1] == BIAS)


def test_a_zero_bias_takes_no_parameter_of_the_ticket():
    kernels, biases, mask, x, rng = random_stack(0)
    zeros = [bias * 0 for bias in biases]
    found = LiveNetwork(kernels, zeros, mask, rng).mask
    assert not any(bias.any() for bias in found.biases)
    expected = forward(kernels, zeros, mask, x)
    np.testing.assert_allclose(forward(kernels, zeros, found, x), expected, atol=1e-5)


def test_without_waking_only_live_neurons_are_tried():
    kernels, biases, mask, x, rng = random_stack(0, density=0.15)
    network = LiveNetwork(kernels, biases, mask, rng, wake=False)
    flips = network.candidates(EVERYTHING, rng)
    assert np.all(network.prices(flips) == 1)
    awake = LiveNetwork(kernels, biases, mask, rng).candidates(EVERYTHING, rng)
    assert len(awake) > len(flips)
    np.testing.assert_allclose(network.outputs(x), forward(kernels, biases, mask, x), atol=1e-5)
