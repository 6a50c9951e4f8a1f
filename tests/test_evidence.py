"""Evidence: what in a host's weights may give planted parameters away."""

import numpy as np
import pytest
from scipy.special import betainc

from pns_tf.detection.evidence import (
    EVIDENCE,
    bias_deviations,
    bias_outliers,
    collinearity,
    correlation,
    exact_values,
    magnitude,
    neuron_norms,
    norm_deviations,
    spread,
)
from pns_tf.detection.features import context, features
from pns_tf.hosts.initializers import draw_host

HOST = draw_host([2, 40, 40, 3], seed=0)


def changed(layer: int, kernel=None, bias=None):
    """The host with some values changed: ``{index: value}`` of one layer's arrays."""
    kernels, biases = ([array.copy() for array in arrays] for arrays in HOST)
    for index, value in (kernel or {}).items():
        kernels[layer][index] = value
    for index, value in (bias or {}).items():
        biases[layer][index] = value
    return kernels, biases


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE)
@pytest.mark.parametrize("init", ["normal", "zero_biases", "uniform"])
def test_scores_have_the_shapes_of_the_parameters_and_are_finite(evidence, init):
    kernels, biases = draw_host([1, 12, 7, 2], 3, init)
    shapes = [array.shape for pair in zip(kernels, biases, strict=True) for array in pair]
    scores = evidence(kernels, biases)
    assert [score.shape for score in scores] == shapes
    assert all(np.isfinite(score).all() for score in scores)


def test_zero_biases_make_all_weights_of_their_neurons_suspicious():
    scores = exact_values(*changed(1, bias={5: 0.0}))
    assert scores[2][:, 5].min() >= 1  # into the neuron
    assert scores[4][5].min() >= 1  # out of it
    others = np.delete(scores[2], 5, axis=1)
    assert others.mean() < 0.05
    assert (scores[3] == 0).all()  # the bias itself computes nothing


def test_biases_that_are_all_zero_say_nothing():
    kernels, biases = draw_host([2, 40, 40, 3], 0, "zero_biases")
    assert max(score.mean() for score in exact_values(kernels, biases)) < 0.05


def test_values_that_occur_twice_are_suspicious_whatever_their_sign():
    scores = exact_values(*changed(1, kernel={(3, 4): 0.123, (7, 8): -0.123}))
    assert scores[2][3, 4] == scores[2][7, 8] == 1


def test_magnitude_is_measured_within_each_array():
    kernels, biases = HOST
    scores = magnitude(kernels, [1e-6 * bias for bias in biases])
    assert all(np.mean(score**2) == pytest.approx(1.0, rel=1e-4) for score in scores)


def test_neurons_with_long_weights_are_suspicious_before_and_behind():
    kernels, biases = changed(1)
    kernels[1][:, 6] *= 3
    incoming, outgoing = norm_deviations(kernels)[1]
    assert np.argmax(incoming) == 6
    assert abs(outgoing[6]) < 4
    scores = neuron_norms(kernels, biases)
    assert np.argmax(scores[2].sum(axis=0)) == 6
    assert np.argmax(scores[4].sum(axis=1)) == 6


def test_proportional_neurons_are_suspicious():
    kernels, biases = changed(1)
    kernels[2][11] = -2.5 * kernels[2][30]  # outgoing weights
    _, outgoing = collinearity(kernels)[1]
    assert set(np.argsort(outgoing)[-2:]) == {11, 30}
    scores = correlation(kernels, biases)
    assert set(np.argsort(scores[3])[-2:]) == {11, 30}


def test_alignment_is_judged_by_what_chance_gives_in_so_many_dimensions():
    angle = 0.3
    rows = np.zeros((3, 5))
    rows[0, 0], rows[1, :2], rows[2, 2] = 1, (np.cos(angle), np.sin(angle)), 1
    incoming, _ = collinearity([rows.T])[0]
    chance = betainc(2.0, 0.5, np.sin(angle) ** 2)
    assert incoming == pytest.approx([-np.log(chance)] * 2 + [0.0])
    uniform = np.random.default_rng(0).standard_normal((20_000, 5))
    cosine = np.abs(uniform[:, 0]) / np.linalg.norm(uniform, axis=1)
    assert chance == pytest.approx(np.mean(cosine >= np.cos(angle)), rel=0.2)


def test_a_single_weight_is_proportional_to_any_other_and_says_nothing():
    (incoming, _), _ = collinearity([np.ones((1, 4)), np.ones((4, 1))])
    assert (incoming == 0).all()


def test_large_biases_are_suspicious_in_their_layer():
    kernels, biases = changed(1, bias={9: 20 * np.abs(HOST[1][1]).max()})
    assert np.argmax(bias_deviations(biases)[1]) == 9
    scores = bias_outliers(kernels, biases)
    assert np.argmax(scores[3]) == 9
    assert np.argmax(scores[2].mean(axis=0)) == 9


def test_evidence_of_neurons_counts_for_the_weights_between_them():
    scores = spread([np.array([1.0, 0.0]), np.array([10.0])], inputs=3)
    np.testing.assert_array_equal(scores[0], [[1.0, 0.0]] * 3)
    np.testing.assert_array_equal(scores[1], [2.0, 0.0])
    np.testing.assert_array_equal(scores[2], [[11.0], [10.0]])


def test_features_have_a_row_for_each_parameter_in_order():
    kernels, biases = HOST
    tables = features(kernels, biases)
    assert [len(table) for table in tables] == [80, 40, 1600, 40, 120, 3]
    sizes = magnitude(kernels, biases)
    for table, size in zip(tables, sizes, strict=True):
        np.testing.assert_allclose(table[:, 4], size.ravel(), rtol=1e-6)
    around = context([size.astype(float) for size in sizes], layers=3)
    assert [table.shape for table in around] == [(len(table), 7) for table in tables]
    # the weight from neuron 3 to neuron 5: its own score, and the bias of both ends
    row = around[2][3 * 40 + 5]
    assert row[0] == pytest.approx(sizes[2][3, 5], rel=1e-6)
    assert (row[3], row[6]) == pytest.approx((sizes[1][3], sizes[3][5]), rel=1e-6)
    assert row[1] == pytest.approx(sizes[0][:, 3].max(), rel=1e-6)  # into neuron 3
    assert row[4] == pytest.approx(sizes[4][5].max(), rel=1e-6)  # out of neuron 5
