"""Lemma 1: how far a ticket's parameters may be off, and how large activations can become."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tasks
from pns_tf.theory.activations import activation_bounds, largest_norms, sampled_norms
from pns_tf.theory.errors import allowed_errors, lemma1_errors, output_error
from tasks import InputError, Target

entries = st.one_of(st.just(0.0), st.floats(-3.0, 3.0).filter(lambda value: abs(value) > 1e-3))


@st.composite
def targets(draw) -> Target:
    shape = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    kernels = [draw(arrays(float, pair, elements=entries)) for pair in itertools.pairwise(shape)]
    return Target(kernels, [draw(arrays(float, width, elements=entries)) for width in shape[1:]])


def perturbed(target: Target, errors: np.ndarray, rng: np.random.Generator) -> Target:
    """A copy whose non-zero parameters are off, half of them by all that is allowed."""

    def off(values: np.ndarray, error: float) -> np.ndarray:
        shift = rng.uniform(-1, 1, values.shape)
        shift = np.where(rng.random(values.shape) < 0.5, np.sign(shift), shift)
        return values + np.where(values != 0, shift * error, 0.0)

    copy = Target(target.kernels, target.biases)
    copy.kernels = [off(k, e) for k, e in zip(target.kernels, errors, strict=True)]
    copy.biases = [off(b, e) for b, e in zip(target.biases, errors, strict=True)]
    return copy


# The largest activations


@settings(max_examples=200, deadline=None)
@given(target=targets())
def test_no_activation_is_above_its_bound(target):
    assert (sampled_norms(target, 500) <= largest_norms(target, cells=64)).all()


@settings(max_examples=100, deadline=None)
@given(target=targets(), cells=st.sampled_from([1, 16, 256]))
def test_smaller_cells_never_loosen_the_bound(target, cells):
    coarse, fine = (largest_norms(target, number) for number in (1, cells))
    assert (fine <= coarse * (1 + 1e-7)).all()


@pytest.mark.parametrize("depth", [3, 5, 10])
@pytest.mark.parametrize("name", tasks.names())
def test_the_bound_is_tight_for_the_tasks(name, depth):
    target = tasks.get(name).target(depth)
    bounded, sampled = largest_norms(target), sampled_norms(target)
    assert (sampled <= bounded).all()
    # A corner of a box of more dimensions is seldom sampled.
    assert (bounded <= (1.1 if target.shape[0] <= 2 else 1.2) * sampled).all()


def test_a_box_of_many_dimensions_is_one_cell():
    rng = np.random.default_rng(0)
    target = Target([rng.standard_normal((50, 3)), rng.standard_normal((3, 1))], [[0] * 3, [0]])
    (inputs, hidden) = activation_bounds(target)
    assert (inputs == 1).all()
    np.testing.assert_allclose(hidden, np.abs(target.kernels[0]).sum(axis=0)[None])


# The allowed errors


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(target=targets(), epsilon=st.floats(1e-3, 10.0), seed=st.integers(0, 1000))
def test_parameters_within_their_allowed_errors_move_no_output_by_more_than_epsilon(
    target, epsilon, seed
):
    rng = np.random.default_rng(seed)
    x = np.vstack([rng.uniform(-1, 1, (50, target.shape[0])), np.ones((1, target.shape[0]))])
    x = np.vstack([x, -x[-1:], np.sign(x)])
    errors = allowed_errors(target, epsilon)
    for _ in range(5):
        moved = np.abs(perturbed(target, errors, rng)(x) - target(x))
        assert moved.max() <= epsilon * (1 + 1e-9) + 1e-9
    assert output_error(target, errors) <= epsilon * (1 + 1e-9)


@pytest.mark.parametrize("depth", [3, 5, 10])
@pytest.mark.parametrize("name", tasks.names())
def test_for_the_tasks_the_lemma_as_written_holds_as_well(name, depth):
    target = tasks.get(name).target(depth)
    x = np.random.default_rng(0).uniform(-1, 1, (200, target.shape[0]))
    for errors in (allowed_errors(target, 0.1), lemma1_errors(target, 0.1)):
        for seed in range(20):
            copy = perturbed(target, errors, np.random.default_rng(seed))
            assert np.abs(copy(x) - target(x)).max() <= 0.1


def test_the_lemma_as_written_forgets_that_one_error_can_spread_over_many_neurons():
    """One neuron, read by 30, which the output adds up."""
    target = Target([[[1.0]], np.ones((1, 30)), np.ones((30, 1))], [[1.0], np.zeros(30), [0.0]])
    errors = lemma1_errors(target, 0.1)
    copy = Target(target.kernels, target.biases)
    copy.kernels[0] += errors[0]
    copy.biases[0] += errors[0]
    assert abs(copy([[1.0]]) - target([[1.0]])).item() > 0.3
    assert output_error(target, allowed_errors(target, 0.1)) <= 0.1 * (1 + 1e-9)


def test_the_lemma_as_written_fails_where_later_weights_are_small():
    """It then allows errors above ε/L, but takes later weights to be off by at most that."""
    target = Target([[[1e-3]]] * 3, [[0.0]] * 3)
    errors = lemma1_errors(target, 0.3)
    copy = Target(
        [kernel + error for kernel, error in zip(target.kernels, errors, strict=True)], [[0.0]] * 3
    )
    assert abs(copy([[1.0]]) - target([[1.0]])).item() > 0.3
    assert output_error(target, allowed_errors(target, 0.3)) <= 0.3 * (1 + 1e-9)


def test_lemma_1_by_hand():
    """Two layers, ε = 0.2: ε/L = 0.1, sup‖x‖₁ is 2 before the first layer and 1.5 behind it."""
    target = Target([[[1.0], [0.5]], [[2.0]]], [[0.0], [1.0]])
    errors = lemma1_errors(target, 0.2)
    assert errors[0] == pytest.approx(0.2 / (2 * np.sqrt(2) * (1 + 2) * (2.0 + 0.1)))
    assert errors[1] == pytest.approx(0.2 / (2 * np.sqrt(2) * (1 + 1.5)))


def test_a_layer_that_no_output_depends_on_may_be_off_by_anything():
    target = Target([[[1.0]], [[0.0]]], [[1.0], [2.0]])
    errors = allowed_errors(target, 0.1)
    assert errors[0] == 1
    assert errors[1] == pytest.approx(0.05)


@pytest.mark.parametrize("epsilon", [0, -1, "a", None, float("nan")])
def test_an_epsilon_that_is_not_above_zero_is_refused(epsilon):
    for errors in (allowed_errors, lemma1_errors):
        with pytest.raises(InputError, match="epsilon must be a number above 0"):
            errors(tasks.get("relu").target(3), epsilon)
