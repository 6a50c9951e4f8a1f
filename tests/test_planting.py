"""A planted ticket computes its target, and looks like the host around it."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tasks
from pns_tf.hosts.initializers import INITIALIZERS, draw_host, host_sizes
from pns_tf.planting.algorithm import PlantedArrays, match, plant_arrays
from tasks import InputError, Target


def ticket(planted: PlantedArrays, x: np.ndarray, dtype=np.float64) -> np.ndarray:
    """Outputs of the planted ticket, host ⊙ planted mask, divided by its scales."""
    kernels = [k * m for k, m in zip(planted.kernels, planted.kernel_masks, strict=True)]
    biases = [b * m for b, m in zip(planted.biases, planted.bias_masks, strict=True)]
    h = x.astype(dtype)
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        h = h @ kernel.astype(dtype) + bias.astype(dtype)
        h = np.maximum(h, 0) if layer < len(kernels) - 1 else h
    return h / planted.scales


def places(planted: PlantedArrays, target: Target, layer: int):
    """Index of the planted ticket's kernel block in a host's kernel."""
    inputs = np.arange(target.shape[0])
    sources = planted.neurons[layer - 1] if layer else inputs
    return np.ix_(sources, planted.neurons[layer])


def check_places(planted: PlantedArrays, target: Target) -> None:
    """Each target neuron has a host neuron of its own; outputs keep their order."""
    for layer, chosen in enumerate(planted.neurons):
        assert len(set(chosen.tolist())) == len(chosen) == target.shape[layer + 1]
        block = places(planted, target, layer)
        kernel_mask, bias_mask = planted.kernel_masks[layer], planted.bias_masks[layer]
        np.testing.assert_array_equal(kernel_mask[block], target.kernels[layer] != 0)
        np.testing.assert_array_equal(bias_mask[chosen], target.biases[layer] != 0)
        assert kernel_mask.sum() == np.count_nonzero(target.kernels[layer])
        assert bias_mask.sum() == np.count_nonzero(target.biases[layer])
    np.testing.assert_array_equal(planted.neurons[-1], np.arange(target.shape[-1]))


def check_host_untouched(planted: PlantedArrays, target: Target, host, hide_biases: bool) -> None:
    """Nothing outside the ticket has changed, except biases of planted neurons that became 0."""
    kernels, biases = host
    for layer, chosen in enumerate(planted.neurons):
        others = ~planted.kernel_masks[layer]
        np.testing.assert_array_equal(planted.kernels[layer][others], kernels[layer][others])
        expected = biases[layer].copy()
        if not hide_biases:
            expected[chosen[target.biases[layer] == 0]] = 0
        others = ~planted.bias_masks[layer]
        np.testing.assert_array_equal(planted.biases[layer][others], expected[others])


def check_scales(planted: PlantedArrays, target: Target) -> None:
    """Scales are positive: planted values have the signs of the target's."""
    assert (planted.scales > 0).all()
    for layer, chosen in enumerate(planted.neurons):
        block = places(planted, target, layer)
        np.testing.assert_array_equal(
            np.sign(planted.kernels[layer][block] * (target.kernels[layer] != 0)),
            np.sign(target.kernels[layer]),
        )
        used = target.biases[layer] != 0
        np.testing.assert_array_equal(
            np.sign(planted.biases[layer][chosen[used]]), np.sign(target.biases[layer][used])
        )


def check_range(planted: PlantedArrays) -> None:
    """Planted values lie between the smallest and the largest of their layer's other values.

    Where a layer has no other value of one sign, planted ones of that sign have no bound.
    """
    for layer, (kernel, bias) in enumerate(zip(planted.kernels, planted.biases, strict=True)):
        kernel_mask, bias_mask = planted.kernel_masks[layer], planted.bias_masks[layer]
        others = np.concatenate([kernel[~kernel_mask], bias[~bias_mask]])
        values = np.concatenate([kernel[kernel_mask], bias[bias_mask]])
        if others.size and values.size:
            assert others.max() <= 0 or values.max() <= others.max(), layer
            assert others.min() >= 0 or values.min() >= others.min(), layer


