"""What pruners are ranked on: hosts of several tasks, sizes and noise levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, number

if TYPE_CHECKING:
    from pns_tf.hosts.fully_connected import FullyConnected

HIGHEST = 0.5  # density up to which tickets are ranked
NAME = re.compile(r"(?P<task>.+)-d(?P<depth>\d+)-w(?P<width>\d+)(-n(?P<noise>[\d.e-]+))?")


@dataclass(frozen=True)
class Instance:
    """A kind of host with the target of its task planted in it; seeds make hosts of it.

    Attributes:
        task: its name, with settings if it has some.
        depth: neuron layers, input and output counted.
        width: neurons in each hidden layer.
        noise: noise level of the data; ``None`` for the task's own.

    Raises:
        ValueError: a value that cannot work, or a target that does not fit the host, or fills so
            much of it that there is no room for a ranking.

    Example:
        >>> Instance("circle", 5, 100, noise=0.1).name
        'circle-d5-w100-n0.1'
    """

    task: str
    depth: int = 5
    width: int = 100
    noise: float | None = None

    def __post_init__(self):
        if self.noise is not None:
            number("noise", self.noise, low=0.0)
        self.host.check_buildable()
        if self.truth > HIGHEST / 2:
            raise InputError(
                f"instance {self.name} cannot be ranked: its planted ticket has density "
                f"{self.truth:.3g}, expected at most {HIGHEST / 2:g}"
            )

    @classmethod
    def named(cls, name: object) -> Instance:
        """The instance of this name.

        Raises:
            ValueError: the name is none, or a value in it cannot work.
        """
        found = NAME.fullmatch(str(name))
        if found is None:
            raise InputError(
                f"an instance is named <task>-d<depth>-w<width>, with -n<noise> if it is not the "
                f"task's own, such as {INSTANCES[0].name}, got {name!r}"
            )
        try:
            noise = None if found["noise"] is None else float(found["noise"])
        except ValueError:
            raise InputError(f"noise of {name!r} must be a number") from None
        made = cls(found["task"], int(found["depth"]), int(found["width"]), noise)
        if made.name != name:
            raise InputError(f"instance {name!r} is called {made.name!r}")
        return made

    @property
    def name(self) -> str:
        """In tables, files and flags."""
        return instance_name(self.task, self.depth, self.width, self.noise)

    @property
    def host(self) -> FullyConnected:
        """What is planted in."""
        from pns_tf.hosts.fully_connected import FullyConnected

        return FullyConnected(self.task, self.depth, self.width)

    @property
    def truth(self) -> float:
        """Planted weights and biases by all parameters of the host."""
        from pns_tf.planting.algorithm import truth_density

        return truth_density(self.task, self.depth, self.width)


def instance_name(task: str, depth: int, width: int, noise: float | None) -> str:
    """The name of an instance, from what rows say of it."""
    noisy = "" if noise is None or noise != noise else f"-n{noise:g}"
    return f"{task}-d{int(depth)}-w{int(width)}{noisy}"


# From one path in a wide host to dense and noisy targets; three tasks are the paper's, and three
# teachers have no structure made by hand.
INSTANCES = (
    Instance("relu", 5, 100),
    Instance("circle", 3, 100),
    Instance("circle", 5, 50),
    Instance("circle", 5, 100),
    Instance("circle", 5, 100, noise=0.1),
    Instance("circle", 8, 50),
    Instance("helix", 3, 200),
    Instance("helix", 5, 50),
    Instance("helix", 5, 100),
    Instance("teacher", 3, 100),
    Instance("teacher+hidden=2", 4, 50),
    Instance("teacher+hidden=3", 5, 100),
)
