"""GraSP: gradient signal preservation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.checks import number
from pns_tf.pruners.base import Pruner


@dataclass
class Grasp(Pruner):
    """Keeps what the gradient flow rests on: θ ⊙ H g with g = ∇L(f/T), divided by abs(sum).

    The scores keep their sign, and the largest are kept, as published.

    Args:
        temperature: T.
    """

    temperature: float = 200.0

    name = "grasp"
    reference = (
        "Wang, Zhang & Grosse, Picking Winning Tickets Before Training, ICLR 2020, arXiv 2002.07376"
    )
    uses_data = True
    derivatives = True
    batches = True
    batch_statistics = True

    def __post_init__(self):
        number(f"temperature of {self.name}", self.temperature, 0.0, low_excluded=True)

    def calculate_scores(self, network, x, y):
        def loss():
            return network.loss(x, y, self.temperature)

        products = network.hessian_product(loss, network.gradient(loss))
        scores = [theta * hg for theta, hg in zip(network.values(), products, strict=True)]
        total = abs(sum(float(score.sum(dtype=np.float64)) for score in scores)) + 1e-10
        return [score / total for score in scores]