@pytest.mark.parametrize("hide_biases", [False, True])
@pytest.mark.parametrize("depth", range(3, 11))
@pytest.mark.parametrize("name", tasks.names())
def test_tickets_of_all_tasks_hold_their_promises(name, depth, hide_biases):
    task = tasks.get(name)
    target = task.target(depth)
    x = task.data(samples=2000).x_train
    expected = target(x)
    for seed in range(5):
        host = draw_host(host_sizes(task.inputs, task.outputs, depth, width=100), seed)
        planted = plant_arrays(target, *host, hide_biases=hide_biases, seed=seed)
        error = np.abs(ticket(planted, x, np.float32) - expected)
        assert error.max() <= 1e-4 * np.abs(expected).max()
        check_places(planted, target)
        check_host_untouched(planted, target, host, hide_biases)
        check_scales(planted, target)
        check_range(planted)


@pytest.mark.parametrize("init", INITIALIZERS)
@pytest.mark.parametrize("name", tasks.names())
def test_tickets_fit_into_hosts_of_every_initialisation(name, init):
    task = tasks.get(name)
    target = task.target(6)
    x = task.data(samples=1000).x_train
    host = draw_host(host_sizes(task.inputs, task.outputs, 6, width=60), 7, init)
    planted = plant_arrays(target, *host)
    assert np.abs(ticket(planted, x) - target(x)).max() <= 1e-4 * np.abs(target(x)).max()
    check_range(planted)


# Hypothesis: targets with zeros and dead neurons, in hosts exactly as wide or a little wider.

entries = st.one_of(
    st.just(0.0), st.floats(0.05, 5.0), st.floats(-5.0, -0.05)
)  # smaller ones would test float32, not planting


@st.composite
def targets(draw) -> Target:
    shape = draw(st.lists(st.integers(1, 4), min_size=2, max_size=6))
    kernels = [draw(arrays(float, pair, elements=entries)) for pair in itertools.pairwise(shape)]
    return Target(kernels, [draw(arrays(float, width, elements=entries)) for width in shape[1:]])


@st.composite
def hosts(draw, target: Target):
    hidden = [width + draw(st.integers(0, 4)) for width in target.shape[1:-1]]
    sizes = [target.shape[0], *hidden, target.shape[-1]]
    return draw_host(sizes, draw(st.integers(0, 1000)), draw(st.sampled_from([*INITIALIZERS])))


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(data=st.data(), hide_biases=st.booleans())
def test_any_target_can_be_planted_into_any_host_that_is_wide_enough(data, hide_biases):
    target = data.draw(targets())
    host = data.draw(hosts(target))
    seed = data.draw(st.integers(0, 1000))
    planted = plant_arrays(target, *host, hide_biases=hide_biases, seed=seed)
    check_places(planted, target)
    check_host_untouched(planted, target, host, hide_biases)
    check_scales(planted, target)
    check_range(planted)
    x = np.random.default_rng(0).uniform(-1, 1, (50, target.shape[0]))
    # Rounding is relative to the size of the summands, not of their sum.
    size = Target(list(map(np.abs, target.kernels)), list(map(np.abs, target.biases)))(np.abs(x))
    error = np.abs(ticket(planted, x) - target(x))
    assert (error <= 1e-5 * size + 1e-12).all()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_planting_leaves_its_arguments_alone(data):
    target = data.draw(targets())
    kernels, biases = data.draw(hosts(target))
    before = [array.copy() for array in (*target.kernels, *target.biases, *kernels, *biases)]
    plant_arrays(target, kernels, biases)
    for old, new in zip(before, (*target.kernels, *target.biases, *kernels, *biases), strict=True):
        np.testing.assert_array_equal(old, new)


# The assignment


def distance(theta: np.ndarray, m: np.ndarray) -> float:
    """q = min_λ ‖θ − λm‖₂ over θ's support, ∞ unless the best λ is positive."""
    theta, m = theta[theta != 0], m[theta != 0]
    lam = theta @ m / (m @ m)
    return float(np.linalg.norm(theta - lam * m)) if lam > 0 else np.inf


