"""Theorem 2: a lower bound for how often random hosts hold a copy of the target already."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

import tasks
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.recipe.records import from_record
from pns_tf.theory.existence import (
    INITS,
    log_bound,
    log_limit,
    log_match,
    log_rule_of_thumb,
    log_width_needed,
    overlaps,
)
from pns_tf.theory.figure import existence_figure
from pns_tf.theory.frequency import find_copy, frequency
from pns_tf.theory.logarithms import log1mexp, log_fewer_than
from pns_tf.theory.settings import Existence
from pns_tf.theory.unit_target import unit_target
from tasks import Target

ABSOLUTE = Target([[[1.0, -1.0]], [[1.0], [1.0]]], [[0, 0], [0]])
TWO_OUTPUTS = Target([[[1.0, -1.0]], [[1.0, 0.5], [1.0, -0.5]]], [[0, 0], [0, 0]])
WITH_BIASES = Target([[[1.0]], [[1.0]]], [[0.3], [0.2]])


# Logarithms


@given(log_p=st.floats(-700.0, -1e-12))
def test_the_logarithm_of_what_is_left(log_p):
    assert math.exp(log1mexp(log_p)) == pytest.approx(-math.expm1(log_p), rel=1e-9, abs=1e-300)


@given(n=st.integers(1, 500), p=st.floats(1e-6, 0.99), needed=st.integers(1, 4))
def test_the_bound_of_the_binomial_tail_is_sound_and_exact_for_one(n, p, needed):
    bound = math.exp(log_fewer_than(np.array([needed]), math.log(n), np.array([math.log(p)]))[0])
    exact = binom.cdf(needed - 1, n, p)
    assert bound >= exact * (1 - 1e-9) - 1e-300  # below that, floats have fewer digits
    if needed == 1:
        assert bound == pytest.approx(exact, rel=1e-6, abs=1e-300)


@given(exponent=st.integers(20, 3000))
def test_probabilities_below_the_smallest_float_meet_widths_above_the_largest(exponent):
    """With p = 10^−e and n = 2 · 10^e, none is found with probability e^−2."""
    log_p = -exponent * math.log(10)
    log_n = exponent * math.log(10) + math.log(2)
    failing = log_fewer_than(np.array([1]), log_n, np.array([log_p]))[0]
    assert failing == pytest.approx(-2.0, rel=1e-9)


# The formula


def test_theorem_2_by_hand():
    unit = unit_target(ABSOLUTE, 1.0)
    first, second = unit.errors
    for init, half in (("uniform", 1), ("normal", 2)):
        by_hand = [1 - 2 * (1 - first / half) ** 50, 1 - (1 - (second / half) ** 2)]
        assert np.exp(log_bound(unit, math.log(50), init)) == pytest.approx(by_hand)


@pytest.mark.parametrize("name", tasks.names())
def test_a_unit_target_is_the_target_up_to_its_scale(name):
    target = tasks.get(name).target(5)
    x = np.random.default_rng(0).uniform(-1, 1, (100, target.shape[0]))
    unit = unit_target(target, 0.1)
    np.testing.assert_allclose(unit.scale * unit.target(x), target(x), rtol=1e-9, atol=1e-9)
    assert (
        max(np.abs(array).max() for array in unit.target.kernels + unit.target.biases) <= 0.9 + 1e-9
    )
    assert unit.epsilon == pytest.approx(0.1 / unit.scale)


@given(theta=st.floats(-0.9, 0.9), error=st.floats(1e-6, 0.1))
def test_a_parameter_matches_with_at_least_the_probability_that_the_theorem_takes(theta, error):
    uniform, normal = (math.exp(log_match(np.array([theta]), error, init)[0]) for init in INITS)
    assert uniform == pytest.approx(error, rel=1e-9)
    assert normal == pytest.approx(norm.cdf(theta + error) - norm.cdf(theta - error), rel=1e-6)
    assert normal >= error / 2 * (1 - 1e-9)


def test_close_to_one_the_theorem_takes_too_much():
    uniform, normal = (math.exp(log_match(np.array([1.0]), 0.01, init)[0]) for init in INITS)
    assert uniform == pytest.approx(0.005)  # half of ε_l: the rest lies outside [−1, 1]
    assert normal == pytest.approx(0.97 * 0.005, rel=0.01)  # a little below ε_l / 2


def test_neurons_that_one_host_neuron_could_serve_overlap():
    theta = np.array([[0.5, 0.55, 0.0, -0.5]])
    used = np.array([[True, True, False, True]])
    assert overlaps(theta, used, np.array([[0.05]])).tolist() == [3, 3, 4, 2]


@pytest.mark.parametrize("bound", ["theorem", "proven"])
@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", tasks.names())
def test_the_bound_grows_with_the_width_up_to_its_limit(name, init, bound):
    unit = unit_target(tasks.get(name).target(5), 0.1, bound)
    widths = [math.log(30), math.log(100), math.log(1e6), math.log(1e300), 2000.0, 1e6]
    bounds = [log_bound(unit, width, init).sum() for width in widths]
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(log_limit(unit, init))


@pytest.mark.parametrize("delta", [0.5, 0.1, 1e-6])
@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("name", tasks.names())
def test_the_width_needed_is_the_smallest_that_suffices(name, init, delta):
    unit = unit_target(tasks.get(name).target(5), 0.1)
    needed = log_width_needed(unit, delta, init, wide_output=True)

    def bound(log_width):
        return math.exp(log_bound(unit, log_width, init, wide_output=True).sum())

    assert bound(needed) >= 1 - delta - 1e-9
    assert bound(needed - 0.01) < 1 - delta
    if init == "uniform" and delta == 0.1:  # the paper's estimate, up to its constant
        assert needed == pytest.approx(log_rule_of_thumb(unit, delta), abs=1.0)


def test_no_width_suffices_where_outputs_have_biases_of_one_place_each():
    helix, relu = (unit_target(tasks.get(t).target(5), 0.1, "proven") for t in ("helix", "relu"))
    assert log_width_needed(helix) == math.inf
    assert log_limit(helix) == pytest.approx(3 * math.log(helix.errors[-1]), rel=1e-6)
    assert math.isfinite(log_width_needed(relu))


# The frequency


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(
    ("target", "epsilon", "width"),
    [
        (tasks.get("relu").target(3), 0.5, 30),
        (tasks.get("relu").target(5), 0.5, 100),
        (ABSOLUTE, 1.0, 50),
        (TWO_OUTPUTS, 1.0, 200),
        (WITH_BIASES, 1.0, 100),
    ],
)
def test_copies_are_found_at_least_as_often_as_the_bounds_say(target, epsilon, width, init):
    for bound in ("theorem", "proven"):
        unit = unit_target(target, epsilon, bound)
        seen = frequency(unit, width, hosts=1000, init=init)
        promised = math.exp(log_bound(unit, math.log(width), init).sum())
        # as rare as that, if the bound were the probability
        assert binom.cdf(seen.found, seen.hosts, promised) > 1e-3
        assert seen.low <= seen.found / seen.hosts <= seen.high


@pytest.mark.slow
def test_for_a_single_path_the_proven_bound_is_the_probability():
    unit = unit_target(tasks.get("relu").target(5), 0.5, "proven")
    seen = frequency(unit, width=50, hosts=4000)
    assert seen.low <= math.exp(log_bound(unit, math.log(50)).sum()) <= seen.high
    assert 0.3 < seen.found / seen.hosts < 0.6


def test_the_theorem_gives_each_output_a_choice_that_an_ordered_output_does_not_have():
    target = Target([[[0.3, 0.2]]], [[0.0, 0.0]])
    unit = unit_target(target, 1.6)
    promised = math.exp(log_bound(unit, 0.0).sum())
    seen = frequency(unit, width=1, hosts=2000)
    assert seen.high < promised - 0.2


@pytest.mark.parametrize("init", INITS)
def test_a_copy_found_in_a_real_host_is_within_epsilon_up_to_the_scale_of_theorem_2(init):
    """λ = Π 1/σ, with σ_l = √(6/n) of the uniform and √(2/n) of the normal initialisation."""
    target, epsilon, found = tasks.get("relu").target(4), 0.5, 0
    unit = unit_target(target, epsilon, "proven")
    x = np.linspace(-1, 1, 101)[:, None]
    sizes = host_sizes(1, 1, 4, width=200)
    sigma = np.sqrt((6.0 if init == "uniform" else 2.0) / np.array(sizes[:-1]))
    for seed in range(30):
        kernels, biases = draw_host(sizes, seed, init)
        scaled = [kernel / s for kernel, s in zip(kernels, sigma, strict=True)]
        neurons = find_copy(
            unit, scaled, [b / s for b, s in zip(biases, np.cumprod(sigma), strict=True)]
        )
        if neurons is None:
            continue
        found += 1
        h, sources = x, np.arange(1)
        for layer, chosen in enumerate(neurons):
            h = h @ kernels[layer][np.ix_(sources, chosen)]  # relu has no biases
            h, sources = np.maximum(h, 0) if layer < 2 else h, chosen
        ours = unit.scale * h / np.prod(sigma)
        assert np.abs(ours - target(x)).max() <= epsilon
    assert found >= 10


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_copies_use_distinct_neurons_whose_parameters_are_near_enough(seed):
    unit = unit_target(ABSOLUTE, 1.0, "proven")
    rng = np.random.default_rng(seed)
    kernels = [rng.uniform(-1, 1, (1, 60)), rng.uniform(-1, 1, (60, 1))]
    neurons = find_copy(unit, kernels, [rng.uniform(-1, 1, 60), rng.uniform(-1, 1, 1)])
    if neurons is not None:
        assert len(set(neurons[0])) == 2
        off = np.abs(kernels[0][:, neurons[0]] - unit.target.kernels[0])
        assert off.max() <= unit.errors[0]
        assert np.abs(kernels[1][neurons[0]] - unit.target.kernels[1]).max() <= unit.errors[1]


# The command


def test_existence_prints_errors_bounds_and_widths(run):
    code, out, err = run("existence", "--task=relu", "--width=100", "--epsilon=0.1")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    first = next(line for line in lines if re.match(r" +1 +1 +1 ", line)).split()
    unit = unit_target(tasks.get("relu").target(5), 0.1)
    assert float(first[5]) == pytest.approx(unit.errors[0], rel=0.01)
    assert re.search(r"proven +uniform +0\.0375 +0\.39 +1 +1 +4,661$", out, re.MULTILINE)


@pytest.mark.slow
def test_existence_measures_and_writes_what_it_says(run, tmp_path):
    flags = ["--task=relu", "--depth=3", "--epsilon=0.5", "--hosts=200", f"--out={tmp_path / 'a'}"]
    code, out, err = run("existence", *flags)
    assert (code, err) == (0, "")
    share = float(re.search(r"^uniform +([\d.]+) \(95 %", out, re.MULTILINE)[1])
    assert 0.8 < share < 0.97
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "bound.csv",
        "existence.png",
        "frequency.csv",
        "layers.csv",
        "settings.json",
    }
    seen = pd.read_csv(tmp_path / "a" / "frequency.csv").set_index("init")
    assert seen.loc["uniform", "found"] / 200 == pytest.approx(share)
    record = json.loads((tmp_path / "a" / "settings.json").read_text(encoding="utf-8"))
    assert from_record(Existence, record) == Existence("relu", 3, epsilon=0.5, hosts=200)
    bounds = pd.read_csv(tmp_path / "a" / "bound.csv")
    proven = bounds.query("bound == 'proven' and init == 'uniform'")
    assert 10 ** proven["log10_at_100"].item() == pytest.approx(0.9, abs=0.01)
    assert run("existence", *flags)[0] == 2  # the folder is there


def test_several_widths_are_answered_one_after_the_other_each_in_its_folder(run, tmp_path):
    flags = ["--task=relu", "--depth=3", "--width=50,1000,50"]
    code, out, err = run("existence", *flags, f"--out={tmp_path / 'a'}")
    assert (code, err) == (0, "")
    alone = [run("existence", *flags[:2], f"--width={width}")[1] for width in (50, 1000)]
    assert re.sub(r"\nwritten to .*\n.*\n", "", out) == "\n".join(alone)
    assert [path.name for path in sorted((tmp_path / "a").iterdir())] == [
        "relu-d3-w1000",
        "relu-d3-w50",
    ]
    record = json.loads((tmp_path / "a" / "relu-d3-w50" / "settings.json").read_text("utf-8"))
    assert from_record(Existence, record) == Existence("relu", 3, 50)
    more = run("existence", *flags[:2], "--width=20,1000", f"--out={tmp_path / 'a'}")
    assert more[0] == 2  # one of them is there, so nothing is begun
    assert not (tmp_path / "a" / "relu-d3-w20").exists()


def test_a_width_far_above_the_largest_float_will_do(run):
    code, out, _ = run("existence", "--task=circle", "--width=1" + "0" * 400)
    assert code == 0
    assert "10^400" in out


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--task=relx", "unknown task 'relx'"),
        ("--depth=2", "depth must be an integer of at least 3"),
        ("--width=0", "width must be an integer of at least 1"),
        ("--width=50,0", "width must be an integer of at least 1"),
        ("--width=()", "width needs a value, got ()"),
        ("--width=1e6", "width must be an integer of at least 1, got 1000000.0"),
        ("--epsilon=0", "epsilon must be a number above 0, got 0"),
        ("--delta=2", "delta must be a number above 0 and at most 1, got 2"),
        ("--hosts=-1", "hosts must be an integer of at least 0"),
        ("--seed=x", "seed must be an integer of at least 0"),
        ("--overwrite=1", "overwrite must be True or False"),
    ],
)
def test_a_value_that_cannot_be_is_refused(refused, flag, complaint):
    assert complaint in refused("existence", flag)


def test_the_figure_has_a_line_for_each_epsilon_and_initialisation():
    for name in ("relu", "helix"):
        figure = existence_figure(tasks.get(name).target(3), name, epsilons=(0.1, 1.0))
        assert [len(axes.lines) for axes in figure.axes] == [4, 4]
