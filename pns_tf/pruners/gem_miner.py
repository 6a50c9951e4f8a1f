"""Gem-Miner: rounded gates, closed for good round by round."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pns_tf.checks import integer, number
from pns_tf.gates.epoch import Controls, GateSettings
from pns_tf.pruners.gate_searcher import GateSearcher
from pns_tf.pruning.thresholds import density_steps, keep_highest
from pns_tf.training.schedules import cosine_decay

SETTLING = 0.1  # of the epochs, with the parameters that are left after the last freeze


@dataclass
class GemMiner(GateSearcher):
    """Scores p in [0, 1] on frozen weights; the network uses the weights with p rounded to 1.

    Scores begin uniformly distributed. The gradient goes straight through the rounding, and λ times
    the mean p² pulls scores down. In ``freezes`` equal rounds the lowest scores are closed for
    good, a fraction of those left each time, so that after the last one, a tenth of the epochs
    before the end, no more than the density asked for is left. The learning rate falls to zero by a
    cosine.

    Args:
        epochs: of the search.
        learning_rate: of Adam on the scores, at first.
        gate_batch_size: samples a step of the search.
        freezes: how often scores are closed for good.
        pressure: λ.
    """

    epochs: int = 400
    learning_rate: float = 0.002
    freezes: int = 50
    pressure: float = 1e-3

    name = "gem_miner"
    reference = (
        "Sreenivasan et al., Rare Gems: Finding Lottery Tickets at Initialization, NeurIPS 2022, "
        "arXiv 2202.12002"
    )

    def __post_init__(self):
        super().__post_init__()
        integer("freezes", self.freezes, minimum=1)
        number("pressure", self.pressure, 0.0)

    def compiled_for(self, model, kind):
        return GateSettings(kind, "step", self.gate_batch_size)

    def first_scores(self, epoch, rng):
        return [rng.uniform(-0.5, 0.5, score.shape) for score in epoch.scores]  # of p − ½

    def schedule(self, openness, density):
        rate = cosine_decay(self.learning_rate, len(openness) - 1, self.epochs)
        return Controls(pressure=self.pressure, learning_rate=rate)

    def close(self, epoch, done, density, rng):
        freezing = math.ceil(self.epochs * (1 - SETTLING))
        rounds = min(self.freezes, freezing)
        before, now = ((epochs * rounds) // freezing for epochs in (done - 1, done))
        if now > before and done <= freezing:
            left = density_steps(density, rounds)[before]
            epoch.freeze(keep_highest(epoch.ranking(), round(left * epoch.size), rng=rng))
