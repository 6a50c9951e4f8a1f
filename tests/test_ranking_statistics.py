"""The statistics of rankings, on cases computed by hand."""

import numpy as np
import pytest

from pns_tf.leaderboard.statistics import (
    agreement,
    estimate,
    holm,
    interquartile_mean,
    median,
    median_of_one,
    places,
    probability_of_improvement,
    profile,
    resampled,
)


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end():
    assert interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])) == 2
    # Of ten scores two are left out at either end: (3 + 4 + 5 + 6 + 7 + 8) / 6.
    assert interquartile_mean(np.arange(1.0, 11.0)) == 5.5
    np.testing.assert_array_equal(
        interquartile_mean(np.array([[0, 1, 3, 9], [1, 1, 1, 1]])), [2, 1]
    )


def test_resamples_stay_within_instances():
    # Whatever seeds are drawn, one half of the scores is 0 and the other 1.
    means = resampled([np.zeros(5), np.ones(5)], np.mean)
    assert set(means) == {0.5}
    assert len(set(resampled([np.arange(5.0), np.ones(5)], np.mean))) > 5


def test_equal_scores_of_two_entries_are_resampled_alike():
    first = [np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.3, 0.8])]
    shifted = [scores + 1 for scores in first]
    np.testing.assert_allclose(resampled(shifted, np.mean) - resampled(first, np.mean), 1)


def test_the_interval_is_that_of_the_percentiles():
    found = estimate([np.array([0.0, 1.0])], np.mean)
    # One draw of two: 0 or 1, so that 2.5 % and 97.5 % are the extremes.
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_resampled_means_scatter_as_means_of_seeds_do():
    rng = np.random.default_rng(0)
    strata = [rng.normal(size=3) for _ in range(40)]
    # The variance of a mean of 40 strata of three, estimated from them: Σ s² / 3 / 40².
    wanted = np.mean([np.var(scores, ddof=1) / 3 for scores in strata]) / 40
    assert np.var(resampled(strata, np.mean)) == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.86), (5, 0.92)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(seeds, least):
    """13 instances with skills of their own, normal noise; three seeds are few: near 90 %."""
    rng = np.random.default_rng(0)
    means = rng.uniform(0.2, 0.9, 13)
    truth = interquartile_mean((means[:, None] + 0.05 * rng.normal(size=(13, 10_000))).ravel())
    found = [
        estimate(list(means[:, None] + 0.05 * rng.normal(size=(13, seeds)))) for _ in range(200)
    ]
    held = np.mean([each.low <= truth <= each.high for each in found])
    assert least <= held < 0.99


def test_one_seed_gives_no_interval():
    found = estimate([np.array([0.3]), np.array([0.5])], np.mean)
    assert found.value == pytest.approx(0.4)
    assert np.isnan([found.low, found.high]).all()


def test_the_median_of_censored_distances_is_infinite_where_half_are():
    assert median(np.array([1.0, 2.0, np.inf])) == 2
    assert median(np.array([1.0, 3.0])) == 2
    assert median(np.array([1.0, 2.0, np.inf, np.inf])) == np.inf
    found = estimate([np.array([1.0, 2.0, np.inf])], median)
    assert (found.value, found.low, found.high) == (2, 1, np.inf)


def test_the_interval_of_a_median_is_of_order_statistics():
    few = median_of_one(np.array([4.0, 1.0, np.inf]))
    assert (few.value, few.low, few.high) == (4, 1, np.inf)  # fewer than six: the range
    # P(Binomial(10, ½) ≤ 1) = 0.011 at either end, so the second and the ninth of ten.
    ten = median_of_one(np.arange(10.0, 0.0, -1.0))
    assert (ten.value, ten.low, ten.high) == (5.5, 2, 9)
    censored = median_of_one(np.array([*range(1, 9), np.inf, np.inf]))
    assert (censored.low, censored.high) == (2, np.inf)
    assert np.isnan(median_of_one(np.array([4.0])).low)


