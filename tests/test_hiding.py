"""Ways of hiding a ticket: each keeps the promises of planting, and approximate planting its ε."""

import numpy as np
import pytest
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from test_planting import (
    check_host_untouched,
    check_places,
    check_range,
    check_scales,
    hosts,
    targets,
    ticket,
)

import pns_tf
import tasks
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.hosts.models import host_arrays
from pns_tf.planting.algorithm import PlantedArrays, plant_arrays
from pns_tf.planting.hiding import (
    HIDINGS,
    likely_scales,
    nearest,
    published_choice,
    root_mean_square,
)
from tasks import InputError, Target


def a_host(name: str, depth: int = 5, width: int = 100, seed: int = 0):
    task = tasks.get(name)
    return draw_host(host_sizes(task.inputs, task.outputs, depth, width), seed)


def masked(arrays, masks) -> np.ndarray:
    return np.concatenate([a[m] for a, m in zip(arrays, masks, strict=True)])


def planted_z(planted: PlantedArrays, host) -> np.ndarray:
    """Planted values by the root mean square of their array in the host."""
    drawn = [*host[0], *host[1]]
    values = [*planted.kernels, *planted.biases]
    scaled = [v / root_mean_square(d) for v, d in zip(values, drawn, strict=True)]
    return np.abs(masked(scaled, [*planted.kernel_masks, *planted.bias_masks]))


# The promises of planting


@pytest.mark.parametrize("hide", HIDINGS)
@pytest.mark.parametrize("depth", [3, 5, 10])
@pytest.mark.parametrize("name", tasks.names())
def test_the_ticket_computes_the_target_however_it_is_hidden(name, depth, hide):
    task = tasks.get(name)
    target = task.target(depth)
    x = task.data(samples=1000).x_train
    for seed in range(3):
        host = a_host(name, depth, seed=seed)
        planted = plant_arrays(target, *host, hide=hide, seed=seed)
        error = np.abs(ticket(planted, x) - target(x))
        assert error.max() <= 1e-4 * np.abs(target(x)).max()
        check_places(planted, target)
        check_host_untouched(planted, target, host, hide_biases=hide == "strong")
        check_scales(planted, target)
        if hide != "published":
            check_range(planted)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data(), hide=st.sampled_from(["published", "strong"]), hide_biases=st.booleans())
def test_any_target_can_be_hidden_in_any_host_that_is_wide_enough(data, hide, hide_biases):
    target = data.draw(targets())
    host = data.draw(hosts(target))
    planted = plant_arrays(target, *host, hide=hide, hide_biases=hide_biases)
    check_places(planted, target)
    check_host_untouched(planted, target, host, hide_biases=hide_biases or hide == "strong")
    check_scales(planted, target)
    if hide == "strong":
        check_range(planted)
    x = np.random.default_rng(0).uniform(-1, 1, (50, target.shape[0]))
    size = Target(list(map(np.abs, target.kernels)), list(map(np.abs, target.biases)))(np.abs(x))
    assert (np.abs(ticket(planted, x) - target(x)) <= 1e-5 * size + 1e-12).all()


