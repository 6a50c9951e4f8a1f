"""The oracles: what is tried next. They live in the chief, or in the only process."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import keras_tuner
from keras_tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

from pns_tf.sweeping.bisection import BisectionOracle
from pns_tf.sweeping.objectives import STORED_GAP, direction
from pns_tf.sweeping.settings import BISECTION, Sweep

# For type checkers an oracle; it is mixed into Keras Tuner's own.
_Oracle: Any = keras_tuner.Oracle if TYPE_CHECKING else object
SILENCE = 30.0  # seconds after which a worker counts as lost; it reports far more often


class OutlivesWorkers(_Oracle):
    """Gives an oracle a search that ends although workers are killed.

    Keras Tuner's chief waits for ever for the trial of a worker that does not come back. Here
    workers ask for their trial every few seconds, and that of a worker that has been silent goes to
    another one.
    """

    def __init__(self, **oracle):
        super().__init__(**oracle)
        self.verbose = 0
        self._last_seen: dict[str, float] = {}

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str):
        self._last_seen[tuner_id] = time.monotonic()
        trial = super().create_trial(tuner_id)
        if trial.status == "STOPPED":
            if self.ongoing_trials:  # one of which may yet be lost
                trial.status = "IDLE"
                self.tuner_ids.add(tuner_id)
            else:
                del self._last_seen[tuner_id]
        return trial

    @keras_tuner.synchronized
    def get_trial(self, trial_id: str):
        for tuner_id, trial in self.ongoing_trials.items():
            if trial.trial_id == trial_id:
                self._last_seen[tuner_id] = time.monotonic()
        return super().get_trial(trial_id)

    @keras_tuner.synchronized
    def end_trial(self, trial) -> None:
        if trial.trial_id in self._retry_queue:  # a worker that was only slow
            self._retry_queue.remove(trial.trial_id)
        if trial.trial_id not in self.end_order:
            super().end_trial(trial)

    @keras_tuner.synchronized
    def give_up_silent_workers(self) -> None:
        """Lets others have the trials of workers that have been silent for `SILENCE` seconds."""
        for tuner_id, seen in list(self._last_seen.items()):
            if time.monotonic() - seen > SILENCE:
                del self._last_seen[tuner_id]
                self.tuner_ids.discard(tuner_id)
                trial = self.ongoing_trials.pop(tuner_id, None)
                if trial is not None:
                    self._retry_queue.append(trial.trial_id)


class Grid(OutlivesWorkers, GridSearchOracle):
    """Every combination."""


class Random(OutlivesWorkers, RandomSearchOracle):
    """Combinations drawn at random."""


class Hyperband(OutlivesWorkers, HyperbandOracle):
    """Many short trainings, the best of which are repeated with more epochs."""


class Bayesian(OutlivesWorkers, BayesianOptimizationOracle):
    """Where a Gaussian process expects most."""


class Bisection(OutlivesWorkers, BisectionOracle):
    """Widths only."""


def make_oracle(sweep: Sweep) -> OutlivesWorkers:
    """The oracle of a sweep. Everything random in it follows from the sweep's seed."""
    better = direction(sweep.objective, sweep.task)
    general = {
        "objective": keras_tuner.Objective(sweep.objective, better),
        "seed": sweep.seed + 1,  # Keras Tuner takes 0 for no seed
        "max_consecutive_failed_trials": sys.maxsize,  # one fails if its objective is NaN
    }
    if sweep.oracle == BISECTION:
        general["objective"] = keras_tuner.Objective(STORED_GAP, "min")
        return Bisection(widths=sweep.widths, near=sweep.gap, **general)
    if sweep.oracle == "hyperband":
        return Hyperband(max_epochs=sweep.epochs, **general)
    kinds = {"grid": Grid, "random": Random, "bayesian": Bayesian}
    return kinds[sweep.oracle](max_trials=sweep.max_trials, **general)
