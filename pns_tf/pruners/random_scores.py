"""The random pruner: what every other has to beat."""

from __future__ import annotations

import numpy as np

from pns_tf.pruners.base import Pruner
from pns_tf.seeding import generator


class Random(Pruner):
    """Scores drawn from N(0, 1).

    Args:
        seed: the same seed draws the same scores every time.
    """

    name = "random"
    reference = (
        "Gale, Elsen & Hooker, The State of Sparsity in Deep Neural Networks, arXiv 1902.09574"
    )

    def calculate_scores(self, network, x, y):
        rng = generator(self.seed, "random scores")
        return [rng.standard_normal(theta.shape, np.float32) for theta in network.values()]
