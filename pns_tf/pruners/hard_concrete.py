"""Stochastic gates with an l0 penalty."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import choice, number
from pns_tf.gates.density import PressureController
from pns_tf.gates.epoch import Controls, GateSettings
from pns_tf.pruners.gate_searcher import GateSearcher


@dataclass
class HardConcrete(GateSearcher):
    """Random gates on frozen weights, often exactly 0 or 1, and a penalty on how many are open.

    The penalty is λ times the mean probability of a gate above zero; a controller chooses λ. In
    the end the gates that are most probably open are kept.

    Args:
        epochs: of the search.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the search.
        gates: "hard_concrete", stretched binary concrete (Louizos et al.), or "gaussian", a clipped
            normal variable, which the strong tickets of Tsayag & Lindenbaum are searched with.
        temperature: of the concrete distribution, or the normal variable's standard deviation.
        pressure: λ at the start.
        ramp: the part of the search after which the density is to be reached.
    """

    epochs: int = 200
    learning_rate: float = 0.05
    gates: str = "hard_concrete"
    temperature: float = 2 / 3
    pressure: float = 1.0
    ramp: float = 0.6

    name = "hard_concrete"
    reference = (
        "Louizos, Welling & Kingma, Learning Sparse Neural Networks through L0 Regularization, "
        "ICLR 2018, arXiv 1712.01312; for strong tickets Tsayag & Lindenbaum 2026, arXiv 2603.08914"
    )

    def __post_init__(self):
        super().__post_init__()
        choice("gates", self.gates, ("hard_concrete", "gaussian"))
        number("temperature", self.temperature, 0.0, low_excluded=True)
        number("pressure", self.pressure, 0.0, low_excluded=True)
        number("ramp", self.ramp, 0.0, 1.0, low_excluded=True)

    def compiled_for(self, model, kind):
        return GateSettings(kind, self.gates, self.gate_batch_size)

    def schedule(self, openness, density):
        controller = PressureController(density, self.ramp, self.pressure)
        return Controls(
            sharpness=1 / self.temperature,
            pressure=controller.after(openness, self.epochs),
            learning_rate=self.learning_rate,
        )