@pytest.mark.slow
@pytest.mark.parametrize("hide", HIDINGS)
def test_convolutions_are_hidden_as_well(hide):
    def network(filters: int) -> keras.Model:
        keras.utils.set_random_seed(filters)
        return keras.Sequential(
            [
                keras.layers.Conv2D(filters, 3, activation="relu", input_shape=(6, 6, 2)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(4),
            ]
        )

    target = network(3)
    planted = pns_tf.plant(target, host=network(8), hide=hide)
    x = np.random.default_rng(0).normal(size=(20, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(planted.ticket(x) / planted.scales, target(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hide", HIDINGS)
def test_equal_seeds_hide_equally(hide):
    target, host = tasks.get("circle").target(5), a_host("circle")
    first, again, other = (plant_arrays(target, *host, hide=hide, seed=s) for s in (1, 1, 2))
    for a, b in zip(first.kernels, again.kernels, strict=True):
        np.testing.assert_array_equal(a, b)
    if hide != "published":  # which leaves nothing to chance
        assert any((a != b).any() for a, b in zip(first.kernels, other.kernels, strict=True))


def test_default_planting_chooses_the_neurons_that_it_always_chose():
    """Runs that exist must be planted again as they were."""
    planted = plant_arrays(tasks.get("helix").target(5), *a_host("helix"))
    assert [neurons[:5].tolist() for neurons in planted.neurons] == [
        [52],
        [49, 36, 83, 2, 85],
        [93, 45, 57],
        [0, 1, 2],
    ]


def test_what_was_written_is_counted():
    target = tasks.get("helix").target(5)
    kernels, biases = a_host("helix")
    for options in ({}, {"hide": "strong"}, {"hide": "published"}, {"epsilon": 0.05}):
        planted = plant_arrays(target, kernels, biases, **options)
        pairs = zip([*planted.kernels, *planted.biases], [*kernels, *biases], strict=True)
        assert planted.written == sum(np.count_nonzero(new != old) for new, old in pairs)


# As published


def test_published_planting_never_offers_neuron_0_and_falls_back_to_the_lowest_free_one():
    theta = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    offered = np.array([[0.0, 0.3, 0.2, 0.1], [1.0, -2.0, 4.0, 3.0]])
    # Neuron 0 fits exactly but counts as taken; the first target neuron falls back to 1, whose
    # weight has the wrong sign; the second, now nearest to what was planted there, to 2.
    chosen, scales = published_choice(theta, offered)
    assert chosen.tolist() == [1, 2, 3]
    np.testing.assert_allclose(1 / scales, [2.0, 4.0, 3.0])


def test_published_planting_compares_by_l1_and_needs_all_signs():
    theta = np.array([[1.0], [1.0]])
    offered = np.array([[0.0, 5.0, 1.2, -1.0], [0.0, 0.1, 0.8, 1.1]])
    chosen, scales = published_choice(theta, offered)
    assert chosen.tolist() == [2]
    assert 1 / scales[0] == pytest.approx(1.0)  # θᵀm / ‖θ‖²


def test_published_values_stick_out_and_strong_ones_do_not():
    target = tasks.get("circle").target(5)
    largest = {"published": [], "strong": []}
    for seed in range(10):
        host = a_host("circle", seed=seed)
        for hide, found in largest.items():
            found.append(planted_z(plant_arrays(target, *host, hide=hide, seed=seed), host).max())
    assert max(largest["published"]) > 6
    assert max(largest["strong"]) < 3.5


# Strong


def test_strong_planting_writes_no_value_twice_and_no_zero():
    """Default planting shrinks all outputs to the largest value of their layer."""
    target, host = tasks.get("circle").target(5), a_host("circle")
    last = {}
    for hide in ("default", "strong"):
        planted = plant_arrays(target, *host, hide=hide)
        last[hide] = np.abs(planted.kernels[-1][planted.kernel_masks[-1]])
        assert all((bias != 0).all() for bias in planted.biases) == (hide == "strong")
    assert len(np.unique(last["strong"])) > len(np.unique(last["default"]))


@pytest.mark.slow
def test_likely_scales_make_values_of_a_path_look_drawn():
    """A single weight between neurons can have any size: none is typical for the ticket."""
    target, values = tasks.get("relu").target(4), []
    for seed in range(60):
        host = a_host("relu", 4, 50, seed)
        values.append(planted_z(plant_arrays(target, *host, hide="strong", seed=seed), host))
    values = np.array(values)
    assert values.max() < 4
    spread = np.quantile(np.log(values), [0.1, 0.9], axis=0)
    assert (spread[1] - spread[0] > 1.0).all()


def test_likely_scales_put_planted_biases_where_the_hosts_are():
    """The last layer's biases are N(0, 0.004²) at depth 5; helix needs −1 there, in its scale."""
    target = tasks.get("helix").target(5)
    for seed in range(10):
        host = a_host("helix", seed=seed)
        planted = plant_arrays(target, *host, hide="strong", seed=seed)
        sizes = np.abs(masked(planted.biases, planted.bias_masks))
        assert sizes.max() < 4.0 * max(root_mean_square(bias) for bias in host[1])
        assert np.median(planted_z(planted, host)) == pytest.approx(0.8, abs=0.5)


def test_scales_are_drawn_in_hosts_whose_biases_are_zero():
    target = tasks.get("helix").target(4)
    host = draw_host([1, 60, 60, 3], 3, "zero_biases")
    scales = likely_scales(target, *host, seed=0)
    assert all((values > 0).all() and np.isfinite(values).all() for values in scales)


def test_the_nearest_neurons_are_chosen_in_standard_deviations():
    planted = np.array([[0.1], [1.0]])
    offered = np.array([[0.1, 0.3], [1.4, 1.0]])
    assert nearest(planted, offered, np.array([[0.1], [1.0]])).tolist() == [0]
    assert nearest(planted, offered, np.array([[1.0], [0.1]])).tolist() == [1]


# Approximate planting


@pytest.mark.slow
@pytest.mark.parametrize("hide", HIDINGS)
@pytest.mark.parametrize("name", tasks.names())
def test_an_approximate_ticket_is_within_epsilon_of_its_target(name, hide):
    target = tasks.get(name).target(5)
    line = np.linspace(-1, 1, 1001)[:, None]
    x = line if target.shape[0] == 1 else np.stack(np.meshgrid(line, line[::10]), -1).reshape(-1, 2)
    if target.shape[0] > 2:
        x = np.random.default_rng(0).uniform(-1, 1, (100_000, target.shape[0]))
    for epsilon in (0.05, 1.0):
        for seed in range(2):
            host = a_host(name, seed=seed)
            planted = plant_arrays(target, *host, hide=hide, epsilon=epsilon, seed=seed)
            assert np.abs(ticket(planted, x) - target(x)).max() <= epsilon
            check_places(planted, target)
            check_host_untouched(planted, target, host, hide_biases=hide == "strong")
            check_scales(planted, target)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(data=st.data(), epsilon=st.floats(0.01, 3.0), hide=st.sampled_from(["default", "strong"]))
def test_epsilon_holds_for_any_target(data, epsilon, hide):
    target = data.draw(targets())
    host = data.draw(hosts(target))
    planted = plant_arrays(target, *host, hide=hide, epsilon=epsilon)
    check_places(planted, target)
    check_scales(planted, target)
    check_range(planted)
    x = np.random.default_rng(0).uniform(-1, 1, (50, target.shape[0]))
    size = Target(list(map(np.abs, target.kernels)), list(map(np.abs, target.biases)))(np.abs(x))
    assert (np.abs(ticket(planted, x) - target(x)) <= epsilon + 1e-5 * size).all()


@pytest.mark.parametrize("name", ["circle", "helix"])
def test_approximate_planting_writes_less(name):
    """Every hidden neuron can keep at least one of its parameters exactly as drawn."""
    target = tasks.get(name).target(5)
    for hide in ("default", "strong"):
        exact, near = (
            plant_arrays(target, *a_host(name), hide=hide, hide_biases=True, epsilon=epsilon)
            for epsilon in (None, 0.05)
        )
        assert near.written <= exact.written - 0.8 * sum(target.shape[1:-1])


def test_a_ticket_that_is_there_already_is_not_written():
    """The host holds the target, its scales being 1, up to errors that are allowed."""
    target = Target([[[1.0, -1.0]], [[1.0], [1.0]]], [[0.5, 0.5], [0.5]])
    rng = np.random.default_rng(0)
    kernels = [rng.uniform(-2, 2, (1, 20)), rng.uniform(-2, 2, (20, 1))]
    biases = [rng.uniform(-2, 2, 20), np.array([0.5])]
    kernels[0][0, [3, 8]] = 1.001, -1.002
    biases[0][[3, 8]] = 0.5
    kernels[1][[3, 8]] = [[0.999], [1.001]]
    exact, near = (plant_arrays(target, kernels, biases, epsilon=e) for e in (None, 0.05))
    assert near.neurons[0].tolist() == [3, 8]
    assert (exact.written, near.written) == (7, 0)


@pytest.mark.parametrize(("off", "written"), [(0.004, 0), (0.02, 1)])
def test_what_a_weight_may_be_off_by_is_in_units_of_its_source(off, written):
    """The first neuron is ten times the target's, so ε₂ = 0.08 is 0.008 for what reads it."""
    target = Target([[[1.0]], [[1.0]]], [[0.5], [0.5]])
    host = [np.array([[10.0]]), np.array([[0.1 + off]])], [np.array([5.0]), np.array([0.5])]
    assert plant_arrays(target, *host, epsilon=0.4).written == written


# In Python and on the command line


@pytest.mark.parametrize("hide", HIDINGS)
def test_plant_says_how_a_ticket_was_hidden(hide):
    planted = pns_tf.plant("circle", depth=4, width=40, hide=hide, epsilon=0.1)
    assert (planted.hide, planted.epsilon) == (hide, 0.1)
    assert planted.hide_biases == (hide == "strong")
    assert 0 < planted.written <= planted.planted_masks.kept + sum(planted.target.shape[1:])
    x = planted.data().x_test
    assert np.abs(planted.ticket(x) / planted.scales - planted.target(x)).max() <= 0.1
    assert len(host_arrays(planted.host)[0]) == 3


@pytest.mark.slow
def test_the_command_prints_how_many_parameters_were_written(run, tmp_path):
    small = ["--task=helix", "--depth=4", "--width=40", "--samples=200"]
    flags = ["--hide=strong", "--epsilon=0.05", f"--out={tmp_path}"]
    code, out, err = run("plant", *small, *flags)
    assert (code, err) == (0, "")
    planted = pns_tf.plant("helix", depth=4, width=40, hide="strong", epsilon=0.05)
    kept = planted.planted_masks.kept
    assert f"parameters written {planted.written}, those of the ticket are {kept}\n" in out


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--hide=well", "unknown hide 'well': choose from published, default, strong"),
        ("--epsilon=0", "epsilon must be a number above 0, got 0"),
        ("--epsilon=small", "epsilon must be a number above 0, got 'small'"),
    ],
)
def test_a_hiding_that_cannot_be_is_refused(refused, flag, complaint):
    assert complaint in refused("plant", flag)


def test_epsilon_needs_a_fully_connected_target():
    kernel, bias = np.ones((1, 1, 1, 1)), np.zeros(1)
    target = Target([[[1.0]]], [[0.0]])
    target.kernels = [kernel]
    with pytest.raises(InputError, match="epsilon needs a fully connected target"):
        plant_arrays(target, [kernel], [bias], epsilon=0.1)
