"""What the question of Theorem 2 consists of; apart from what answers it."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import InputError, integer, number
from pns_tf.recipe.names import shape_name

MOST_HOSTS = 10**9  # years of searching


@dataclass(frozen=True)
class Existence:
    """How likely a random host holds a task's target.

    Attributes:
        task: what the target solves, one that the command tasks lists.
        depth: neuron layers, input and output counted, at least 3.
        width: neurons in each hidden layer of the host; there is no largest one.
        epsilon: error allowed to each of the target's outputs on the input box.
        delta: the width needed is that for a probability of at least 1 - delta.
        hosts: so many random hosts are searched for a copy, 0 for none.
        seed: of these hosts.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> Existence("relu", depth=3).name
        'relu-d3-w100'
    """

    task: str = "relu"
    depth: int = 5
    width: int = 100
    epsilon: float = 0.1
    delta: float = 0.1
    hosts: int = 0
    seed: int = 0

    def __post_init__(self):
        from pns_tf import tasks  # takes long to import

        tasks.get(self.task).target(self.depth)
        integer("width", self.width, minimum=1)
        number("epsilon", self.epsilon, low=0.0, low_excluded=True)
        number("delta", self.delta, low=0.0, high=1.0, low_excluded=True)
        integer("hosts", self.hosts, minimum=0)
        if self.hosts > MOST_HOSTS:
            raise InputError(f"hosts must be at most {MOST_HOSTS:,}, got {self.hosts!r}")
        integer("seed", self.seed, minimum=0)

    @property
    def name(self) -> str:
        """Of its folder, beside those of other tasks, depths and widths."""
        return shape_name(self.task, self.depth, self.width)
