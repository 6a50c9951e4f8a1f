"""What defines a constructed run: declared once, for Python, the command line, the record."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from pns_tf.checks import InputError, flag, integer
from pns_tf.recipe.hosts import FULLY_CONNECTED, Host, host_named
from pns_tf.recipe.names import unusual_words
from pns_tf.recipe.records import from_record

OF_HOST = ("task", "host_depth", "width", "init", "seed")  # which the folder's name says anyway


@dataclass(frozen=True)
class Constructing:
    """Everything that decides a constructed ticket, and the data that judge it.

    Attributes:
        task: what the ticket solves, one that the command tasks lists, or module:NAME for your own.
        depth: neuron layers of the target, input and output counted, at least 3.
        host_depth: neuron layers of the host, at least one more; None for one more.
        width: neurons in each hidden layer of the host.
        init: how the host is drawn, one of normal, zero_biases, uniform.
        seed: everything random follows from it; the host is the one that plant draws.
        copies: of each target neuron at most; those that nothing uses are dropped.
        largest_subset: host parameters that represent one of the target at most; two more for
            outputs, which cannot choose their place.
        tolerance: error that outputs may have, root mean square by that of the target's.
        shrink: leave out what the ticket can do without; False keeps it as constructed.
        samples: size of the data set that judges the networks, a tenth of it for testing.
        noise: noise level of the data, None for the task's own.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> Constructing("circle", width=500).name
        'circle-d6-w500-s0-constructed'
    """

    task: str = "circle"
    depth: int = 5
    host_depth: int | None = None
    width: int = 1000
    init: str = "normal"
    seed: int = 0
    copies: int = 10
    largest_subset: int = 3
    tolerance: float = 0.03
    shrink: bool = True
    samples: int = 10_000
    noise: float | None = None

    def __post_init__(self):
        from pns_tf import tasks
        from pns_tf.constructing.construction import check_host, check_sizes

        integer("depth", self.depth, minimum=3)
        integer("width", self.width, minimum=1)
        integer("seed", self.seed, minimum=0)
        if self.host_depth is not None:
            integer("host_depth", self.host_depth, minimum=3)
            if self.host_depth <= self.depth:
                raise InputError(
                    "a ticket is constructed in a host at least one layer deeper than its target: "
                    f"host_depth must be at least {self.depth + 1}, got {self.host_depth}"
                )
        check_sizes(self.copies, self.largest_subset, self.tolerance)
        flag("shrink", self.shrink)
        self.host.check_buildable()
        target = tasks.get(self.task).target(self.depth)
        check_host(target, [self.width], biased=self.init != "zero_biases")
        self.host.check_data(self.samples, self.noise, self.seed)

    @property
    def host(self) -> Host:
        """The host, as `plant` draws it for this seed."""
        depth = self.depth + 1 if self.host_depth is None else self.host_depth
        settings = {"task": self.task, "width": self.width, "init": self.init}
        return host_named(FULLY_CONNECTED, depth=depth, **settings)

    @property
    def noise_level(self) -> float | None:
        """Of the data: the one given, or the task's own."""
        return self.host.own_noise if self.noise is None else self.noise

    @property
    def record(self) -> dict:
        """What ``ticket.json`` says of it."""
        own = ("copies", "largest_subset", "tolerance", "shrink")
        return {
            **self.host.record,
            "seed": self.seed,
            "samples": self.samples,
            "noise": self.noise_level,
            "construction": {"target_depth": self.depth} | {n: getattr(self, n) for n in own},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Constructing:
        """Reads a ``ticket.json`` that ``construct`` wrote."""
        made = cast(Mapping[str, object], record["construction"])
        own = {"depth": made.get("target_depth"), "host_depth": record.get("depth")}
        return from_record(cls, {**record, **made}, **own)

    @property
    def name(self) -> str:
        """Of the run's folder: different settings have different names."""
        words = dict(self.host.unusual)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name not in OF_HOST and value not in (field.default, None):
                words[field.name] = value
        return f"{self.host.title(self.seed)}-constructed{unusual_words(words)}"
