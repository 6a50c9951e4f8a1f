"""Runs a sweep's trials on the plant–seek road, alone or as chief or worker of a cluster."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import keras_tuner
import pandas as pd
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalRuntimeError
from keras_tuner.src.distribute import oracle_client

from pns_tf.checks import InputError
from pns_tf.recipe.run import Run
from pns_tf.runs.choosing import chosen_by
from pns_tf.runs.pool import Pool
from pns_tf.runs.store import Store
from pns_tf.sweeping.cluster import CHIEF_TIMEOUT, Cluster
from pns_tf.sweeping.gap import gap
from pns_tf.sweeping.hypermodel import PlantAndSeek
from pns_tf.sweeping.objectives import OBJECTIVES, STORED_GAP
from pns_tf.sweeping.oracles import make_oracle
from pns_tf.sweeping.settings import BISECTION, Sweep
from pns_tf.training.loop import Diverged

# Keras Tuner waits an hour for a chief that has gone.
oracle_client.TIMEOUT = CHIEF_TIMEOUT
SIGN_OF_LIFE = 2.0  # seconds between those that a worker gives during a trial
POLL = 0.3  # seconds between the questions of a worker for which there is no trial yet


class SweepTuner(keras_tuner.Tuner):
    """The Tuner of every oracle: a trial is a few runs, of which finished ones are kept.

    A search that was stopped begins anew with the same oracle and the same seed: it asks for the
    same trials again, and those whose runs are kept take no time. So nothing but whole runs needs
    to survive, whenever the process was killed.

    Args:
        sweep: what to search.
        store: where runs are kept.
        pool: executes them.
        folder: for Keras Tuner's own files.
        cluster: that this process belongs to, if any.
        progress: told the number of runs that have come to be there.
    """

    def __init__(
        self,
        sweep: Sweep,
        store: Store,
        pool: Pool,
        folder: Path,
        cluster: Cluster | None = None,
        progress: Callable[[int], None] = lambda runs: None,
    ):
        self.sweep, self.store, self.pool, self.progress = sweep, store, pool, progress
        self.is_chief = cluster is not None and cluster.is_chief
        self.is_worker = cluster is not None and not cluster.is_chief
        super().__init__(
            make_oracle(sweep),
            PlantAndSeek(sweep),
            directory=str(folder.parent),
            project_name=folder.name,
            overwrite=not self.is_worker,
        )

    def search(self) -> None:
        """See `keras_tuner.Tuner`; the chief also looks after its workers."""
        over = threading.Event()
        if self.is_chief:
            threading.Thread(target=self._look_after_workers, args=[over], daemon=True).start()
        try:
            super().search()
        finally:
            over.set()

    def _look_after_workers(self, over: threading.Event) -> None:
        told = 0
        while not over.wait(1):
            self.oracle.give_up_silent_workers()
            finished = len(self.oracle.end_order) * self.sweep.seeds
            self.progress(finished - told)
            told = finished

    def pre_create_trial(self) -> None:
        if self.is_worker:
            time.sleep(POLL)

    def run_trial(self, trial: Trial) -> dict[str, float]:
        """Executes the runs of a trial that are not there yet.

        Returns:
            The mean over seeds of each metric that can be an objective, and the gap where it
            is one, as `STORED_GAP`.

        Raises:
            FailedTrialError: a training diverged, or the objective is NaN.
        """
        try:
            with self._signs_of_life(trial):
                means = self._means(self.hypermodel.build(trial.hyperparameters))
        except Diverged as error:
            raise FailedTrialError(str(error)) from error
        except Exception as error:  # which Keras Tuner would count as a bad trial, and go on
            raise FatalRuntimeError(str(error)) from error
        if math.isnan(means[self.oracle.objective.name]):
            raise FailedTrialError("the objective is not a number")
        return means

    def _means(self, runs: list[Run]) -> dict[str, float]:
        missing = [run for run in runs if self.store.read(run) is None]
        self.progress(len(runs) - len(missing))

        def keep(run, result):
            self.store.write(run, result)
            self.progress(1)

        self.pool.run(missing, keep)
        table = self.store.table(runs)
        means = table[list(OBJECTIVES)].mean().to_dict()
        # What the next trials follow from must not be what the results are reported on.
        # One seed that is not known is not left out of the mean.
        means[self.sweep.objective] = chosen_by(table, self.sweep.objective).mean(skipna=False)
        if self.sweep.oracle == BISECTION:
            means[STORED_GAP] = float(gap(table, self.sweep.objective).mean(skipna=False))
        return means

    @contextlib.contextmanager
    def _signs_of_life(self, trial: Trial) -> Iterator[None]:
        """Lets the chief see that a worker is still there."""
        over = threading.Event()

        def ask():
            with contextlib.suppress(grpc.RpcError):  # the next thing to be reported fails as well
                while not over.wait(SIGN_OF_LIFE):
                    self.oracle.get_trial(trial.trial_id)

        if self.is_worker:
            threading.Thread(target=ask, daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def save(self) -> None:
        """See `keras_tuner.Tuner`; a worker has nothing to save."""
        if not self.is_worker:
            super().save()


@dataclass(frozen=True)
class Outcome:
    """What a sweep results in.

    Attributes:
        table: the rows of all runs, each with the number of its ``trial`` and that one's
            ``status``.
        runs: the runs by their names.
    """

    table: pd.DataFrame
    runs: dict[str, Run]


def search(
    sweep: Sweep,
    store: Store,
    pool: Pool,
    folder: Path,
    cluster: Cluster | None = None,
    progress: Callable[[int], None] = lambda runs: None,
) -> Outcome | None:
    """Runs a sweep, or continues one that was stopped; arguments as for `SweepTuner`.

    Returns:
        What all trials resulted in; ``None`` for a worker, which knows only its own.

    Raises:
        ValueError: a run's settings do not work, workers die again and again, or the chief has
            gone.

    Example:
        >>> store = Store(Path("results"))
        >>> with Pool(workers=2) as pool:
        ...     outcome = search(Sweep("circle"), store, pool, Path("results/circle/keras_tuner"))
    """
    tuner = SweepTuner(sweep, store, pool, folder, cluster, progress)
    try:
        tuner.search()
    except FatalRuntimeError as error:
        raise error.__cause__ or error from None
    except grpc.RpcError as error:
        address = cluster.address if cluster else "this machine"
        raise InputError(f"the chief at {address} {_complaint(error)}") from error
    return None if tuner.is_worker else _outcome(sweep, store, tuner.oracle.trials.values())


def _complaint(error: grpc.RpcError) -> str:
    """Why a worker cannot go on."""
    if error.code() in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE):
        return f"has not answered for {CHIEF_TIMEOUT} s: it has stopped, or cannot be reached"
    return "does not know this worker's trial: it was started anew, so start the worker anew too"


def _outcome(sweep: Sweep, store: Store, trials: Iterable[Trial]) -> Outcome:
    tables: list[pd.DataFrame] = []
    by_name: dict[str, Run] = {}
    for number, trial in sorted((int(trial.trial_id), trial) for trial in trials):
        runs = sweep.runs(trial.hyperparameters.values)
        tables.append(store.table(runs).assign(trial=number, status=trial.status))
        by_name |= {run.name: run for run in runs}
    if not any(map(len, tables)):
        raise InputError("all trials failed, as their trainings diverged: lower the learning rate")
    return Outcome(pd.concat(tables, ignore_index=True), by_name)
