"""How long runs will take on this machine, from finished ones like them or from their size."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence

import numpy as np

from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.pruners import row_of
from pns_tf.recipe.run import Run, with_seed
from pns_tf.runs.store import Store
from pns_tf.runs.workers import cores

# Seconds on one core of the machine where `REFERENCE` was measured.
JUDGING = 0.1  # planting, data and metrics of a run
SCORING = 15e-3  # pruning once
STEP = 10e-6  # of training, whatever the host's size
WEIGHT = 3.3e-9  # of training, more for each weight of the host
LAST_STEPS = 8165  # of the last training of rankings, on four times as many samples each
RANKING = 2.5  # judging by the rule of rankings
LEFT = 10.0  # times its density, what is left of a network that is made smaller, at most all
REFERENCE = 1.95e-3  # `_probe`, the time that a few products of matrices take


def seconds_left(
    runs: Sequence[Run], store: Store, workers: int | None = None
) -> tuple[int, float]:
    """How many runs are not finished yet, and how long they will take.

    Args:
        runs: those of an experiment.
        store: where finished ones are.
        workers: processes, ``None`` for one per core.

    Returns:
        Their number, and seconds. Runs are expected to take what finished ones that differ in
        their seed alone took, or else what the size of their hosts lets expect, within a factor of
        two or so.

    Example:
        >>> count, seconds = seconds_left(EXPERIMENTS["figure3"].runs(), Store("results"))
    """
    finished: dict[str, list[float]] = {}
    missing = []
    for run in runs:
        row = store.read(run)
        if row is None:
            missing.append(run)
        else:
            spent = row["pruning_seconds"] + row["training_seconds"]
            finished.setdefault(with_seed(run, 0).name, []).append(spent + JUDGING)
    total = 0.0
    for run in missing:
        similar = finished.get(with_seed(run, 0).name)
        total += float(np.mean(similar)) if similar else expected_seconds(run)
    return len(missing), total / min(workers or cores(), max(len(missing), 1))


def expected_seconds(run: Run) -> float:
    """What a run will take on one core of this machine, by the size of its host and training."""
    settings, pruner = run.search, row_of(run.search.pruner)
    host = run.host
    if isinstance(host, FullyConnected):
        width = pruner.searched_width(host.width, settings.options)
        host = dataclasses.replace(host, width=width)
    weights = host.resolved().multiplications
    steps = 0.9 * settings.samples / settings.batch_size
    epochs = settings.total_epochs + pruner.effort_with(settings.options)
    scoring = SCORING * settings.rounds * settings.prune_rounds
    seconds = JUDGING + scoring + epochs * steps * (STEP + WEIGHT * weights)
    if run.ranked:
        small = weights * min(1.0, LEFT * settings.density)
        seconds += RANKING + LAST_STEPS * (STEP + 4 * WEIGHT * small)
    return slowness() * seconds


@functools.cache
def slowness() -> float:
    """How many times slower than the machine of the constants this one is."""
    return min(_probe() for _ in range(5)) / REFERENCE


def _probe() -> float:
    x, w = np.ones((32, 100), np.float32), np.full((100, 100), 0.01, np.float32)
    start = time.perf_counter()
    for _ in range(200):
        np.maximum(x @ w, 0)
    return time.perf_counter() - start


def announced(
    what: str, runs: Sequence[Run], store: Store, workers: int | None = None
) -> str | None:
    """A line that says how long runs will take, before they start; ``None`` if all are finished.

    Example:
        >>> announced("first stage", [], Store("results"))
    """
    left, seconds = seconds_left(runs, store, workers)
    return f"{what}: {left} runs, about {in_words(seconds)}" if left else None


def in_words(seconds: float) -> str:
    """Seconds as minutes or hours: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
