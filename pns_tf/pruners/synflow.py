"""SynFlow: synaptic flow, without data."""

from __future__ import annotations

import tensorflow as tf

from pns_tf.pruners.base import Pruner


class Synflow(Pruner):
    """Keeps what carries most flow: abs(θ ⊙ ∂R/∂θ) of the network with abs(θ) in place of θ.

    R is the sum of the outputs for an input of ones. The masks stay in place. Give it a model that
    ends in logits: the outputs of a softmax always sum to 1, whatever the weights.
    """

    name = "synflow"
    reference = (
        "Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data, "
        "NeurIPS 2020, arXiv 2006.05467"
    )

    def calculate_scores(self, network, x, y):
        for parameter in network.parameters:
            parameter.assign(tf.abs(parameter))
        ones = network.ones(x)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(network.variables)
            flow = tf.add_n([tf.reduce_sum(output) for output in tf.nest.flatten(network(ones))])
        gradients = tape.gradient(flow, network.variables, unconnected_gradients="zero")
        return [
            tf.abs(theta * tf.convert_to_tensor(gradient))
            for theta, gradient in zip(network.variables, gradients, strict=True)
        ]
