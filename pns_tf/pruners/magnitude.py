"""Magnitude pruning."""

from __future__ import annotations

import tensorflow as tf

from pns_tf.pruners.base import Pruner


class Magnitude(Pruner):
    """Keeps the largest weights: abs(θ)."""

    name = "magnitude"
    reference = (
        "Han, Pool, Tran & Dally, Learning both Weights and Connections for Efficient Neural "
        "Networks, NeurIPS 2015, arXiv 1506.02626"
    )

    def calculate_scores(self, network, x, y):
        return [tf.abs(variable) for variable in network.variables]
