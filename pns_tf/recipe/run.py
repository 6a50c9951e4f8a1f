"""One run of an experiment: all its settings, and the name that follows from them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from pns_tf.recipe.planting import Planting
from pns_tf.recipe.search import SeekSettings

# Part of every run's name: raised when equal settings come to give other results.
RESULTS_VERSION = 2
# The same for single pruners, whose defaults are not among the settings.
PRUNER_VERSIONS = {
    "concrete_ticket_search": 3,
    "concrete_ticket_search_kl": 3,
    "continuous_sparsification": 3,
    "gem_miner": 3,
    "hard_concrete": 3,
    "pns": 5,
    "pns_weak": 6,
}
# Settings that came later: left out where they have their default, so that earlier results keep
# their names and rows.
LATER = {"hide": "default", "epsilon": None, "task_code": ""}


@dataclass(frozen=True)
class Run:
    """Plants a ticket and seeks it: everything that decides the result.

    Attributes:
        task: what the ticket solves.
        depth: neuron layers, input and output counted.
        width: neurons in each hidden layer.
        init: how the host is drawn.
        hide_biases: whether planted neurons keep the host's bias where the target's is zero.
        search: how the ticket is sought; its seed is also that of the host and the data.
        hide: how places and scales of the ticket are chosen.
        epsilon: by how much outputs may be off, if the ticket is planted approximately.
        code: digest of the file that a pruner of the user's own is in, so that runs with an
            earlier version of it do not count.
        task_code: the same for a task of the user's own.

    Example:
        >>> run = Run("circle", search=SeekSettings("snip", density=0.1))
        >>> len(run.name)
        16
    """

    task: str
    depth: int = 5
    width: int = 100
    init: str = "normal"
    hide_biases: bool = False
    search: SeekSettings = field(default_factory=SeekSettings)
    hide: str = "default"
    epsilon: float | None = None
    code: str = field(init=False, default="")
    task_code: str = field(init=False, default="")

    def __post_init__(self):
        object.__setattr__(self, "code", code_digest(self.search.pruner))
        object.__setattr__(self, "task_code", code_digest(self.task))

    @functools.cached_property
    def planting(self) -> Planting:
        """The host, its ticket and its data.

        Raises:
            ValueError: a value that cannot work.
        """
        return Planting(
            self.task,
            self.depth,
            self.width,
            self.search.seed,
            self.init,
            self.hide,
            self.hide_biases,
            self.epsilon,
            samples=self.search.samples,
            noise=self.search.noise,
        )

    @property
    def settings(self) -> dict:
        """All settings as a flat dict for a table; the pruner's options as JSON."""
        flat = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        flat |= dataclasses.asdict(flat.pop("search"))
        flat = {
            key: value for key, value in flat.items() if key not in LATER or value != LATER[key]
        }
        return flat | {"options": json.dumps(flat["options"], sort_keys=True)}

    @functools.cached_property
    def name(self) -> str:
        """Hash of the settings: equal settings, and only these, have equal names."""
        return identity([*result_versions(self.search.pruner), self.settings])

    @property
    def baseline(self) -> float:
        """Density of the planted ticket."""
        from pns_tf.planting.algorithm import baseline_density

        return baseline_density(self.task, self.depth, self.width)


def identity(settings: object) -> str:
    """The hash that equal settings, and only these, have; anything that JSON can say."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def result_versions(pruner: str) -> list[int]:
    """What is raised when results of equal settings with this pruner come to be others."""
    own = PRUNER_VERSIONS.get(pruner)
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
    module, colon, _ = name.partition(":")
    if not colon:
        return ""
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
    """Every combination of tasks, pruners, densities and seeds.

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
    from pns_tf.planting.algorithm import baseline_density

    runs = []
    for task, pruner, density, seed in product(tasks, pruners, list(densities), list(seeds)):
        name, options = (pruner, {}) if isinstance(pruner, str) else pruner
        if density == "baseline":
            density = baseline_density(task, depth, width)
        settings = SeekSettings(name, density, seed=seed, options=options, **search)
        runs.append(Run(task, depth, width, search=settings))
    return runs


def with_seed(run: Run, seed: int) -> Run:
    """The same run with another seed."""
    return dataclasses.replace(run, search=dataclasses.replace(run.search, seed=seed))


def density_name(run: Run) -> str:
    """ "baseline" for the planted density, else the number."""
    return "baseline" if run.search.density == run.baseline else f"{run.search.density:g}"


def label(run: Run) -> str:
    """Pruner and options in words, such as "edge_popup, anneal" or "pns, no wake"."""
    flags = {True: "{}", False: "no {}"}
    options = [
        flags[value].format(name) if isinstance(value, bool) else f"{name}={value}"
        for name, value in sorted(run.search.options.items())
    ]
    scope = [run.search.scope] if run.search.scope else []
    return ", ".join([run.search.pruner, *options, *scope])
