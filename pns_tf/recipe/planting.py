"""What defines a planted run: declared once, for Python, the command line, the record, the name.

Commands are made from these classes even where only help is wanted: what takes long to import is
imported where it is needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from pns_tf.checks import choice, flag, number
from pns_tf.recipe.names import run_name, unusual_words
from pns_tf.recipe.records import from_record

# Said by every folder's name, whatever they are.
ALWAYS_NAMED = ("task", "depth", "width", "seed")


@dataclass(frozen=True)
class Planting:
    """Everything that decides a planted host, and the data that judge it.

    Attributes:
        task: what the ticket solves, one that the command tasks lists, or module:NAME for your own.
        depth: neuron layers of the host, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
        seed: everything random follows from it.
        init: how the host is drawn, one of normal, zero_biases, uniform.
        hide: how places and scales are chosen, one of published, default, strong.
        hide_biases: leave the host's bias where the target's is zero; strong always does.
        epsilon: plant approximately, outputs being off by at most this; what the host has already
            within the errors that this allows stays as drawn.
        samples: size of the data set that judges the networks, a tenth of it for testing.
        noise: noise level of the data, ``None`` for the task's own.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> Planting("circle", width=50, init="uniform").name
        'circle-d5-w50-s0-init=uniform'
    """

    task: str
    depth: int = 5
    width: int = 100
    seed: int = 0
    init: str = "normal"
    hide: str = "default"
    hide_biases: bool = False
    epsilon: float | None = None
    samples: int = 10_000
    noise: float | None = None

    def __post_init__(self):
        from pns_tf import tasks
        from pns_tf.hosts.initializers import INITIALIZERS
        from pns_tf.planting.hiding import HIDINGS

        _ = self.baseline  # refuses a task, depth or width that cannot be
        choice("init", self.init, INITIALIZERS)
        choice("hide", self.hide, HIDINGS)
        flag("hide_biases", self.hide_biases)
        if self.epsilon is not None:
            number("epsilon", self.epsilon, low=0.0, low_excluded=True)
        tasks.get(self.task).data(self.samples, self.noise, self.seed)

    @property
    def baseline(self) -> float:
        """Density of the planted ticket: planted weights / host weights, biases not counted."""
        from pns_tf.planting.algorithm import baseline_density

        return baseline_density(self.task, self.depth, self.width)

    @property
    def noise_level(self) -> float:
        """Of the data: the one given, or the task's own."""
        from pns_tf import tasks

        return tasks.get(self.task).noise if self.noise is None else self.noise

    @property
    def arguments(self) -> dict:
        """Arguments of `pns_tf.plant`."""
        return {key: value for key, value in self._all.items() if key not in ("samples", "noise")}

    @property
    def record(self) -> dict:
        """What ``ticket.json`` says of it."""
        return self._all | {"noise": self.noise_level}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Planting:
        """Reads a ``ticket.json``; what an old one does not say was the default."""
        return from_record(cls, record)

    @property
    def unusual(self) -> str:
        """Words for a folder's name: each setting that is not the default."""
        from pns_tf import tasks

        settings = self._all
        if settings["noise"] == tasks.get(self.task).noise:
            settings["noise"] = None
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        return unusual_words(
            {
                key: value
                for key, value in settings.items()
                if key not in ALWAYS_NAMED and value != defaults[key]
            }
        )

    @property
    def name(self) -> str:
        """Of the run's folder: different settings have different names."""
        return run_name(self.task, self.depth, self.width, self.seed) + self.unusual

    @property
    def _all(self) -> dict:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
