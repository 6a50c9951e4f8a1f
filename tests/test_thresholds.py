"""Masks keep exactly as many parameters as asked for, the highest, and ties without bias."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.pruning.thresholds import (
    density_steps,
    global_masks,
    keep_highest,
    keep_highest_of_each,
    local_masks,
)

densities = st.floats(0, 1, exclude_min=True)
# Few distinct values make many ties; wide ones test signs and infinities.
entries = st.one_of(st.sampled_from([-1.0, 0.0, -0.0, 2.0]), st.floats(width=32, allow_nan=False))
weights = st.lists(
    hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=5), elements=entries),
    min_size=1,
    max_size=4,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def flat(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(scores=weights, density=densities)
def test_global_masks_keep_exact_counts_and_the_highest(scores, density):
    mask = global_masks(scores, density, rng=rng())
    kept, values = flat(mask), flat(scores)
    assert [array.shape for array in mask] == [score.shape for score in scores]
    assert mask.kept == round(density * values.size)
    if 0 < mask.kept < values.size:
        assert values[kept].min() >= values[~kept].max()


@settings(max_examples=150, deadline=None)
@given(scores=weights, density=densities)
def test_local_masks_keep_exact_counts_in_every_array(scores, density):
    mask = local_masks(scores, density, rng=rng())
    for array, values in zip(mask, scores, strict=True):
        assert np.count_nonzero(array) == round(density * values.size)
        if 0 < np.count_nonzero(array) < values.size:
            assert values[array].min() >= values[~array].max()


@settings(max_examples=150, deadline=None)
@given(scores=weights, later=st.integers(0, 99), steps=st.lists(densities, max_size=4))
@pytest.mark.parametrize("to_masks", [global_masks, local_masks])
def test_what_is_pruned_stays_pruned(to_masks, scores, later, steps):
    mask = Mask.ones_like(scores)
    shuffled = rng(later)
    for density in steps:
        scores = [shuffled.permuted(score) for score in scores]
        smaller = to_masks(scores, density, within=mask, rng=shuffled)
        counts = [(round(density * a.size), np.count_nonzero(a)) for a in mask]
        if to_masks is global_masks:
            counts = [(round(density * mask.size), mask.kept)]
        assert smaller.kept == sum(min(asked, alive) for asked, alive in counts)
        assert not (flat(smaller) & ~flat(mask)).any()
        mask = smaller


@settings(max_examples=50, deadline=None)
@given(size=st.integers(1, 60), pair=st.tuples(densities, densities))
def test_a_lower_density_is_nested_in_a_higher_one(size, pair):
    scores = [rng(size).permutation(size)]
    low, high = (global_masks(scores, density, rng=rng())[0] for density in sorted(pair))
    assert not (low & ~high).any()


def test_ties_are_broken_evenly_over_all_indices():
    random = rng(1)
    counts = sum(
        flat(global_masks([np.zeros((4, 5)), np.zeros(10)], 0.3, rng=random)).astype(int)
        for _ in range(2000)
    )
    assert counts.sum() == 2000 * 9
    # Each index is kept 600 ± 20.5 times; five standard deviations.
    assert np.abs(counts - 600).max() < 103
    halves = counts[:15].sum() - counts[15:].sum()
    assert abs(halves) < 5 * np.sqrt(2000 * 9)


def test_ties_next_to_clear_winners_only_fill_up():
    scores = [np.array([5.0, 1.0, 1.0, 1.0, -2.0])]
    masks = [keep_highest(scores, 2, rng=rng(seed))[0] for seed in range(40)]
    assert all(mask[0] and not mask[4] and mask.sum() == 2 for mask in masks)
    assert {int(np.flatnonzero(mask[1:4])[0]) for mask in masks} == {0, 1, 2}


def test_signs_count_and_minus_infinity_goes_first():
    scores = [np.array([-np.inf, -3.0, 1.0]), np.array([np.inf, -4.0])]
    mask = global_masks(scores, 0.6, rng=rng())
    assert [array.tolist() for array in mask] == [[False, True, True], [True, False]]
    assert global_masks(scores, 0.8, rng=rng())[0].tolist() == [False, True, True]


def test_global_and_local_differ_where_one_layer_scores_higher():
    scores = [np.full(10, 2.0) + np.arange(10), np.arange(10) * 0.1]
    assert [a.sum() for a in global_masks(scores, 0.5, rng=rng())] == [10, 0]
    assert [a.sum() for a in local_masks(scores, 0.5, rng=rng())] == [5, 5]


def test_names_come_from_the_mask_within():
    within = Mask.ones_like([np.ones(3), np.ones(2)], names=["conv/kernel", "dense/kernel"])
    scores = [np.arange(3.0), np.arange(2.0)]
    assert global_masks(scores, 0.5, within=within, rng=rng()).names == within.names
    assert keep_highest_of_each(scores, [1, 1], within=within, rng=rng()).names == within.names


def test_a_million_parameters_keep_their_exact_count():
    scores = [rng().standard_normal((1000, 1000)).astype(np.float32), np.zeros(7, np.float32)]
    mask = global_masks(scores, 0.123457, rng=rng())
    assert mask.kept == round(0.123457 * 1_000_007)
    assert mask[0].sum() > 0.999 * mask.kept


def test_density_steps_reach_the_density_exactly():
    assert density_steps(0.25, 2) == [0.5, 0.25]
    np.testing.assert_allclose(density_steps(0.1, 3, "linear"), [0.7, 0.4, 0.1])
    for schedule in ("exponential", "linear"):
        steps = density_steps(0.0123, 100, schedule)
        assert len(steps) == 100
        assert steps[-1] == 0.0123
        assert (np.diff([1.0, *steps]) < 0).all()
    assert density_steps(0.3, 1) == density_steps(0.3, 1, "linear") == [0.3]


@pytest.mark.parametrize("density", [0, -0.1, 1.01, float("nan"), "0.5", None, True])
def test_density_must_lie_above_0_and_at_most_1(density):
    for use in (global_masks, local_masks):
        with pytest.raises(InputError, match="density must be a number above 0 and at most 1"):
            use([np.ones(3)], density, rng=rng())
    with pytest.raises(InputError, match="density"):
        density_steps(density, 3)


def test_other_bad_input_is_named():
    with pytest.raises(InputError, match="got NaN"):
        global_masks([np.array([1.0, np.nan])], 0.5, rng=rng())
    with pytest.raises(InputError, match=r"shapes \[\(3,\)\], got \[\(2,\)\]"):
        global_masks([np.ones(3)], 0.5, within=Mask([np.ones(2)]), rng=rng())
    with pytest.raises(InputError, match="rounds must be an integer of at least 1, got 0"):
        density_steps(0.5, 0)
    with pytest.raises(InputError, match="unknown schedule 'cubic': choose from exponential"):
        density_steps(0.5, 3, "cubic")
