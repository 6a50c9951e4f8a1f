"""Magnitude pruning."""

from __future__ import annotations

import numpy as np

from pns_tf.pruners.base import Pruner


class Magnitude(Pruner):
    """Keeps the largest weights: abs(θ)."""

    name = "magnitude"
    reference = (
        "Han, Pool, Tran & Dally, Learning both Weights and Connections for Efficient Neural "
        "Networks, NeurIPS 2015, arXiv 1506.02626"
    )

    def calculate_scores(self, network, x, y):
        return [np.abs(theta) for theta in network.values()]
