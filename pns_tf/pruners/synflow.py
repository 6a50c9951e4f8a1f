"""SynFlow: synaptic flow, without data."""

from __future__ import annotations

import numpy as np

from pns_tf.checks import InputError
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.degenerate import check_flow
from pns_tf.pruners.scored_network import ScoredNetwork


class Synflow(Pruner):
    """Keeps what carries most flow: abs(θ ⊙ ∂R/∂θ) of the network with abs(θ) in place of θ.

    R is the sum of the outputs for an input of ones. The masks stay in place. The model must end
    in logits: the outputs of a softmax always sum to 1, whatever the weights. Embeddings cannot be
    scored, as ones are one and the same token to them. Where R is beyond the range of float32, as
    in deep networks, it is computed in float64.
    """

    name = "synflow"
    reference = (
        "Tanaka, Kunin, Yamins & Ganguli, Pruning neural networks without any data, "
        "NeurIPS 2020, arXiv 2006.05467"
    )

    derivatives = True

    def calculate_scores(self, network, x, y):
        softmax = network.softmax_at_the_end()
        if softmax:
            raise InputError(
                f"pruner 'synflow' needs logits, but layer {softmax!r} of model "
                f"{network.model.name!r} ends in a softmax, whose outputs always sum to 1"
            )
        for weight in network.weights:
            layer = getattr(weight.layer, "layer", weight.layer)  # within TF-MOT's wrapper
            if any(kind.__name__ == "Embedding" for kind in type(layer).__mro__):
                raise InputError(
                    f"pruner 'synflow' sends ones through the model, which for {weight.name} are "
                    "one row of all: leave it dense by skip, or take another pruner"
                )
        scores = _flow(network, x)
        if _beyond_float32(network, scores):
            with network.in_float64() as doubled:
                scores = _flow(doubled, x)
        check_flow(self.name, scores, network)
        return scores


def _flow(network: ScoredNetwork, x) -> list[np.ndarray]:
    network.make_positive()
    ones = network.ones(x)
    gradients = network.gradient(lambda: network.flow(ones))
    with np.errstate(over="ignore", invalid="ignore"):  # then in float64
        return [np.abs(theta * g) for theta, g in zip(network.values(), gradients, strict=True)]


def _beyond_float32(network: ScoredNetwork, scores: list[np.ndarray]) -> bool:
    """Whether scores overflowed, or all of a kernel's vanished though nothing is pruned."""
    if not all(np.isfinite(score).all() for score in scores):
        return True
    return not all(score.any() for score in scores if score.ndim > 1) and not network.is_pruned()
