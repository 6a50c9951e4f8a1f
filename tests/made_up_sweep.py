"""Sweeps with results that are made up, but with Keras Tuner's own oracles."""

import math
from pathlib import Path

import numpy as np

from pns_tf.masks import Mask
from pns_tf.recipe.run import Run
from pns_tf.runs.execute import Result
from pns_tf.runs.store import Store
from pns_tf.sweeping.objectives import OBJECTIVES
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import best, summary
from pns_tf.sweeping.tuner import Outcome, search

BEST = 60  # width, in the made-up results


def accuracy(run: Run) -> float:
    """Best at width 60, better with more training, another one for each seed."""
    off = abs(math.log(run.host.width / BEST)) + 0.3 / run.search.epochs
    return 0.97 - 0.2 * off + 0.001 * run.search.seed


class MadeUp:
    """Gives runs made-up results in place of a pool, and remembers which."""

    def __init__(self, final=accuracy, stop_after=math.inf):
        self.final, self.stop_after, self.done = final, stop_after, []

    def run(self, runs, keep):
        for run in runs:
            if len(self.done) == self.stop_after:
                raise KeyboardInterrupt
            self.done.append(run.name)
            keep(run, Result(self.row(run), Mask([np.ones(2)])))

    def row(self, run: Run) -> dict:
        others = dict.fromkeys((*OBJECTIVES, "planted"), 0.5) | {"best_constant": None}
        return {"run": run.name, **run.settings, **others, "final": self.final(run)}


def searched(sweep: Sweep, folder: Path, pool=None) -> Outcome:
    return search(sweep, Store(folder), pool or MadeUp(), folder / "sweep" / "keras_tuner")


def best_width(outcome: Outcome, sweep: Sweep) -> int:
    return best(summary(outcome.table), sweep)["width"]
