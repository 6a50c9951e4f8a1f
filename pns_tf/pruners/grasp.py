"""GraSP: gradient signal preservation."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from pns_tf.checks import number
from pns_tf.pruners import second_derivatives as second_derivatives
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
    batch_statistics = True

    def __post_init__(self):
        number(f"temperature of {self.name}", self.temperature, 0.0, low_excluded=True)

    def calculate_scores(self, network, x, y):
        theta = network.variables
        with tf.GradientTape(watch_accessed_variables=False) as outer:
            outer.watch(theta)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(theta)
                loss = network.loss(x, y, self.temperature)
            gradients = [
                tf.convert_to_tensor(g)
                for g in inner.gradient(loss, theta, unconnected_gradients="zero")
            ]
            # H g is the derivative of gᵀ·stop(g).
            product = tf.add_n([tf.reduce_sum(g * tf.stop_gradient(g)) for g in gradients])
        hessian_products = outer.gradient(product, theta, unconnected_gradients="zero")
        scores = [t * tf.convert_to_tensor(h) for t, h in zip(theta, hessian_products, strict=True)]
        total = tf.abs(tf.add_n([tf.reduce_sum(score) for score in scores])) + 1e-10
        return [score / total for score in scores]