@pytest.mark.parametrize("seed", range(20))
def test_the_assignment_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    theta = rng.standard_normal((3, 3)) * (rng.random((3, 3)) < 0.8)
    theta[0, :] = 1.0  # no neuron without parameters
    offered = rng.standard_normal((3, 7))
    q = np.array([[distance(t, m) for m in offered.T] for t in theta.T])

    def total(neurons):
        return sum(q[i, j] for i, j in enumerate(neurons))

    best = min(map(total, itertools.permutations(range(7), 3)))
    assert np.isfinite(best)
    assert total(match(theta, offered)) == pytest.approx(best)


def test_the_nearest_pair_is_given_up_where_that_is_better_overall():
    def at(*degrees):
        angle = np.radians(degrees)
        return np.array([np.cos(angle), np.sin(angle)])

    theta, offered = at(45, 50), at(47, 1)
    assert distance(theta[:, 0], offered[:, 0]) < distance(theta[:, 1], offered[:, 0])
    assert match(theta, offered).tolist() == [1, 0]


def test_a_neuron_that_needs_a_negative_scale_is_taken_only_if_there_is_no_other():
    theta = np.array([[1.0], [1.0]])
    opposite, poor = [-1.0, -1.0], [5.0, 0.1]
    assert match(theta, np.array([opposite, poor]).T).tolist() == [1]
    assert match(theta, np.array([opposite]).T).tolist() == [0]


def test_planted_zero_biases_are_exact_zeros_unless_hidden():
    target = tasks.get("relu").target(4)
    host = draw_host([1, 20, 20, 1], seed=2)
    shown = plant_arrays(target, *host)
    hidden = plant_arrays(target, *host, hide_biases=True)
    for layer, (neuron,) in enumerate(shown.neurons):
        assert shown.biases[layer][neuron] == 0
        assert hidden.biases[layer][neuron] == host[1][layer][neuron] != 0
        assert not hidden.bias_masks[layer].any()


def test_a_zeroed_bias_does_not_count_for_its_layers_range():
    kernels = [np.float32([[0.5, 0.5, -1.0]]), np.float32([[1.0], [1.0], [1.0]])]
    biases = [np.float32([9.0, 9.0, 0.1]), np.float32([1.0])]
    target = Target([[[0.5, 4.0]], [[1.0], [1.0]]], [[0.0, 0.0], [0.5]])
    check_range(plant_arrays(target, kernels, biases))


# Requests that cannot work


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        ([1, 29, 29, 29, 3], "width 29 is too small: .* 30 neurons .* at least width 30"),
        ([1, 100, 100, 3], "differ in depth: the target has 5 neuron layers, the host 4"),
        ([2, 100, 100, 100, 3], "the target has 1 inputs, the host 2"),
        ([1, 100, 100, 100, 4], "the target has 3 outputs, the host 4"),
    ],
)
def test_a_host_that_does_not_fit_the_target_is_refused(sizes, complaint):
    with pytest.raises(InputError, match=complaint):
        plant_arrays(tasks.get("helix").target(5), *draw_host(sizes))


def test_a_host_exactly_as_wide_as_the_target_will_do():
    target = tasks.get("helix").target(5)
    planted = plant_arrays(target, *draw_host([1, 30, 30, 30, 3]))
    check_places(planted, target)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_host_that_is_not_finite_is_refused(bad):
    kernels, biases = draw_host([1, 5, 1])
    kernels[1][2, 0] = bad
    with pytest.raises(InputError, match="host layer 1 holds values that are not finite"):
        plant_arrays(tasks.get("relu").target(3), kernels, biases)


def test_a_host_so_deep_that_its_ticket_leaves_float32_is_refused():
    target = tasks.get("helix").target(60)
    with pytest.raises(InputError, match=r"too small for float32 in layer \d\d of 0 to 58"):
        plant_arrays(target, *draw_host(host_sizes(1, 3, 60, width=100)))


def test_neurons_that_fit_equally_well_are_chosen_by_the_seed():
    """One weight each: every host neuron of the right sign fits exactly."""
    target, host = tasks.get("relu").target(4), draw_host([1, 100, 100, 1])
    chosen = [plant_arrays(target, *host, seed=seed).neurons[0][0] for seed in range(10)]
    assert len(set(chosen)) > 3
    assert chosen[0] == plant_arrays(target, *host, seed=0).neurons[0][0]
