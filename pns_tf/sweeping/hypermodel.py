"""Keras Tuner's view of a sweep: what is varied, and what a choice of it means."""

from __future__ import annotations

import keras_tuner

from pns_tf.recipe.run import Run
from pns_tf.sweeping.settings import BISECTION, Sweep


class PlantAndSeek(keras_tuner.HyperModel):
    """Declares a sweep's hyperparameters and builds the runs of a trial.

    Keras Tuner builds models of Keras 3, and these are tf_keras models that several processes
    train: what is built here are the settings of the runs, one for each seed.

    Args:
        sweep: what to search.
    """

    def __init__(self, sweep: Sweep):
        super().__init__(name=sweep.name)
        self.sweep = sweep

    def build(self, hp: keras_tuner.HyperParameters) -> list[Run]:
        """Declares what is varied, and returns the runs of the values that it has in ``hp``."""
        sweep = self.sweep
        for name, values in sweep.varied.items():
            hp.Choice(name, list(values))
        if sweep.oracle in ("grid", BISECTION):
            hp.Choice("width", list(sweep.widths), ordered=True)
        elif sweep.step is not None:
            hp.Int("width", sweep.narrowest, sweep.max_width, step=sweep.step)
        else:
            hp.Int("width", sweep.narrowest, sweep.max_width, sampling="log")
        return sweep.runs(hp.values)
