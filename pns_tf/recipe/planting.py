"""What defines a planted run: declared once, for Python, the command line, the record, the name.

Commands are made from these classes even where only help is wanted: what takes long to import is
imported where it is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pns_tf.checks import InputError, choice, flag, integer, number
from pns_tf.recipe.hosts import Host, host_of_record
from pns_tf.recipe.names import unusual_words
from pns_tf.recipe.records import from_record


@dataclass(frozen=True)
class Planting:
    """Everything that decides a planted host, and the data that judge it.

    Attributes:
        host: the network, and the task or images that it is for.
        seed: everything random follows from it.
        hide: how places and scales are chosen, one of published, default, strong.
        hide_biases: leave the host's bias where the target's is zero; strong always does.
        epsilon: plant approximately, outputs being off by at most this; what the host has already
            within the errors that this allows stays as drawn.
        samples: size of the data set that judges the networks, a tenth of it for testing.
        noise: noise level of the data, ``None`` for the task's own.
        ticket: folder that seek --host wrote, with a trained ticket to plant instead of the target
            of the host's task.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> from pns_tf.hosts.fully_connected import FullyConnected
        >>> Planting(FullyConnected("circle", width=50, init="uniform")).name
        'circle-d5-w50-s0-init=uniform'
    """

    host: Host
    seed: int = 0
    hide: str = "default"
    hide_biases: bool = False
    epsilon: float | None = None
    samples: int | None = 10_000
    noise: float | None = None
    ticket: str | None = None

    def __post_init__(self):
        from pns_tf.planting.hiding import HIDINGS

        integer("seed", self.seed, minimum=0)
        choice("hide", self.hide, HIDINGS)
        flag("hide_biases", self.hide_biases)
        if self.epsilon is not None:
            number("epsilon", self.epsilon, low=0.0, low_excluded=True)
        if self.ticket is None and self.baseline is None:
            raise InputError(f"in {self.host.name} a trained ticket is planted: --ticket is needed")
        if self.ticket is not None and self.host.problem is not None:
            raise InputError(
                f"a trained ticket is planted in a network on images, got host {self.host.name}"
            )
        self.host.check_data(self.samples, self.noise, self.seed)

    @property
    def baseline(self) -> float | None:
        """Density of the ticket: planted weights / host weights, biases not counted.

        ``None`` for a trained ticket, whose masks have to be read.
        """
        return self.host.baseline

    @property
    def noise_level(self) -> float | None:
        """Of the data: the one given, or the task's own."""
        return self.host.own_noise if self.noise is None else self.noise

    @property
    def record(self) -> dict:
        """What ``ticket.json`` says of it."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del own["host"]
        if self.ticket is None:
            del own["ticket"]
        return {**self.host.record, **own, "noise": self.noise_level}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Planting:
        """Reads a ``ticket.json``; what an old one does not say was the default."""
        host = host_of_record(record)
        # Records of before do not name the trained ticket that was planted.
        known = {"ticket": record.get("ticket") or ""} if host.problem is None else {}
        return from_record(cls, record, host=host, **known)

    @property
    def unusual(self) -> str:
        """Words for a folder's name: each setting that is not the default."""
        words = dict(self.host.unusual)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in ("host", "seed", "ticket") or value in (field.default, None):
                continue
            if field.name != "noise" or value != self.host.own_noise:
                words[field.name] = value
        return unusual_words(words)

    @property
    def name(self) -> str:
        """Of the run's folder: different settings have different names, but for trained tickets."""
        planted = "" if self.ticket is None else "-planted"
        return self.host.title(self.seed) + planted + self.unusual
