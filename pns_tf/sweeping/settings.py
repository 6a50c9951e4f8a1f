"""What defines a sweep: its widths, what else is varied, and what is looked for.

Commands are made from it even where only help is wanted: what takes long to import is imported
where it is needed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from pns_tf.checks import InputError, choice, integer, number, options_of, several
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.pruners import check_name
from pns_tf.recipe.records import record_of
from pns_tf.recipe.run import Run, origins
from pns_tf.recipe.search import SeekSettings
from pns_tf.sweeping.objectives import check_gap, direction

ORACLES = ("grid", "random", "hyperband", "bayesian")
BISECTION = "bisection"
DEFAULT_TRIALS = 8
RESOURCE = "tuner/epochs"  # Hyperband's name for the epochs that it grants a trial


@dataclass(frozen=True)
class Sweep:
    """A search over host widths, and over each other setting that has several values.

    Attributes:
        task: what the tickets solve, one that the command tasks lists.
        min_width: neurons in each hidden layer, at least; hosts that the task's ticket does not fit
            into are left out.
        max_width: neurons in each hidden layer, at most.
        step: between widths; ``None`` for widths that grow by a factor in the grid, and for any
            width with other oracles, narrow ones more densely.
        pruner: those that the command pruners lists, or module:Class or file.py:Class for one
            of your own.
        density: fraction of all parameters that found tickets keep, or baseline.
        depth: neuron layers of the hosts, input and output counted.
        learning_rate: of Adam.
        prune_rounds: steps in which one pruning reaches its density.
        oracle: grid, random, hyperband (which varies the training epochs) or bayesian.
        objective: final, strong, precision, recall, f1, jaccard, effective_density,
            layer_collapse or flow_collapse.
        trials: settings to try at most, ``None`` for 8, or for as many as hyperband needs.
        seeds: runs of each trial, which is judged by their mean.
        seed: of the first run, and of the oracle.
        epochs: epochs of the final training.
        rounds: 1 for singleshot, otherwise rounds of multishot.
        round_epochs: training epochs of each multishot round.
        samples: size of the data set, a tenth of it for testing.
        noise: noise level of the data, ``None`` for the task's own.
        options: other settings of the pruners themselves, as a dict, see the command pruners.
        gap: for bisection, how much may be missing in the mean over seeds: for final and strong of
            the planted ticket's advantage over the best constant, for the others to 1.

    Raises:
        ValueError: a value that cannot work, or nothing to search.

    Example:
        >>> sweep = Sweep("circle", max_width=500, density=(0.1, 0.5))
        >>> sweep.widths, sweep.varied
        ((20, 58, 171, 500), {'density': (0.1, 0.5)})
        >>> [run.search.seed for run in sweep.runs({"width": 58, "density": 0.5})]
        [0, 1, 2]
    """

    task: str
    min_width: int = 10
    max_width: int = 500
    step: int | None = None
    pruner: str | tuple = "synflow"
    density: float | str | tuple = 0.1
    depth: int | tuple = 5
    learning_rate: float | tuple = 1e-3
    prune_rounds: int | tuple = 1
    oracle: str = "grid"
    objective: str = "final"
    trials: int | None = None
    seeds: int = 3
    seed: int = 0
    epochs: int = 10
    rounds: int = 1
    round_epochs: int = 5
    samples: int = 10_000
    noise: float | None = None
    gap: float | None = None
    options: dict = field(default_factory=dict, hash=False)

    def __post_init__(self):
        from pns_tf import tasks

        options_of(self.options)
        if self.gap is not None:
            number("gap", self.gap, low=0.0)
            check_gap(self.objective)
        direction(self.objective, self.task)
        choice("oracle", self.oracle, ORACLES if self.gap is None else (BISECTION,))
        for name in ("min_width", "max_width", "step", "trials", "seeds"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name), minimum=1)
        if self.min_width > self.max_width:
            raise InputError(
                f"min_width {self.min_width} is larger than max_width {self.max_width}"
            )
        if self.rounds == 1 and self.round_epochs != Sweep.round_epochs:
            raise InputError(f"round_epochs needs rounds of two or more, got {self.round_epochs}")
        for name in self.choices["pruner"]:
            check_name(name)
        if self.narrowest > self.max_width:
            raise InputError(
                f"no width from {self.min_width} to {self.max_width} holds the {self.task} ticket, "
                f"which needs {self.narrowest} neurons"
            )
        tasks.get(self.task).data(self.samples, self.noise, self.seed)
        self.first_runs()
        for depth in self.choices["depth"]:
            FullyConnected(self.task, depth, self.max_width).check_buildable()
        self._check_effort()

    def _check_effort(self) -> None:
        combinations = math.prod(map(len, self.varied.values()))
        if self.oracle == "hyperband":
            integer("epochs with hyperband", self.epochs, minimum=3)
            if self.trials is not None:
                raise InputError("leave out trials: with hyperband they follow from epochs")
            if self.objective != "final":
                raise InputError(
                    f"hyperband saves training epochs, on which {self.objective} does not depend: "
                    f"choose objective final or another oracle"
                )
        if self.oracle == "grid":
            points = combinations * len(self.widths)
            if points > self._allowed:
                raise InputError(
                    f"the grid has {points} points, more than the {self._allowed} trials: raise "
                    f"trials or step, or vary less"
                )
        if combinations == 1 and self._one_width:
            raise InputError(
                f"nothing to sweep: width {self.narrowest} is the only one, and nothing else varies"
            )

    @property
    def _one_width(self) -> bool:
        return self.narrowest + (self.step or 1) > self.max_width

    @property
    def _allowed(self) -> int:
        return DEFAULT_TRIALS if self.trials is None else self.trials

    @property
    def choices(self) -> dict[str, tuple]:
        """The values of each setting other than the width; words if one of them is a word."""
        found = {}
        for name in ("pruner", "density", "depth", "learning_rate", "prune_rounds"):
            values = tuple(several(getattr(self, name)))
            if not values:
                raise InputError(f"{name} needs at least one value")
            if any(isinstance(value, str) for value in values):
                values = tuple(map(str, values))
            elif any(isinstance(value, float) for value in values):
                values = tuple(map(float, values))  # Keras Tuner wants them of one type
            found[name] = tuple(dict.fromkeys(values))
        return found

    @property
    def varied(self) -> dict[str, tuple]:
        """Those of `choices` that have several values."""
        return {name: values for name, values in self.choices.items() if len(values) > 1}

    @property
    def narrowest(self) -> int:
        """The smallest width in the range that holds the task's ticket at every depth."""
        from pns_tf import tasks

        problem = tasks.get(self.task)
        needed = (max(problem.target(depth).shape[1:-1]) for depth in self.choices["depth"])
        return max(self.min_width, *needed)

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of the grid and of the bisection."""
        if self.step is not None or self.oracle == BISECTION:
            return tuple(range(self.narrowest, self.max_width + 1, self.step or 1))
        import numpy as np

        count = max(1, self._allowed // math.prod(map(len, self.varied.values())))
        spaced = np.geomspace(self.narrowest, self.max_width, count).round().astype(int)
        return tuple(dict.fromkeys(spaced.tolist()))

    @property
    def max_trials(self) -> int | None:
        """How many trials there will be at most; ``None`` if that shows only as they go."""
        if self.oracle in ("hyperband", BISECTION):
            return None
        if self.oracle == "grid":
            return len(self.widths) * math.prod(map(len, self.varied.values()))
        return self._allowed

    @property
    def record(self) -> dict:
        """What the folder says of it: all settings, and what else decides the results."""
        return record_of(self) | origins([self.task], self.choices["pruner"])

    @property
    def name(self) -> str:
        """Of the folder."""
        words = (self.task, "+".join(self.choices["pruner"]), self.objective, self.oracle)
        return re.sub(r"[^\w.=+-]", "_", "-".join(("sweep", *words)))

    def first_runs(self) -> list[Run]:
        """Those of the narrowest host, at each combination of the other settings."""
        return self._runs_at(self.narrowest)

    def grid_runs(self) -> list[Run]:
        """All of the grid; none with an oracle that decides as it goes."""
        widths = self.widths if self.oracle == "grid" else ()
        return [run for width in widths for run in self._runs_at(width)]

    def _runs_at(self, width: int) -> list[Run]:
        return [
            run
            for values in product(*self.choices.values())
            for run in self.runs(dict(zip(self.choices, values, strict=True)) | {"width": width})
        ]

    def runs(self, values: Mapping[str, object]) -> list[Run]:
        """The runs of a trial, one for each seed.

        Args:
            values: the trial's hyperparameters: ``width``, those of `varied`, and Hyperband's.
        """
        from pns_tf.planting.algorithm import baseline_density

        chosen = {name: options[0] for name, options in self.choices.items()} | dict(values)
        width, depth, density = chosen["width"], chosen["depth"], chosen["density"]
        baseline = baseline_density(self.task, depth, width)
        if isinstance(density, str):
            density = baseline if density == "baseline" else _number(density)
        return [
            Run(
                FullyConnected(self.task, depth, width),
                SeekSettings(
                    pruner=chosen["pruner"],
                    density=density,
                    rounds=self.rounds,
                    round_epochs=self.round_epochs,
                    epochs=chosen.get(RESOURCE, self.epochs),
                    prune_rounds=chosen["prune_rounds"],
                    samples=self.samples,
                    learning_rate=chosen["learning_rate"],
                    noise=self.noise,
                    seed=self.seed + number,
                    options=self.options,
                ),
            )
            for number in range(self.seeds)
        ]


def _number(word: str) -> float | str:
    """What stands in a word; words that are none are left for the check of the setting."""
    try:
        return float(word)
    except ValueError:
        return word
