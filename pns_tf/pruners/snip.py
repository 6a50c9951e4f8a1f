"""SNIP: connection sensitivity."""

from __future__ import annotations

import numpy as np

from pns_tf.pruners.base import Pruner


class Snip(Pruner):
    """Keeps what the loss reacts to most: abs(∂L/∂m), divided by the sum of all."""

    name = "snip"
    reference = (
        "Lee, Ajanthan & Torr, SNIP: Single-shot Network Pruning, ICLR 2019, arXiv 1810.02340"
    )
    uses_data = True
    derivatives = True
    batches = True
    batch_statistics = True

    def calculate_scores(self, network, x, y):
        scores = [np.abs(g) for g in network.mask_gradients(lambda: network.loss(x, y))]
        total = sum(float(score.sum(dtype=np.float64)) for score in scores)
        # What is not finite stays so, and is reported by name.
        return [score / total for score in scores] if 0 < total < np.inf else scores
