"""Measures of detection are the probabilities that they say they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pns_tf.detection.measures import auc, auc_within, precision


@given(seed=st.integers(0, 1000), ties=st.booleans())
def test_the_auc_is_the_probability_of_the_right_order(seed, ties):
    rng = np.random.default_rng(seed)
    planted = [rng.random(30) < 0.3, np.append(rng.random(9) < 0.5, True)]
    planted[0][:2] = True, False
    scores = [rng.integers(0, 4, 30).astype(float) if ties else rng.random(30), rng.random(10)]

    def by_counting(mask, score):
        pairs = score[mask][:, None] - score[~mask]
        return np.mean((pairs > 0) + 0.5 * (pairs == 0))

    together = [np.concatenate(part) for part in (planted, scores)]
    assert auc(planted, scores) == pytest.approx(by_counting(*together))
    if not planted[1].all():
        parts = [by_counting(*part) for part in zip(planted, scores, strict=True)]
        counts = [mask.sum() for mask in planted]
        assert auc_within(planted, scores) == pytest.approx(np.average(parts, weights=counts))


@given(seed=st.integers(0, 1000))
def test_the_precision_is_what_random_breaking_of_ties_gives_on_average(seed):
    rng = np.random.default_rng(seed)
    planted, score = rng.random(20) < 0.4, rng.integers(0, 4, 20).astype(float)
    planted[0] = True
    size, found = planted.sum(), []
    for _ in range(400):
        order = np.lexsort([rng.random(20), -score])
        found.append(planted[order[:size]].mean())
    assert precision([planted], [score]) == pytest.approx(np.mean(found), abs=0.06)


def test_perfect_scores_are_perfect():
    planted = [np.array([[True, False], [False, False]]), np.array([True, False])]
    scores = [mask.astype(float) for mask in planted]
    assert auc(planted, scores) == auc_within(planted, scores) == precision(planted, scores) == 1
