"""What pruners are ranked on: hosts of several tasks, sizes and noise levels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, number

if TYPE_CHECKING:
    from pns_tf.hosts.fully_connected import FullyConnected

HIGHEST = 0.5  # density up to which tickets are ranked
CONSTRUCTED = "-constructed"  # at the end of a name
NAME = re.compile(
    r"(?P<task>.+)-d(?P<depth>\d+)-w(?P<width>\d+)(-n(?P<noise>[\d.e-]*[\d.]))?"
    rf"(?P<constructed>{CONSTRUCTED})?"
)


@dataclass(frozen=True)
class Instance:
    """A kind of host with a ticket that is known; seeds make hosts of it.

    Attributes:
        task: its name, with settings if it has some.
        depth: neuron layers, input and output counted.
        width: neurons in each hidden layer.
        noise: noise level of the data; ``None`` for the task's own.
        constructed: whether the host is left as it was drawn, and a ticket constructed in it,
            instead of the task's target planted.

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
    constructed: bool = False

    def __post_init__(self):
        if self.noise is not None:
            number("noise", self.noise, low=0.0)
        self.host.check_buildable()
        if self.truth is not None:
            self.check_truth(self.truth)

    def check_truth(self, truth: float) -> None:
        """Raises ``InputError`` if the known ticket fills too much of the host for a ranking."""
        if truth > HIGHEST / 2:
            raise InputError(
                f"instance {self.name} cannot be ranked: its {self.made} ticket has density "
                f"{truth:.3g}, expected at most {HIGHEST / 2:g}"
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
                f"task's own and {CONSTRUCTED} if nothing is planted, such as {INSTANCES[0].name}, "
                f"got {name!r}"
            )
        try:
            noise = None if found["noise"] is None else float(found["noise"])
        except ValueError:
            raise InputError(f"noise of {name!r} must be a number") from None
        sizes = int(found["depth"]), int(found["width"])
        made = cls(found["task"], *sizes, noise, found["constructed"] is not None)
        if made.name != name:
            raise InputError(f"instance {name!r} is called {made.name!r}")
        return made

    @property
    def name(self) -> str:
        """In tables, files and flags."""
        return instance_name(self.task, self.depth, self.width, self.noise, self.constructed)

    @property
    def made(self) -> str:
        """How its ticket has come into the host."""
        return "constructed" if self.constructed else "planted"

    @property
    def host(self) -> FullyConnected:
        """What a ticket is planted or constructed in."""
        from pns_tf.constructing.untouched import Untouched
        from pns_tf.hosts.fully_connected import FullyConnected

        kind = Untouched if self.constructed else FullyConnected
        return kind(self.task, self.depth, self.width)

    @property
    def truth(self) -> float | None:
        """Planted weights and biases by all parameters of the host.

        ``None`` for a constructed ticket, whose size is another for each seed.
        """
        from pns_tf.planting.algorithm import truth_density

        return None if self.constructed else truth_density(self.task, self.depth, self.width)


def instance_name(
    task: str, depth: int, width: int, noise: float | None, constructed: bool = False
) -> str:
    """The name of an instance, from what rows say of it."""
    noisy = "" if noise is None or noise != noise else f"-n{noise:g}"
    return f"{task}-d{int(depth)}-w{int(width)}{noisy}{CONSTRUCTED * constructed}"


# From one path in a wide host to dense and noisy targets; three tasks are the paper's, three
# teachers have no structure made by hand, and one host is as it was drawn.
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
    Instance("teacher", 4, 100, constructed=True),
)
