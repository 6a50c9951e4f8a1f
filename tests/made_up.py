"""Rows of experiments that nobody has run, with results as a test wants them."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from pns_tf.recipe.run import Run, with_seed
from pns_tf.reports.skill import trivial_metric
from pns_tf.tasks.kinds import CLASSIFICATION

PLANTED = {"classification": 0.98, "regression": 1e-4}
OF_IMAGES = 15  # layers of neurons of VGG16


def rows(
    settings: Iterable[Run],
    seeds: int = 5,
    final: Callable[[Run], float] = lambda run: 1.0,
    strong: Callable[[Run], float] = lambda run: 0.0,
    collapse: Callable[[Run], float] = lambda run: 0.0,
    **columns: float,
) -> pd.DataFrame:
    """A row for each setting and seed, as `Store.table` gives them.

    Args:
        settings: of an experiment.
        seeds: runs of each.
        final: skill after training, of a run.
        strong: skill after pruning.
        collapse: whether no path is left.
        **columns: other metrics.
    """
    return pd.DataFrame(
        [
            _row(with_seed(setting, seed), final, strong, collapse) | columns
            for setting in {each.name: each for each in settings}.values()
            for seed in range(seeds)
        ]
    )


def _row(run: Run, final, strong, collapse) -> dict:
    if run.host.problem is None:
        kind, trivial, depth = CLASSIFICATION, 0.1, OF_IMAGES
    else:
        kind, depth = run.host.problem.kind, run.host.depth
        trivial = trivial_metric(run.task, run.search.samples, run.search.noise, run.search.seed)
    planted = PLANTED[kind]
    density = run.search.density
    layers = {f"density_layer{layer}": min(1.0, density * 1.5) for layer in range(depth - 1)}
    return {
        "run": run.name,
        "task": run.task,
        "kind": kind.name,
        "best_constant": trivial,
        **run.settings,
        "baseline": run.baseline,
        "planted": planted,
        "before": trivial,
        "strong": trivial + strong(run) * (planted - trivial),
        "final": trivial + final(run) * (planted - trivial),
        "density_asked": density,
        "density_kept": density,
        "effective_density": 0.8 * density,
        "layer_collapse": 0.0,
        "flow_collapse": float(collapse(run)),
        "precision": 0.1,
        "recall": 0.5,
        **layers,
        "pruning_seconds": 0.1,
        "training_seconds": 0.4,
        "version_python": "3.11",
    }


def spread(run: Run, around: float, width: float = 0.01) -> float:
    """A skill near ``around``, another for each run."""
    return around + width * np.random.default_rng(int(run.name, 16) % 2**32).uniform(-1, 1)
