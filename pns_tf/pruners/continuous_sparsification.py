"""Continuous sparsification: gates that harden by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import number
from pns_tf.gates.density import PressureController
from pns_tf.gates.epoch import Controls
from pns_tf.pruners.gate_searcher import GateSearcher


@dataclass
class ContinuousSparsification(GateSearcher):
    """Gates σ(βs) on frozen weights; β grows from 1, so that they end near 0 or 1.

    λ times the mean gate is added to the loss. A controller chooses λ, where the paper has a value
    for each density; logits have one learned factor each, as the scale of a strong ticket is free.

    Args:
        epochs: of the search.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the search.
        sharpness: β in the end; it grows exponentially from 1.
        pressure: λ at the start.
        ramp: the part of the search after which the density is to be reached.
    """

    epochs: int = 200
    learning_rate: float = 0.005
    sharpness: float = 500.0
    pressure: float = 1.0
    ramp: float = 0.4

    name = "continuous_sparsification"
    reference = (
        "Savarese, Silva & Maire, Winning the Lottery with Continuous Sparsification, "
        "NeurIPS 2020, arXiv 1912.04427"
    )

    def __post_init__(self):
        super().__post_init__()
        number("sharpness", self.sharpness, 1.0)
        number("pressure", self.pressure, 0.0, low_excluded=True)
        number("ramp", self.ramp, 0.0, 1.0, low_excluded=True)

    def schedule(self, openness, density):
        controller = PressureController(density, self.ramp, self.pressure)
        progress = (len(openness) - 1) / self.epochs
        return Controls(
            sharpness=self.sharpness**progress,
            pressure=controller.after(openness, self.epochs),
            learning_rate=self.learning_rate,
        )
