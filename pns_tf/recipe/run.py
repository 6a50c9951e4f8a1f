"""One run of an experiment: all its settings, and the name that follows from them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from pns_tf.checks import InputError, flag
from pns_tf.own_modules import parts_of
from pns_tf.recipe.hosts import FULLY_CONNECTED, Host, host_named, host_of_record
from pns_tf.recipe.names import augmented_word, found_name
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.pruners import row_of
from pns_tf.recipe.records import from_record
from pns_tf.recipe.search import SeekSettings

# Part of every run's name: raised when equal settings come to give other results.
RESULTS_VERSION = 2
# Single pruners have versions of their own, see `pns_tf.recipe.pruners`.
# Settings that came later: left out where they have their default, so that earlier results keep
# their names and rows. Some families' results have always said some of them.
LATER = {
    "hide_biases": False,
    "hide": "default",
    "epsilon": None,
    "ticket": None,
    "augmented": False,
    "code": "",
    "task_code": "",
    "control": False,
    "ranked": False,
}
LATER_IN_SEARCH = {"optimizer": "adam", "schedule_lr": "constant"}  # the same of the search


@dataclass(frozen=True)
class Run:
    """Seeks a ticket in a host, planted or not: everything that decides the result.

    The ticket of the host's own task is planted, if it has one, or the trained ticket of another
    run, if there is one; else nothing is.

    Attributes:
        host: the network, and the task or images that it is for.
        search: how the ticket is sought; its seed is also that of the host and the data.
        hide_biases: whether planted neurons keep the host's bias where the target's is zero.
        hide: how places and scales of the ticket are chosen.
        epsilon: by how much outputs may be off, if the ticket is planted approximately.
        ticket: the run whose trained ticket is planted.
        augmented: whether training mirrors and shifts images.
        control: also seek in the host before anything is planted in it, as a control for strong
            tickets.
        ranked: judge by the rule of rankings, see `pns_tf.runs.ranked`, instead of the paper's.
        code: digest of the file that a pruner of the user's own is in, so that runs with an
            earlier version of it do not count.
        task_code: the same for a task or a family of hosts of the user's own.

    Example:
        >>> from pns_tf.hosts.fully_connected import FullyConnected
        >>> run = Run(FullyConnected("circle"), SeekSettings("snip", density=0.1))
        >>> len(run.name)
        16
    """

    host: Host
    search: SeekSettings = field(default_factory=SeekSettings)
    hide_biases: bool = False
    hide: str = "default"
    epsilon: float | None = None
    ticket: Run | None = None
    augmented: bool = False
    control: bool = False
    ranked: bool = False
    code: str = field(init=False, default="")
    task_code: str = field(init=False, default="")

    def __post_init__(self):
        flag("augmented", self.augmented)
        flag("control", self.control)
        flag("ranked", self.ranked)
        object.__setattr__(self, "code", code_digest(self.search.pruner))
        object.__setattr__(self, "task_code", code_digest(self.host.source))

    @property
    def task(self) -> str:
        """What the data are."""
        return self.host.task

    @functools.cached_property
    def planting(self) -> Planting | None:
        """The host, its ticket and its data; ``None`` if nothing is planted.

        A ticket of another run is named by that run.

        Raises:
            ValueError: a value that cannot work.
        """
        if self.ticket is None and self.host.baseline is None:
            return None
        return Planting(
            self.host,
            self.search.seed,
            self.hide,
            self.hide_biases,
            self.epsilon,
            samples=self.search.samples,
            noise=self.search.noise,
            ticket=None if self.ticket is None else self.ticket.name,
        )

    @property
    def settings(self) -> dict:
        """All settings as a flat dict for a table; sequences and the pruner's options as JSON."""
        said = {name: getattr(self, name) for name in LATER}
        if self.ticket is not None:
            said["ticket"] = self.ticket.name
        said = {
            name: value
            for name, value in said.items()
            if name in self.host.always_said or value != LATER[name]
        }
        search = {
            name: value
            for name, value in dataclasses.asdict(self.search).items()
            if name not in LATER_IN_SEARCH or value != LATER_IN_SEARCH[name]
        }
        flat = {**self.host.settings, **said, **search}
        return flat | {"options": json.dumps(flat["options"], sort_keys=True)}

    @functools.cached_property
    def name(self) -> str:
        """Hash of the settings: equal settings, and only these, have equal names."""
        return identity([*result_versions(self.search.pruner), self.settings])

    @classmethod
    def from_record(cls, row: Mapping[str, object]) -> Run:
        """Reads a row of a table of runs; what an old one does not say was the default.

        Raises:
            ValueError: the run plants the ticket of another one, which the row only names.
        """
        if row.get("ticket") is not None:
            raise InputError(
                f"run {row['run']} plants the ticket of run {row['ticket']}: "
                "its row alone does not say all of it"
            )
        return from_record(cls, row, host=host_of_record(row))

    @property
    def folder(self) -> str:
        """Name of its ticket's folder, as ``seek`` writes it, which adds the number of images.

        Example:
            >>> from pns_tf.hosts.fully_connected import FullyConnected
            >>> search = SeekSettings("snip", 0.5, rounds=10, noise=0.1)
            >>> Run(FullyConnected("circle"), search).folder
            'circle-d5-w100-s0-snip-0.5-rounds=10-noise=0.1'
        """
        seed = self.search.seed
        name = found_name(self.host.title(seed), self.search, seed)
        unusual = "" if self.planting is None else self.planting.unusual
        judged = "-control" * self.control + "-ranked" * self.ranked
        return name + unusual + augmented_word(self.augmented) + judged

    @property
    def baseline(self) -> float | None:
        """Density of the planted ticket; ``None`` if it shows only when it is planted."""
        return self.host.baseline


