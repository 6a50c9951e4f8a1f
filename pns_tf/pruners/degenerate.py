"""Scores that say nothing: found out before they become a random mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.checks import InputError
from pns_tf.pruners.scored_network import ScoredNetwork

LARGEST = np.finfo(np.float32).max


def in_float32(scores: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The scores in float32; divided by the largest of all, where they are beyond its range."""
    largest = max(
        (np.abs(score[np.isfinite(score)]).max(initial=0) for score in scores if score.size),
        default=0,
    )
    if largest > LARGEST:
        scores = [score / largest for score in scores]
    return [np.asarray(score, np.float32) for score in scores]


def check_derivatives(pruner: str, scores: Sequence[np.ndarray], network: ScoredNetwork) -> None:
    """Raises `InputError` if derivatives are infinite, or all zero though nothing is pruned."""
    weights = network.weights
    for score, weight in zip(scores, weights, strict=True):
        if np.isinf(score).any():
            raise InputError(
                f"pruner {pruner!r} scores {weight.name} with infinity ({np.isinf(score).sum()} of "
                f"{score.size}): the network's outputs or gradients are beyond the range of floats"
            )
    nothing_left = network.is_pruned() or not any(theta.any() for theta in network.values())
    if any(score.any() for score in scores) or nothing_left:
        return
    raise InputError(
        f"pruner {pruner!r} scores all of {weights[0].name} … {weights[-1].name} with 0: what the "
        "network computes does not react to its weights. Likely causes: saturated activations "
        "(softmax or sigmoid before a loss from logits, ReLU6), neurons that are never active, a "
        "layer of zeros, or a loss that is constant"
    )


def check_flow(pruner: str, scores: Sequence[np.ndarray], network: ScoredNetwork) -> None:
    """Raises `InputError` if no flow reaches a kernel from which nothing is pruned."""
    if network.is_pruned():
        return  # then it is no surprise
    for score, weight in zip(scores, network.weights, strict=True):
        if np.ndim(score) > 1 and not np.any(score):
            raise InputError(
                f"pruner {pruner!r} scores all of {weight.name} with 0: its flow stops there or "
                "after it. Likely causes: an activation that saturates for large inputs (ReLU6, "
                "sigmoid, hard sigmoid, softmax), or weights that are all 0. Leave the layer out "
                "(skip), or take another pruner"
            )
