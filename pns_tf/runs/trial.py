"""A pruner of the user's own is tried before hours of other runs, or folders made for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.own_modules import told
from pns_tf.recipe.run import Run

SAMPLES = 1000


def try_own_pruners(runs: Iterable[Run]) -> None:
    """Loads each pruner of the user's own among the runs, and lets it score once.

    One that searches in a way of its own is made only, because its search may take long; nor are
    images loaded.

    Raises:
        ValueError: it cannot be loaded, does not know an option, or raises something; in one line
            with the place in the user's code.

    Example:
        >>> from pns_tf.recipe.run import grid
        >>> try_own_pruners(grid(["circle"], ["snip"], [0.5], range(3)))
    """
    first: dict[str, Run] = {}
    for run in runs:
        if ":" in run.search.pruner:
            first.setdefault(run.search.pruner, run)
    if not first:
        return
    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    for run in first.values():
        _try(run)


def _try(run: Run) -> None:
    from pns_tf.pruners import Pruner, make_pruner
    from pns_tf.runs.execute import network_of
    from pns_tf.seeking import seek_with

    with told("pruner", run.search.pruner):
        pruner = make_pruner(run.search)
        if type(pruner).find is not Pruner.find or not isinstance(run.host, FullyConnected):
            return
        samples = min(run.search.samples, SAMPLES)
        settings = dataclasses.replace(
            run.search, rounds=1, prune_rounds=1, samples=samples, epochs=0
        )
        data = run.host.data(settings.samples, settings.noise, settings.seed)
        seek_with(network_of(run), settings, pruner=pruner, data=data)
