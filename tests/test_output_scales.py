"""A strong ticket is right up to one positive scale per output, fitted on training data."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import pns_tf
from pns_tf.measuring.evaluation import evaluate_strong
from pns_tf.tasks.kinds import REGRESSION
from pns_tf.tasks.metrics import accuracy
from pns_tf.tasks.output_scales import fit_class_scales, fit_scales

LOGITS = arrays(np.float64, (12, 3), elements=st.integers(-5, 5).map(float))
CLASSES = arrays(np.int32, 12, elements=st.integers(0, 2))


@pytest.mark.slow
@given(LOGITS, CLASSES)
def test_fitted_class_scales_are_positive_and_never_lose_accuracy(logits, y):
    scales = fit_class_scales(logits, y)
    assert (scales > 0).all()
    assert accuracy(logits * scales, y) >= accuracy(logits, y)


@pytest.mark.slow
@given(LOGITS, CLASSES)
def test_no_other_scale_of_one_class_is_better(logits, y):
    scales = fit_class_scales(logits, y)
    best = accuracy(logits * scales, y)
    for c, factor in itertools.product(range(3), np.geomspace(1e-3, 1e3, 61)):
        changed = scales.copy()
        changed[c] *= factor
        assert accuracy(logits * changed, y) <= best


@given(arrays(np.float64, 3, elements=st.floats(0.01, 100)))
def test_class_scales_undo_any_positive_scaling(factors):
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((500, 3))
    y = np.argmax(logits, axis=1)
    assert accuracy(logits * factors * fit_class_scales(logits * factors, y), y) > 0.98


def test_scales_of_regression_are_least_squares_but_never_negative():
    rng = np.random.default_rng(0)
    outputs = rng.standard_normal((100, 3))
    y = outputs * [2.0, -1.0, 0.0]
    np.testing.assert_allclose(fit_scales(outputs, y), [2, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(REGRESSION.fit_scales(outputs, y), fit_scales(outputs, y))
    assert fit_scales(np.zeros((5, 1)), np.ones((5, 1))) == [0]


@pytest.mark.parametrize("task", ["circle", "helix"])
def test_the_planted_ticket_is_strong_in_the_host_itself(task):
    planted = pns_tf.plant(task, depth=4, width=40)
    data = planted.data(2000)
    strength = evaluate_strong(planted.ticket, planted.kind, data)
    if task == "circle":
        assert strength.unscaled < 0.6 < 0.95 < strength.metric
    else:
        assert strength.metric < 3e-4 < 0.01 < strength.unscaled
        np.testing.assert_allclose(strength.scales, planted.scales, rtol=5e-2)


def test_scales_come_from_training_data_only():
    planted = pns_tf.plant("circle", depth=3, width=30)
    data = planted.data(1000)
    shuffled = type(data)(data.x_train, data.y_train, data.x_test, data.y_test[::-1])
    scales = [evaluate_strong(planted.ticket, "classification", d).scales for d in (data, shuffled)]
    np.testing.assert_array_equal(*scales)
