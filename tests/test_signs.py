"""Targets before they are constructed: the same function, with weights of both signs alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks
from pns_tf.constructing.copies import CONSTANT, Copies, own_constants, passed_constants
from pns_tf.constructing.signs import balanced, centred, target_of
from pns_tf.constructing.stretching import stretched
from pns_tf.swaps.objective import softmax
from pns_tf.tasks import Target
from pns_tf.tasks.kinds import CLASSIFICATION


def box(target: Target, samples: int = 500) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (samples, target.shape[0]))


@pytest.mark.parametrize("name", tasks.names())
@pytest.mark.parametrize("depth", [3, 5, 7])
def test_what_is_constructed_says_the_same_as_the_target(name, depth):
    task = tasks.get(name)
    target, own = target_of(task, depth), task.target(depth)
    x = box(own)
    deep = balanced(stretched(target, depth))
    np.testing.assert_allclose(deep(x), target(x), atol=1e-11)
    if task.kind is CLASSIFICATION:
        np.testing.assert_allclose(softmax(target(x)), softmax(own(x)), atol=1e-9)
        np.testing.assert_allclose(target(x).mean(axis=1), 0, atol=1e-9)
    else:
        np.testing.assert_array_equal(target(x), own(x))


def test_a_circle_target_adds_and_subtracts_alike():
    circle = tasks.get("circle")
    before = [np.sign(k).sum() for k in stretched(circle.target(5), 5).kernels]
    after = [np.sign(k).sum() for k in balanced(stretched(target_of(circle, 5), 5)).kernels]
    assert before == [0, 4, 2, 4, 80]
    assert after == [0, 0, 0, 0, 0]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), widths=st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_balancing_changes_no_output_of_any_target(seed, widths):
    rng = np.random.default_rng(seed)
    pairs = list(zip([2, *widths[:-1]], widths, strict=True))
    target = Target(
        [np.abs(rng.normal(size=pair)) * (rng.random(pair) < 0.7) for pair in pairs],
        [rng.normal(size=n) for n in widths],
    )
    deep = stretched(target, len(widths) + 1)
    turned = balanced(deep)
    x = box(target)
    np.testing.assert_allclose(turned(x), target(x), atol=1e-9)
    gap = sum(np.sign(k).sum() ** 2 + (np.sign(k).sum(axis=0) ** 2).sum() for k in deep.kernels)
    left = sum(np.sign(k).sum() ** 2 + (np.sign(k).sum(axis=0) ** 2).sum() for k in turned.kernels)
    assert left <= gap


def test_neurons_that_are_silent_somewhere_are_not_turned():
    target = Target([np.eye(1), np.ones((1, 1))], [np.zeros(1), np.zeros(1)])  # φ(x), silent below
    assert balanced(target).kernels[1].tolist() == [[1.0]]


def test_only_what_is_added_to_all_classes_is_taken_away():
    target = tasks.get("circle").target(3)
    x = box(target)
    apart = target(x) - centred(target)(x)
    np.testing.assert_allclose(apart, np.broadcast_to(apart[:, :1], apart.shape), atol=1e-9)
    assert np.abs(apart).max() > 1


def copies(neurons: int) -> Copies:
    """Of neuron 7 as often, which reads nothing."""
    return Copies(
        neurons=np.full(neurons, 7),
        of=np.zeros(neurons, int),
        scales=np.ones(neurons),
        signals=np.ones((4, neurons)),
        masks=np.zeros((3, neurons), bool),
        bias_masks=np.zeros(neurons, bool),
    )


def test_constants_pass_from_layer_to_layer_with_biases_masked():
    rng = np.random.default_rng(0)
    bias, kernel = rng.normal(size=20), rng.normal(size=(20, 30))
    first = own_constants(copies(0), bias, 3, rng)
    assert first.of.tolist() == [CONSTANT] * 3
    assert first.bias_masks.all()
    np.testing.assert_array_equal(first.scales, bias[first.neurons])
    later = passed_constants(copies(1), first, kernel, 8, 2, rng)
    assert later.of.tolist() == [0, *[CONSTANT] * 8]
    assert 7 not in later.neurons[1:]
    assert not later.bias_masks.any()
    assert later.masks.sum(axis=0).tolist() == [0, *[1] * 8]
    source = later.masks.argmax(axis=0)
    levels = kernel[first.neurons[source], later.neurons] * first.scales[source]
    np.testing.assert_allclose(later.scales[1:], levels[1:])
    possible = kernel[first.neurons] * first.scales[:, None]
    assert later.scales[1:].max() == pytest.approx(np.delete(possible, 7, axis=1).max())
