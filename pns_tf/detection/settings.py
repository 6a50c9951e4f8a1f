"""What an attack consists of; apart from what carries it out, which takes long to import."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import choice, integer, number
from pns_tf.recipe.run import code_digest

# Part of an attack's name from 2 on: raised when equal settings come to give other results.
RESULTS_VERSION = 1
# How a ticket is planted: arguments of `plant_arrays`, epsilon where True.
PLANTINGS: dict[str, dict] = {
    "published": {"hide": "published"},
    "default": {},
    "hide_biases": {"hide_biases": True},
    "approximate": {"hide_biases": True, "epsilon": True},
    "strong": {"hide": "strong"},
    "strong_approximate": {"hide": "strong", "epsilon": True},
}

# Not planted at all: masks alone make the ticket, in a host that stays as drawn.
CONSTRUCTED = "constructed"


@dataclass(frozen=True)
class Attack:
    """Settings of an attack.

    Attributes:
        task: what the tickets solve, one that the command tasks lists, or module:NAME for your own.
        depth: neuron layers of the hosts, input and output counted.
        width: neurons in each hidden layer of the hosts.
        planting: one of published, default, hide_biases, approximate, strong, strong_approximate,
            or constructed, which writes nothing; the target then has a layer less than the host,
            and the ticket is the one before `pns_tf.construct` shrinks it.
        hosts: how many are attacked, with this seed and those after it.
        study: how many others the attackers study before, with the seeds after these.
        epsilon: output error of the approximate plantings.
        init: how hosts are drawn, one of normal, zero_biases, uniform.
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
        from pns_tf import tasks
        from pns_tf.constructing.construction import check_host
        from pns_tf.hosts.fully_connected import FullyConnected
        from pns_tf.hosts.initializers import INITIALIZERS
        from pns_tf.planting.algorithm import baseline_density

        choice("planting", self.planting, [*PLANTINGS, CONSTRUCTED])
        integer("depth", self.depth, minimum=4 if self.planting == CONSTRUCTED else 3)
        baseline_density(self.task, self.depth, self.width)
        FullyConnected(self.task, self.depth, self.width).check_buildable()
        integer("hosts", self.hosts, minimum=1)
        integer("study", self.study, minimum=2)
        number("epsilon", self.epsilon, low=0.0, low_excluded=True)
        choice("init", self.init, INITIALIZERS)
        if self.planting == CONSTRUCTED:
            target = tasks.get(self.task).target(self.depth - 1)
            check_host(target, [self.width], biased=self.init != "zero_biases")
        integer("seed", self.seed, minimum=0)

    @property
    def options(self) -> dict:
        """Arguments of `plant_arrays`; none where nothing is planted."""
        return PLANTINGS.get(self.planting, {})

    @property
    def name(self) -> str:
        """Says all settings, epsilon only where it is used, and the code of a task of your own.

        Example:
            >>> Attack("relu", planting="approximate").name
            'relu-d5-w100-approximate-e0.05-normal-h50-k50-s0'
        """
        epsilon = [f"e{_plain(self.epsilon)}"] if "epsilon" in self.options else []
        words = [
            self.task.replace(":", "."),
            f"d{self.depth}",
            f"w{self.width}",
            self.planting,
            *epsilon,
            self.init,
        ]
        words += [f"h{self.hosts}", f"k{self.study}", f"s{self.seed}"]
        if RESULTS_VERSION > 1:
            words.append(f"v{RESULTS_VERSION}")
        return "-".join([*words, *filter(None, [code_digest(self.task)])])


def _plain(value: float) -> str:
    """A number in as few digits as tell it from others."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
