"""What an attack consists of; apart from what carries it out, which takes long to import."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import choice, integer, number
from pns_tf.hosts.initializers import INITIALIZERS
from pns_tf.planting.algorithm import baseline_density

# How a ticket is planted: arguments of `plant_arrays`, epsilon where True.
PLANTINGS: dict[str, dict] = {
    "published": {"hide": "published"},
    "default": {},
    "hide_biases": {"hide_biases": True},
    "approximate": {"hide_biases": True, "epsilon": True},
    "strong": {"hide": "strong"},
    "strong_approximate": {"hide": "strong", "epsilon": True},
}


@dataclass(frozen=True)
class Attack:
    """Settings of an attack.

    Attributes:
        task: what the tickets solve.
        depth: neuron layers of the hosts.
        width: neurons in each of their hidden layers.
        planting: one of `PLANTINGS`.
        hosts: hosts that are attacked, with the seeds ``seed``, ``seed + 1``, …
        study: hosts that the attackers study before, with the seeds after these.
        epsilon: of the approximate plantings.
        init: how hosts are drawn.
        seed: of the first host, and of what the classifier studies.

    Raises:
        ValueError: a value that cannot work.
    """

    task: str = "circle"
    depth: int = 5
    width: int = 100
    planting: str = "default"
    hosts: int = 50
    study: int = 50
    epsilon: float = 0.05
    init: str = "normal"
    seed: int = 0

    def __post_init__(self):
        baseline_density(self.task, self.depth, self.width)
        choice("planting", self.planting, PLANTINGS)
        integer("hosts", self.hosts, minimum=1)
        integer("study", self.study, minimum=2)
        number("epsilon", self.epsilon, low=0.0, low_excluded=True)
        choice("init", self.init, INITIALIZERS)
        integer("seed", self.seed, minimum=0)

    @property
    def name(self) -> str:
        """Says all settings; epsilon only where it is used.

        Example:
            >>> Attack("relu", planting="approximate").name
            'relu-d5-w100-approximate-e0.05-normal-h50-k50-s0'
        """
        epsilon = [f"e{self.epsilon:g}"] if "epsilon" in PLANTINGS[self.planting] else []
        words = [self.task, f"d{self.depth}", f"w{self.width}", self.planting, *epsilon, self.init]
        return "-".join([*words, f"h{self.hosts}", f"k{self.study}", f"s{self.seed}"])
