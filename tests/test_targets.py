"""The hand-made target networks are the published ones, at every depth."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tasks
from pns_tf.hosts.initializers import host_sizes
from tasks import InputError, Target, piecewise_linear

REFERENCE = Path(__file__).parent / "reference" / "targets.npz"  # from the paper's published code


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as stored:
        return dict(stored)


@pytest.mark.parametrize("depth", [3, 4, 5, 6, 10])
@pytest.mark.parametrize("name", ["circle", "helix", "relu"])
def test_targets_equal_the_published_ones(reference, name, depth):
    target = tasks.get(name).target(depth)
    published = {
        key.removeprefix(f"{name}/depth{depth}/"): value for key, value in reference.items()
    }
    assert list(target.shape) == published["shape"].tolist()
    np.testing.assert_allclose(target(reference[f"{name}/x"]), published["y"], rtol=0, atol=1e-9)
    for layer in range(depth - 1):
        for what, array in (("kernel", target.kernels[layer]), ("bias", target.biases[layer])):
            entries = np.abs(published[f"{what}{layer}"])
            assert np.count_nonzero(array) == np.sum(entries >= 1e-12), f"{what}{layer}"


@pytest.mark.parametrize("depth", range(3, 11))
@pytest.mark.parametrize("name", tasks.names())
def test_targets_solve_their_task_at_every_depth(name, depth):
    task = tasks.get(name)
    data = task.data(noise=0)
    y = task.target(depth)(data.x_test)
    assert y.shape == (1000, task.outputs)
    if task.kind == "classification":
        assert np.mean(np.argmax(y, axis=1) == data.y_test) > 0.96
    else:
        assert np.mean((y - data.y_test) ** 2) < 3e-4


@pytest.mark.parametrize("name", tasks.names())
def test_targets_of_any_depth_can_be_built(name):
    target = tasks.get(name).target(2000)
    assert target.depth == 2000
    assert np.isfinite(target(tasks.get(name).data(samples=10).x_test)).all()


@pytest.mark.parametrize(
    ("name", "depth", "weights", "host_weights", "density"),
    [
        ("circle", 3, 100, 600, 0.167),
        ("relu", 3, 2, 200, 0.010),
        ("helix", 3, 91, 400, 0.2275),
        ("circle", 5, 108, 20_600, 0.00524),
        ("relu", 5, 4, 20_200, 0.000198),
        ("helix", 5, 95, 20_400, 0.00466),
    ],
)
def test_baseline_density_is_target_weights_over_host_weights(
    name, depth, weights, host_weights, density
):
    task = tasks.get(name)
    sizes = host_sizes(task.inputs, task.outputs, depth, width=100)
    assert task.target(depth).nonzero_weights == weights
    assert sum(a * b for a, b in pairwise(sizes)) == host_weights
    assert weights / host_weights == pytest.approx(density, rel=2e-3)


def test_rounding_noise_of_the_linear_helix_output_counts_no_weight(reference):
    published = np.abs(reference["helix/depth5/kernel2"][:, 2])
    assert np.sum((published > 0) & (published < 1e-12)) == 25
    assert np.count_nonzero(tasks.get("helix").target(5).kernels[2][:, 2]) < 5


@pytest.mark.parametrize("last_sign", [None, -1, 1])
@pytest.mark.parametrize("knots", [2, 5, 10, 30])
def test_a_univariate_target_is_exact_at_its_knots_and_linear_between(knots, last_sign):
    h = piecewise_linear(np.exp, -1.0, 2.0, knots, last_sign)
    s = np.linspace(-1.0, 2.0, knots)
    points = np.concatenate([s, (s[:-1] + s[1:]) / 2])
    values = np.maximum(points[:, None] * h.signs + h.inner_biases, 0) @ h.outer[:, 0] + h.bias
    expected = np.concatenate([np.exp(s), (np.exp(s[:-1]) + np.exp(s[1:])) / 2])
    np.testing.assert_allclose(values, expected, atol=1e-12)


def test_a_target_of_your_own_computes_a_relu_network():
    target = Target([[[1.0, -1.0]], [[2.0], [3.0]]], [[0.0, 0.5], [1.0]])
    assert (target.depth, target.shape, target.nonzero_weights) == (3, (1, 2, 1), 4)
    np.testing.assert_allclose(target([[2.0], [-1.0]]), [[5.0], [5.5]])


@pytest.mark.parametrize(
    ("kernels", "biases", "complaint"),
    [
        ([np.ones((1, 2))], [np.zeros(3)], r"layer 0 needs a kernel .* got shapes \(1, 2\)"),
        ([np.ones((1, 2)), np.ones((3, 1))], [np.zeros(2), np.zeros(1)], "takes 3 inputs"),
        ([np.full((1, 1), np.nan)], [np.zeros(1)], "layer 0 holds values that are not finite"),
        ([np.ones((1, 1))], [np.full(1, np.inf)], "not finite"),
        ([np.ones((1, 1))], [], "1 kernels and 0 biases"),
        ([], [], "at least one"),
    ],
)
def test_arrays_that_are_no_network_are_refused(kernels, biases, complaint):
    with pytest.raises(InputError, match=complaint):
        Target(kernels, biases)


@pytest.mark.parametrize("depth", [2, 0, -3, 1.5, 5.0, "abc", None, True])
@pytest.mark.parametrize("name", tasks.names())
def test_depths_below_three_are_refused(name, depth):
    with pytest.raises(InputError, match="depth must be an integer of at least 3"):
        tasks.get(name).target(depth)