@pytest.mark.filterwarnings("error")
def test_scores_that_are_not_known_have_no_interval():
    found = estimate([np.array([0.5, np.nan]), np.array([0.5, 0.7])])
    assert np.isnan([found.value, found.low, found.high]).all()


def test_a_profile_counts_what_is_within():
    strata = [np.array([1.0, 8.0, np.inf]), np.array([2.0, 4.0, 4.0])]
    assert profile(strata, 1.0).value == pytest.approx(1 / 6)
    assert profile(strata, 4.0).value == pytest.approx(4 / 6)
    assert profile([np.full(3, 1 + 1e-12)], 1.0).value == 1  # but for rounding


def test_the_probability_of_improvement_is_the_mean_over_instances():
    x, y = (
        [np.array([3.0, 1.0]), np.array([5.0, 5.0])],
        [np.array([1.0, 2.0]), np.array([1.0, 9.0])],
    )
    # First instance: 3 > 1, 3 > 2, 1 = 1, 1 < 2 makes 2.5 / 4; second: 2 / 4.
    found = probability_of_improvement(x, y)
    assert found.probability == pytest.approx((0.625 + 0.5) / 2)
    assert np.isnan([found.low, found.high, found.p]).all()  # two seeds do not tell


def test_who_is_always_better_is_so_with_the_least_p_there_is():
    better = probability_of_improvement([np.full(4, 2.0)], [np.full(4, 1.0)])
    assert (better.probability, better.low, better.high) == (1, 1, 1)
    assert better.p == pytest.approx(2 / 2001)
    assert better.bound
    equal = probability_of_improvement([np.full(4, 1.0)], [np.full(4, 1.0)])
    assert (equal.probability, equal.p, equal.bound) == (0.5, 1.0, False)


@pytest.mark.parametrize("seeds", [3, 5])
def test_resampled_probabilities_lie_around_the_probability(seeds):
    rng = np.random.default_rng(seeds)
    for _ in range(20):
        # Of the same seed the first is always better, of others often not.
        x = [rng.normal(size=seeds) for _ in range(13)]
        found = probability_of_improvement(x, [scores - 0.1 for scores in x])
        assert found.low <= found.probability <= found.high


def test_places_that_are_certain_are_single_and_others_ranges():
    values = np.array([1.0, 0.0, 3.0, 2.0, 2.0])
    noise = 0.1 * np.random.default_rng(0).normal(size=(5, 2000))
    resamples = [*(values[:, None] + noise)[:4], np.array([])]
    found = places(values, resamples)
    # The last, of one seed, may be anywhere, also above the first.
    np.testing.assert_array_equal(found, [[3, 4], [4, 5], [1, 2], [2, 3], [np.nan, np.nan]])


def test_places_of_what_never_varies_are_by_the_values_and_ties_share_them():
    values = np.array([1.0, 0.0, 0.0])
    found = places(values, np.repeat(values[:, None], 50, axis=1))
    np.testing.assert_array_equal(found, [[1, 1], [2, 3], [2, 3]])


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.83), (5, 0.87)])
def test_places_hold_those_of_equal_entries_about_as_often_as_they_say(seeds, least):
    rng, held = np.random.default_rng(0), []
    for _ in range(40):
        strata = rng.normal(size=(8, 13, seeds))
        values = np.array([interquartile_mean(each.ravel()) for each in strata])
        found = places(values, [resampled(list(each), interquartile_mean) for each in strata])
        held.append((found == [1, 8]).all(axis=1))
    assert least < np.mean(held) < 0.99


def test_holm_multiplies_the_smallest_by_the_number_of_all():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]


def test_agreement_is_kendalls():
    assert agreement([1, 2, 3, 4], [1, 2, 3, 4]) == 1
    # One of the six pairs is the other way round: (5 − 1) / 6.
    assert agreement([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert np.isnan(agreement([1], [1]))
