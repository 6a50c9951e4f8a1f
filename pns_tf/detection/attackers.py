"""Attackers: they study hosts with known tickets, then score the parameters of other hosts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from pns_tf.detection.evidence import EVIDENCE, Arrays, Scores
from pns_tf.detection.features import context, features
from pns_tf.detection.measures import auc_within
from pns_tf.seeding import generator

OTHERS = 300  # parameters of each array outside the ticket that the classifier studies


@dataclass(frozen=True, eq=False)
class Host:
    """A host with a ticket in it.

    Attributes:
        kernels: ``(fan_in, fan_out)`` each.
        biases: ``(fan_out,)`` each.
        planted: where the ticket lies, bool, kernel and bias of each layer.
    """

    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    planted: list[np.ndarray]


@dataclass
class Layers:
    """Knows how much of each array is planted and nothing else: what the others must surpass."""

    shares: list[float] = field(default_factory=list)

    def study(self, hosts: Sequence[Host]) -> None:
        arrays = zip(*(host.planted for host in hosts), strict=True)
        self.shares = [float(np.mean([mask.mean() for mask in masks])) for masks in arrays]

    def score(self, host: Host) -> Scores:
        pairs = zip(host.planted, self.shares, strict=True)
        return [np.full(mask.shape, share) for mask, share in pairs]


@dataclass
class Evidence:
    """Sorts parameters by one kind of evidence; studies only whether more of it is a good sign.

    Attributes:
        evidence: a function of `pns_tf.detection.evidence`.
    """

    evidence: Callable[[Arrays, Arrays], Scores]
    sign: float = 1.0

    def study(self, hosts: Sequence[Host]) -> None:
        self.sign = 1.0
        found = [auc_within(host.planted, self.score(host)) for host in hosts]
        self.sign = 1.0 if np.nanmean(found) >= 0.5 else -1.0

    def score(self, host: Host) -> Scores:
        return [self.sign * score for score in self.evidence(host.kernels, host.biases)]


class Classifier:
    """Gradient-boosted trees on all evidence about a parameter and its two neurons.

    A second classifier sees what the first one thinks of the weights that share a neuron with a
    parameter, because a ticket is a connected network. It studies hosts that the first one has not
    seen.

    Args:
        seed: which parameters outside the tickets are studied.
    """

    def __init__(self, seed: int = 0):
        self._rng = generator(seed, "classifier")
        self._first, self._second = (
            HistGradientBoostingClassifier(
                max_iter=100,
                max_leaf_nodes=15,
                l2_regularization=1.0,
                early_stopping=False,
                random_state=0,
            )
            for _ in range(2)
        )

    def study(self, hosts: Sequence[Host]) -> None:
        half = len(hosts) // 2
        self._fit(self._first, hosts[:half], [self._own(host) for host in hosts[:half]])
        self._fit(self._second, hosts[half:], [self._with_context(host) for host in hosts[half:]])

    def score(self, host: Host) -> Scores:
        return self._scores(self._second, self._with_context(host), host)

    @staticmethod
    def _own(host: Host) -> list[np.ndarray]:
        return features(host.kernels, host.biases)

    def _with_context(self, host: Host) -> list[np.ndarray]:
        own = self._own(host)
        around = context(self._scores(self._first, own, host), len(host.kernels))
        return [np.hstack(pair) for pair in zip(own, around, strict=True)]

    @staticmethod
    def _scores(trees, tables: list[np.ndarray], host: Host) -> Scores:
        pairs = zip(tables, host.planted, strict=True)
        return [trees.decision_function(table).reshape(mask.shape) for table, mask in pairs]

    def _fit(self, trees, hosts: Sequence[Host], tables: Sequence[list[np.ndarray]]) -> None:
        """All planted parameters, and of each array some others, with more weight instead."""
        rows, labels, weights = [], [], []
        for host, host_tables in zip(hosts, tables, strict=True):
            for mask, table in zip(host.planted, host_tables, strict=True):
                mask = mask.ravel()
                others = np.flatnonzero(~mask)
                taken = self._rng.permutation(others)[:OTHERS]
                rows += [table[mask], table[taken]]
                labels += [np.ones(mask.sum()), np.zeros(len(taken))]
                weights += [
                    np.ones(mask.sum()),
                    np.full(len(taken), len(others) / max(len(taken), 1)),
                ]
        trees.fit(np.vstack(rows), np.concatenate(labels), np.concatenate(weights))


Attackers = dict[str, Layers | Evidence | Classifier]  # by name


def attackers(seed: int = 0) -> Attackers:
    """All attackers by name."""
    return {
        "layers": Layers(),
        **{name: Evidence(evidence) for name, evidence in EVIDENCE.items()},
        "classifier": Classifier(seed),
    }
