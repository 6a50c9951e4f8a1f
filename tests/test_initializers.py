"""Hosts are drawn as the paper says."""

import numpy as np
import pytest

from pns_tf.hosts.initializers import INITIALIZERS, draw_host, host_sizes
from tasks import InputError

SIZES = [50, 400, 400, 2000]


def test_hidden_layers_share_one_width():
    assert host_sizes(inputs=2, outputs=4, depth=5, width=100) == [2, 100, 100, 100, 4]
    assert host_sizes(inputs=1, outputs=1, depth=3, width=7) == [1, 7, 1]


def test_normal_hosts_have_the_variances_of_the_paper():
    kernels, biases = draw_host(SIZES, seed=1)
    bias_variance = 1.0
    for kernel, bias, fan_in in zip(kernels, biases, SIZES[:-1], strict=True):
        bias_variance *= 2 / fan_in
        assert kernel.var() == pytest.approx(2 / fan_in, rel=0.05)
        assert bias.var() == pytest.approx(bias_variance, rel=0.2)
        assert abs(kernel.mean()) < 0.05 * kernel.std()


def test_zero_bias_hosts_differ_from_normal_ones_in_their_biases_only():
    kernels, biases = draw_host(SIZES, seed=1, init="zero_biases")
    for kernel, same in zip(kernels, draw_host(SIZES, seed=1)[0], strict=True):
        np.testing.assert_array_equal(kernel, same)
    assert not any(bias.any() for bias in biases)


def test_uniform_hosts_fill_the_interval_of_theorem_2():
    kernels, biases = draw_host(SIZES, seed=1, init="uniform")
    bound = 1.0
    for kernel, bias, fan_in in zip(kernels, biases, SIZES[:-1], strict=True):
        sigma = np.sqrt(6 / fan_in)
        bound *= sigma
        assert 0.99 * sigma < np.abs(kernel).max() <= sigma * (1 + 1e-6)
        assert 0.95 * bound < np.abs(bias).max() <= bound * (1 + 1e-6)
        assert kernel.var() == pytest.approx(2 / fan_in, rel=0.05)


@pytest.mark.parametrize("init", INITIALIZERS)
def test_the_same_seed_draws_the_same_host_and_another_seed_another(init):
    first, again, other = (draw_host([3, 20, 2], seed, init)[0][0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"init": "orthogonal"}, "unknown init 'orthogonal': choose from normal, zero_biases"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"sizes": [1, 10, 10**13, 1]}, "up to 10000000000000 wide, needs at least"),
    ],
)
def test_impossible_hosts_are_refused(arguments, complaint):
    with pytest.raises(InputError, match=complaint):
        draw_host(**({"sizes": [1, 5, 1]} | arguments))
