"""Attackers: what gives planted parameters away to someone who sees only the host's weights."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc

import tasks
from pns_tf.detection.attack import attack_table, planted_host
from pns_tf.detection.attackers import Classifier, Evidence, Host, Layers, attackers
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
from pns_tf.detection.figure import detection_figure
from pns_tf.detection.measures import auc, auc_within, precision
from pns_tf.detection.settings import PLANTINGS, Attack
from pns_tf.detection.table import readable, strongest, summary, verdicts
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


# Evidence


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


# Measures


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


# Attackers


def test_the_layers_attacker_knows_shares_only():
    hosts = [planted_host(Attack("circle", 3, 30), seed)[0] for seed in range(4)]
    attacker = Layers()
    attacker.study(hosts)
    scores = attacker.score(hosts[0])
    assert auc_within(hosts[0].planted, scores) == 0.5
    assert auc(hosts[0].planted, scores) > 0.55


def test_evidence_is_turned_around_if_planted_parameters_have_less_of_it():
    small = [np.array([1.0, 1.0, 0.1, 0.2])], [np.array([True])]
    host = Host(*small, planted=[np.array([False, False, True, True]), np.array([False])])

    def size(kernels, biases):
        return [np.abs(kernels[0]), np.zeros(1)]

    attacker = Evidence(size)
    attacker.study([host])
    assert attacker.sign == -1
    assert auc_within(host.planted, attacker.score(host)) == 1
    attacker.study([host])  # again: what it studied before does not count
    assert attacker.sign == -1


@pytest.mark.slow
def test_the_classifier_sees_published_tickets_and_not_where_there_is_none():
    hosts = [planted_host(Attack("helix", 3, 40, "published"), seed)[0] for seed in range(12)]
    classifier = Classifier()
    classifier.study(hosts[:8])
    seen = [auc_within(host.planted, classifier.score(host)) for host in hosts[8:]]
    assert np.mean(seen) > 0.9
    rng = np.random.default_rng(0)
    blind = []
    for host in hosts:
        kernels, biases = draw_host([1, 40, 3], int(rng.integers(1e6)))
        shuffled = [rng.permuted(mask.ravel()).reshape(mask.shape) for mask in host.planted]
        blind.append(Host(kernels, biases, shuffled))
    classifier = Classifier()
    classifier.study(blind[:8])
    nothing = [auc_within(host.planted, classifier.score(host)) for host in blind[8:]]
    assert np.mean(nothing) == pytest.approx(0.5, abs=0.15)


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


# Attacks


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.concat(
        [
            attack_table(Attack("relu", 4, 30, planting, hosts=6, study=6))
            for planting in ("published", "hide_biases", "strong")
        ],
        ignore_index=True,
    )


@pytest.mark.slow
def test_an_attack_has_a_row_for_each_host_and_attacker(table):
    assert len(table) == 3 * 6 * len(attackers())
    published = table[table["planting"] == "published"]
    assert sorted(published["host"].unique()) == [0, 1, 2, 3, 4, 5]
    assert (table["parameters"] == 30 + 30 + 900 + 30 + 30 + 1).all()
    assert (table["ticket"] == 3).all()


def test_zero_biases_give_a_published_ticket_away_and_hidden_ones_do_not(table):
    means = table.groupby(["planting", "attacker"])["auc_within"].mean()
    assert means["published", "exact values"] > 0.95
    assert means["hide_biases", "exact values"] < 0.7
    assert means["strong", "exact values"] < 0.7


def test_hosts_that_are_studied_are_not_attacked():
    attack = Attack("relu", 3, 20, hosts=3, study=4, seed=10)
    drawn = []

    def spy(attack, seed, draw=planted_host):
        drawn.append(seed)
        return draw(attack, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pns_tf.detection.attack.planted_host", spy)
        attack_table(attack)
    assert drawn == [13, 14, 15, 16, 10, 11, 12]


@pytest.mark.slow
def test_equal_attacks_give_equal_tables():
    attack = Attack("helix", 3, 30, "strong", hosts=2, study=4)
    pd.testing.assert_frame_equal(attack_table(attack), attack_table(attack))


@pytest.mark.parametrize("planting", PLANTINGS)
def test_every_planting_hides_the_whole_ticket(planting):
    host, written = planted_host(Attack("circle", 4, 30, planting), 0)
    target = tasks.get("circle").target(4)
    assert sum(mask.sum() for mask in host.planted[::2]) == target.nonzero_weights
    assert 0 < written <= sum(mask.sum() for mask in host.planted) + sum(target.shape[1:])


def test_summaries_name_the_strongest_attacker(table):
    summed = summary(table)
    best = strongest(summed).set_index("planting")
    assert "layers" not in set(best["attacker"])
    for planting, rows in summed[summed["attacker"] != "layers"].groupby("planting"):
        assert best.loc[planting, "auc"] == rows["auc"].max()
    row = summed.query("planting == 'strong' and attacker == 'classifier'").iloc[0]
    raw = table.query("planting == 'strong' and attacker == 'classifier'")["auc"]
    assert (row["auc"], row["auc_se"]) == pytest.approx((raw.mean(), raw.std() / np.sqrt(6)))
    shown = readable(summed)
    assert list(shown.columns) == [
        *("task", "depth", "width", "attacker"),
        *("published", "hide_biases", "strong"),
    ]
    assert len(shown) == len(attackers())
    assert len(verdicts(summed)) == 3


def test_the_figure_has_panels_for_each_setting(table):
    figure = detection_figure(summary(table))
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.axes[1].get_xticklabels()] == list(attackers())[1:]


# The command


@pytest.mark.slow
def test_detect_continues_and_prints_tables(run, tmp_path):
    small = ["--task=relu", "--depth=3,4", "--width=20", "--hosts=2", "--study=4"]
    flags = [*small, "--planting=published,strong", f"--out={tmp_path / 'd'}"]
    code, out, err = run("detect", *flags)
    assert (code, err) == (0, "")
    assert re.search(r"relu +4 +20 +exact values +(1\.00|0\.9\d) / 1\.00", out)
    runs = sorted((tmp_path / "d" / "runs").iterdir())
    assert len(runs) == 4
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        *("runs", "runs.csv", "summary.csv", "detection.png"),
    }
    marked = runs[0].read_text().replace("classifier", "somebody else")
    runs[0].write_text(marked)  # a finished attack is not repeated
    runs[1].unlink()
    code, again, err = run("detect", *flags)
    assert "somebody else" in again
    assert runs[1].exists()


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--task=helix,relx", "unknown task 'relx'"),
        ("--depth=5,2", "depth must be an integer of at least 3, got 2"),
        ("--width=10", "width 10 is too small"),
        ("--planting=strong,deep", "unknown planting 'deep': choose from published, default"),
        ("--hosts=0", "hosts must be an integer of at least 1, got 0"),
        ("--study=1", "study must be an integer of at least 2, got 1"),
        ("--epsilon=-1", "epsilon must be a number above 0, got -1"),
        ("--init=he", "unknown init 'he'"),
        ("--seed=-1", "seed must be an integer of at least 0"),
    ],
)
def test_a_value_that_cannot_be_is_refused(refused, flag, complaint):
    assert complaint in refused("detect", flag)
