"""Sums of few random numbers come as near to a given one as published."""

from itertools import combinations

import numpy as np
import pytest

from pns_tf.constructing.subsets import best_errors, errors_by_size, fewest_elements, subsets
from pns_tf.theory.subset_bounds import fixed_size_pool, pensia_width

# P(best error > 0.01) of all subsets of so many candidates, as published.
PUBLISHED = [
    ("uniform", 8, 0.29),
    ("uniform", 10, 0.083),
    ("uniform", 12, 0.028),
    ("product", 12, 0.087),
    ("normal", 12, 0.023),
]


def candidates(rng, kind, shape):
    if kind == "normal":
        return rng.standard_normal(shape)
    numbers = rng.uniform(-1, 1, shape)
    return numbers * rng.uniform(-1, 1, shape) if kind == "product" else numbers


@pytest.mark.parametrize(("kind", "pool", "published"), PUBLISHED)
def test_subset_sums_come_as_near_as_published(kind, pool, published):
    rng = np.random.default_rng(8)
    count = 4000
    off = best_errors(rng.uniform(-1, 1, count), candidates(rng, kind, (count, pool)))
    error = 4 * np.sqrt(published * (1 - published) / count) + 0.0035  # and their own sample
    assert np.mean(off > 0.01) == pytest.approx(published, abs=error)


def test_fewest_elements_are_as_many_as_published():
    rng = np.random.default_rng(9)
    targets, pools = rng.uniform(-1, 1, 2500), rng.uniform(-1, 1, (2500, 15))
    sizes = fewest_elements(errors_by_size(targets, pools), 0.01)
    assert np.mean(sizes < 0) == pytest.approx(0.00404, abs=0.006)
    assert np.mean(sizes[sizes >= 0]) == pytest.approx(2.296, abs=0.06)


@pytest.mark.parametrize("largest", [0, 2, 5])
def test_the_best_subset_of_each_size_is_found(largest):
    rng = np.random.default_rng(10)
    targets, pools = rng.uniform(-1, 1, 7), rng.uniform(-1, 1, (7, 5))
    found = errors_by_size(targets, pools, largest)
    for size in range(largest + 1):
        subsets_up_to = [some for n in range(size + 1) for some in combinations(range(5), n)]
        for target, pool, errors in zip(targets, pools, found, strict=True):
            best = min(abs(pool[list(some)].sum() - target) for some in subsets_up_to)
            assert errors[size] == pytest.approx(best)


def test_subsets_are_all_of_few_elements():
    table = subsets(6, 2)
    assert len(table) == 1 + 6 + 15
    assert len(np.unique(table, axis=0)) == len(table)
    assert (np.diff(table.sum(axis=1)) >= 0).all()


def test_candidates_grow_with_the_logarithm_of_the_error_allowed():
    halves = [fixed_size_pool(n // 2, 2.0**-n) for n in (10, 20, 40)]
    assert halves == sorted(halves)
    assert halves[2] < 4 * halves[0]  # of half of them; of one they double with each halving
    assert fixed_size_pool(1, 2.0**-12) > 1.9 * fixed_size_pool(1, 2.0**-11)
    assert pensia_width(20, 4, 1e-4) - pensia_width(20, 4, 1e-2) == pytest.approx(
        pensia_width(20, 4, 1e-2) - pensia_width(20, 4, 1.0)
    )
