"""SynFlow: synaptic flow, without data."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pns_tf.checks import InputError
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.degenerate import check_flow, is_pruned, softmax_at_the_end
from pns_tf.pruners.network import Network


class Synflow(Pruner):
    """Keeps what carries most flow: abs(θ ⊙ ∂R/∂θ) of the network with abs(θ) in place of θ.

    R is the sum of the outputs for an input of ones. The masks stay in place. The model must end
    in logits: the outputs of a softmax always sum to 1, whatever the weights. Where R is beyond
    the range of float32, as in deep networks, it is computed in float64.
    """

    name = "synflow"
    reference = (
        "Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data, "
        "NeurIPS 2020, arXiv 2006.05467"
    )

    derivatives = True

    def calculate_scores(self, network, x, y):
        softmax = softmax_at_the_end(network.model)
        if softmax:
            raise InputError(
                f"pruner 'synflow' needs logits, but layer {softmax!r} of model "
                f"{network.model.name!r} ends in a softmax, whose outputs always sum to 1"
            )
        scores = _flow(network, x)
        if _beyond_float32(network, scores):
            scores = _flow(network.in_float64(), x)
        check_flow(self.name, scores, network.weights)
        return scores


def _flow(network: Network, x: tf.Tensor | None) -> list[np.ndarray]:
    for parameter in network.parameters:
        parameter.assign(tf.abs(parameter))
    ones = network.ones(x)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(network.variables)
        flow = tf.add_n([tf.reduce_sum(output) for output in tf.nest.flatten(network(ones))])
    gradients = tape.gradient(flow, network.variables, unconnected_gradients="zero")
    return [
        tf.abs(theta * tf.convert_to_tensor(gradient)).numpy()
        for theta, gradient in zip(network.variables, gradients, strict=True)
    ]


def _beyond_float32(network: Network, scores: list[np.ndarray]) -> bool:
    """Whether scores overflowed, or all of a kernel's vanished though nothing is pruned."""
    if not all(np.isfinite(score).all() for score in scores):
        return True
    kernels = [s for s, v in zip(scores, network.variables, strict=True) if v.shape.rank > 1]
    return not all(score.any() for score in kernels) and not is_pruned(network.weights)
