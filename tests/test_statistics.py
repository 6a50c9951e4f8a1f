"""Limits of decimal numbers, and intervals of means and of shares."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pns_tf.reports.statistics import at_most, share, wilson


@pytest.mark.parametrize(("planted", "found"), [(0.98, 0.96), (0.976, 0.956), (0.95, 0.93)])
def test_differences_of_decimal_numbers_keep_a_limit_that_they_equal(planted, found):
    assert at_most(planted - found, 0.02)
    assert at_most((planted - found) / 0.02, 1.0)
    assert not at_most(planted - found + 1e-6, 0.02)


def test_limits_may_be_infinite():
    assert at_most(np.inf, np.inf)
    assert at_most(-np.inf, np.inf)
    assert not at_most(np.inf, 1.0)


def test_wilsons_interval_of_a_worked_case():
    """Newcombe 1998, table I: 81 of 263 and 15 of 148."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)


@given(n=st.integers(1, 200), data=st.data())
def test_a_share_and_its_interval_lie_between_0_and_1(n, data):
    ones = data.draw(st.integers(0, n))
    found = share(pd.Series([1.0] * ones + [0.0] * (n - ones)))
    assert 0 <= found.low <= found.mean <= found.high <= 1
    assert found.high > found.low
    wider = found.widened(10)
    assert wider.low <= found.low
    assert found.high <= wider.high


def test_a_share_of_no_runs_says_so():
    assert str(share(pd.Series([], dtype=float))) == "no runs"
    assert share(pd.Series([1.0, np.nan])).n == 1
