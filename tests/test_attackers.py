"""Attackers study hosts with known tickets, and see no more than they should."""

import numpy as np
import pytest

from pns_tf.detection.attack import planted_host
from pns_tf.detection.attackers import Classifier, Evidence, Host, Layers
from pns_tf.detection.measures import auc, auc_within
from pns_tf.detection.settings import Attack
from pns_tf.hosts.initializers import draw_host


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
