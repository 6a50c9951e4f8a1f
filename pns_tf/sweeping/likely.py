"""Runs like those that a sweep will do, where the oracle decides as it goes: for estimates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, product

import numpy as np

from pns_tf.recipe.run import Run
from pns_tf.sweeping.bisection import next_width
from pns_tf.sweeping.oracles import make_oracle
from pns_tf.sweeping.settings import BISECTION, RESOURCE, Sweep


def likely_runs(sweep: Sweep) -> list[Run]:
    """As many runs as the sweep has at most.

    Those of the grid are the ones that will be done. A bisection is taken to end at the widest
    hosts. The other oracles are taken to spread their trials evenly over the logarithm of the
    width and over the other settings; hyperband grants each trial the epochs that it always does.

    Example:
        >>> sweep = Sweep("relu", max_width=40, oracle="random", trials=3, seeds=2)
        >>> [run.host.width for run in likely_runs(sweep)]
        [10, 10, 20, 20, 40, 40]
    """
    if sweep.oracle == "grid":
        return sweep.grid_runs()
    return [run for values in _values(sweep) for run in sweep.runs(values)]


def _values(sweep: Sweep) -> Iterator[dict]:
    if sweep.oracle == BISECTION:
        near: dict[int, bool] = {}
        while (width := next_width(sweep.widths, near)) is not None:
            near[width] = width == sweep.widths[-1]
            yield {"width": width}
        return
    epochs = _granted(sweep) if sweep.oracle == "hyperband" else [sweep.epochs] * _trials(sweep)
    widths = np.geomspace(sweep.narrowest, sweep.max_width, len(epochs)).round().astype(int)
    others = cycle(product(*sweep.varied.values()))
    for width, granted, values in zip(widths.tolist(), epochs, others, strict=False):
        yield dict(zip(sweep.varied, values, strict=True)) | {"width": width, RESOURCE: granted}


def _trials(sweep: Sweep) -> int:
    assert sweep.max_trials is not None  # only hyperband's and a bisection's follow as they go
    return sweep.max_trials


def _granted(sweep: Sweep) -> list[int]:
    """The epochs of each trial of hyperband, bracket by bracket."""
    oracle = make_oracle(sweep)
    return [
        oracle._get_epochs(bracket, number)
        for bracket in reversed(range(oracle._get_num_brackets()))
        for number in range(oracle._get_num_rounds(bracket))
        for _ in range(oracle._get_size(bracket, number))
    ]
