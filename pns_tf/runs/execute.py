"""Executes one run: plants, seeks, and gives the row to keep."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from pns_tf.masks import Mask
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import Run


@dataclass(frozen=True, eq=False)
class Result:
    """What a run results in.

    Attributes:
        row: settings, metrics, seconds and versions, flat.
        masks: the found ticket.
    """

    row: dict
    masks: Mask


def execute(run: Run) -> Result:
    """Plants and seeks; the same run gives the same result in any process."""
    from pns_tf.saving.exporting import versions
    from pns_tf.seeking import seek_with

    settings = run.search
    planted = planted_of(run.planting)
    data = _data(run.task, settings.samples, settings.noise, settings.seed)
    found = seek_with(planted, settings, data=data)
    row = {"run": run.name, **run.settings, "baseline": run.baseline, **found.metrics}
    row |= {f"{what}_seconds": spent for what, spent in found.seconds.items()}
    row["trained_epochs"] = len(found.history)
    row |= {f"version_{package}": version for package, version in versions().items()}
    return Result(row, found.masks)


def planted_of(planting: Planting):
    """The planted host; the last two are kept.

    Runs that differ only in pruner or density share host and data; a worker gets them in sequence.
    """
    return _planted(tuple(planting.arguments.items()))


@functools.lru_cache(maxsize=2)
def _planted(arguments):
    from pns_tf.planting.planted import plant

    return plant(**dict(arguments))


@functools.lru_cache(maxsize=2)
def _data(task, samples, noise, seed):
    from pns_tf import tasks

    return tasks.get(task).data(samples, noise, seed)