def identity(settings: object) -> str:
    """The hash that equal settings, and only these, have; anything that JSON can say."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def result_versions(pruner: str) -> list[int]:
    """What is raised when results of equal settings with this pruner come to be others."""
    own = row_of(pruner).version
    return [RESULTS_VERSION] if own is None else [RESULTS_VERSION, own]


def origins(tasks: Iterable[str], pruners: Iterable[str]) -> dict[str, dict]:
    """What decides results besides settings: their versions, and the code of the user's own.

    Example:
        >>> origins(["circle"], ["snip"])
        {'versions': {'snip': [2]}, 'code': {}}
    """
    pruners = list(pruners)
    code = {name: code_digest(name) for name in (*tasks, *pruners) if ":" in name}
    return {"versions": {name: result_versions(name) for name in pruners}, "code": code}


def code_digest(name: str) -> str:
    """Digest of the module's source for "module:Class"; empty for what comes along.

    Nothing is imported for it, so that a mistake in the module is found where it is used.
    """
    if ":" not in name:
        return ""
    module, _ = parts_of(name)
    path = module.replace(".", "/")
    places = [Path(place or ".") for place in (*sys.path, ".")]
    files = (p / name for p in places for name in (f"{path}/__init__.py", f"{path}.py"))
    source = next((file for file in files if file.is_file()), None)
    return _digest(source, source.stat().st_mtime_ns) if source else ""


@functools.lru_cache(maxsize=16)
def _digest(file: Path, modified: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def grid(
    tasks: Sequence[str],
    pruners: Sequence[str | tuple[str, dict]],
    densities: Iterable[float | str],
    seeds: Iterable[int],
    *,
    depth: int = 5,
    width: int = 100,
    **search,
) -> list[Run]:
    """Every combination of tasks, pruners, densities and seeds, in fully connected hosts.

    Args:
        tasks: names.
        pruners: names, or (name, options).
        densities: numbers in (0, 1], or "baseline".
        seeds: one run each.
        depth: of all hosts.
        width: of all hosts.
        **search: other fields of `SeekSettings`.

    Example:
        >>> len(grid(["circle", "relu"], ["snip", "random"], [0.1, 0.5], range(3)))
        24
    """
    runs = []
    for task, pruner, density, seed in product(tasks, pruners, list(densities), list(seeds)):
        name, options = (pruner, {}) if isinstance(pruner, str) else pruner
        host = host_named(FULLY_CONNECTED, task=task, depth=depth, width=width)
        if density == "baseline":
            density = host.baseline
        settings = SeekSettings(name, density, seed=seed, options=options, **search)
        runs.append(Run(host, settings))
    return runs


def with_seed(run: Run, seed: int) -> Run:
    """The same run with another seed, for the ticket that is planted, too."""
    ticket = None if run.ticket is None else with_seed(run.ticket, seed)
    return dataclasses.replace(
        run, search=dataclasses.replace(run.search, seed=seed), ticket=ticket
    )


def density_name(run: Run) -> str:
    """ "baseline" for the planted density, else the number."""
    return "baseline" if run.search.density == run.baseline else f"{run.search.density:g}"


def label(search: SeekSettings) -> str:
    """Pruner and options in words, such as "edge_popup, anneal" or "pns, no wake"."""
    flags = {True: "{}", False: "no {}"}
    options = [
        flags[value].format(name) if isinstance(value, bool) else f"{name}={value}"
        for name, value in sorted(search.options.items())
    ]
    scope = [search.scope] if search.scope else []
    return ", ".join([search.pruner, *options, *scope])
