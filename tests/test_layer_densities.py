"""How a number of parameters is spread over layers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pns_tf.checks import InputError
from pns_tf.pruning.layer_densities import DISTRIBUTIONS, layer_counts

SHAPES = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=5)


def sizes_of(shapes):
    return [int(np.prod(shape)) + shape[-1] for shape in shapes]


@given(SHAPES, st.floats(0, 1), st.sampled_from(DISTRIBUTIONS))
def test_counts_add_up_exactly_and_no_layer_gets_more_than_it_has(shapes, density, distribution):
    sizes = sizes_of(shapes)
    count = round(density * sum(sizes))
    counts = layer_counts(shapes, count, distribution)
    assert sum(counts) == count
    assert all(0 <= kept <= size for kept, size in zip(counts, sizes, strict=True))


@given(SHAPES, st.floats(0, 1))
def test_uniform_means_the_same_density_everywhere(shapes, density):
    sizes = sizes_of(shapes)
    count = round(density * sum(sizes))
    for kept, size in zip(layer_counts(shapes, count, "uniform"), sizes, strict=True):
        assert abs(kept - size * count / sum(sizes)) < 1


def test_erdos_renyi_counts_of_wide_layers_grow_with_the_sum_of_their_sides():
    # A layer's count is proportional to (fan-in + fan-out)(1 + 1/fan-in), far from its size.
    first, second = layer_counts([(100, 100), (100, 300)], 400)
    assert first == pytest.approx(400 / 3, abs=1)
    assert second == pytest.approx(800 / 3, abs=1)


def test_a_layer_that_is_full_leaves_the_rest_to_the_others():
    assert layer_counts([(2, 2), (50, 50)], 500) == [6, 494]


def test_every_layer_of_a_host_gets_a_parameter_even_at_the_density_of_the_relu_ticket():
    assert layer_counts([(1, 100), (100, 100), (100, 100), (100, 1)], 4) == [1, 1, 1, 1]


def test_convolutions_count_their_kernel_size():
    # (3 + 3 + 16 + 16) / (3 · 3 · 16 · 16) of 2320 parameters, and (16 + 10) / 160 of 170.
    conv, dense = layer_counts([(3, 3, 16, 16), (16, 10)], 65)
    assert conv / dense == pytest.approx((2320 * 38 / 2304) / (170 * 26 / 160), rel=0.05)


def test_more_than_there_is_cannot_be_spread():
    with pytest.raises(InputError, match="count must be at most the 6 parameters, got 7"):
        layer_counts([(2, 2)], 7)
    with pytest.raises(InputError, match="unknown distribution 'er': choose from erk, uniform"):
        layer_counts([(2, 2)], 3, "er")
