"""An experiment is a list of settings, each run with several seeds."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pns_tf.checks import InputError, integer, text
from pns_tf.recipe.pruners import check_name
from pns_tf.recipe.run import Run, density_name, with_seed

# What other commands write beside the folders of experiments; and those of sweeps, "sweep-…".
OTHERS = ("detection", "leaderboard", "minimal_width", "runs", "tickets")


@dataclass(frozen=True)
class Experiment:
    """Settings that belong together because they answer one question.

    Attributes:
        name: what the user types, and the name of its folder.
        title: the question, in a line.
        settings: one `Run` each, of seed 0.
        seeds: how many runs each setting gets by default.
        first_seed: of these runs; the others follow.
        remake: makes the settings again for other values of its keyword parameters, which are
            flags of the command ``reproduce``; ``None`` if there is nothing to choose.
    """

    name: str
    title: str
    settings: Sequence[Run]
    seeds: int = 10
    remake: Callable[..., Sequence[Run]] | None = None
    first_seed: int = 0

    def __post_init__(self):
        name = text("an experiment's name", self.name, "words in one line")
        plain = re.fullmatch(r"\w[\w .+=-]*(?<![ .])", name)
        if not plain or name.lower() in OTHERS or name.lower().startswith("sweep-"):
            raise InputError(
                f"an experiment's name must be plain words, that of a folder of its own: "
                f"got {name!r}"
            )
        text("an experiment's title", self.title, "words in one line")
        integer(f"seeds of experiment {name}", self.seeds, minimum=1)
        if not self.settings or not all(isinstance(run, Run) for run in self.settings):
            raise InputError(f"experiment {name} must have at least one Run, got no such settings")

    def remade(self, **values) -> Experiment:
        """The experiment with other values of what it leaves to choose.

        Raises:
            ValueError: it does not leave that to choose, or the value cannot work.

        Example:
            >>> len(find("figure5").remade(width_multiplier=0.25).settings)
            30
        """
        there = () if self.remake is None else inspect.signature(self.remake).parameters
        for name, value in values.items():
            if name not in there:
                raise InputError(f"--{name} does not go with {self.name}, got {value!r}")
        if self.remake is None or not values:
            return self
        return dataclasses.replace(self, settings=self.remake(**values))

    def runs(self, seeds: int | None = None) -> list[Run]:
        """Every setting with every seed, setting by setting; equal ones once.

        At depth 3 and width 100 the baseline density of relu is 0.01, for example. A run whose
        trained ticket another one plants comes before that one.

        Raises:
            ValueError: ``seeds`` is not a positive integer.
        """
        seeds = self.seeds if seeds is None else integer("seeds", seeds, minimum=1)
        numbers = range(self.first_seed, self.first_seed + seeds)
        runs = (with_seed(run, seed) for run in self.settings for seed in numbers)
        needed = (one for run in runs for one in (run.ticket, run) if one is not None)
        return list({run.name: run for run in needed}.values())

    def narrowed(
        self,
        tasks: Iterable[str] = (),
        pruners: Iterable[str] = (),
        densities: Iterable[float | str] = (),
    ) -> Experiment:
        """The settings of these tasks, pruners and densities only; of all where none are named.

        A density is named by its number, or as baseline.

        Raises:
            ValueError: a value that no setting has; the message names those that there are.
        """
        kept = list(self.settings)
        for what, wanted, words in (
            ("task", tasks, lambda run: [run.task]),
            ("pruner", pruners, lambda run: [run.search.pruner]),
            # At depth 3 the baseline of relu is 0.01, for example.
            ("density", densities, lambda run: [density_name(run), f"{run.search.density:g}"]),
        ):
            wanted = [f"{item:g}" if isinstance(item, float) else str(item) for item in wanted]
            there = sorted({word for run in kept for word in words(run)})
            for item in wanted:
                if item not in there:
                    raise InputError(
                        f"experiment {self.name} has no {what} {item!r}: "
                        f"choose from {', '.join(there)}"
                    )
            if wanted:
                kept = [run for run in kept if {*words(run)} & {*wanted}]
        return dataclasses.replace(self, settings=kept)

    def sought_by(self, pruners: Iterable[str]) -> Experiment:
        """The settings of these pruners only; of all where the experiment has none of them.

        Args:
            pruners: those of the experiment, and others that join them, ones that come along or
                "module:Class", in the settings of the experiment's first pruner.

        Raises:
            ValueError: a pruner that is not known; the message names those that are.
        """
        wanted = list(dict.fromkeys(map(str, pruners)))
        own = {run.search.pruner for run in self.settings}
        more = [name for name in wanted if name not in own]
        for name in more:
            check_name(name)
        chosen = self.narrowed(pruners=[name for name in wanted if name in own])
        added = [run for name in more for run in self._with_pruner(name)]
        return dataclasses.replace(chosen, settings=[*chosen.settings, *added])

    def controlled(self) -> Experiment:
        """The same, each search done in the host before planting, too.

        Raises:
            ValueError: nothing is planted in any of its hosts.

        Example:
            >>> {run.control for run in find("figure10").controlled().settings}
            {True}
        """
        if not any(run.planting for run in self.settings):
            raise InputError(f"--control needs planted tickets, which {self.name} has not")
        settings = [
            dataclasses.replace(run, control=run.planting is not None) for run in self.settings
        ]
        return dataclasses.replace(self, settings=settings)

    def _with_pruner(self, pruner: str) -> list[Run]:
        first = self.settings[0].search
        template = [run for run in self.settings if run.search.pruner == first.pruner]
        template = [run for run in template if run.search.options == first.options]
        return [
            dataclasses.replace(
                run, search=dataclasses.replace(run.search, pruner=pruner, options={})
            )
            for run in template
        ]
