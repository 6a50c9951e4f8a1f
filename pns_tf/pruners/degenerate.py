"""Scores that say nothing: found out before they become a random mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.pruning.prunable import PrunableWeight

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


def check_derivatives(
    pruner: str, scores: Sequence[np.ndarray], weights: Sequence[PrunableWeight]
) -> None:
    """Raises `InputError` if derivatives are infinite, or all zero though nothing is pruned."""
    for score, weight in zip(scores, weights, strict=True):
        if np.isinf(score).any():
            raise InputError(
                f"pruner {pruner!r} scores {weight.name} with infinity ({np.isinf(score).sum()} of "
                f"{score.size}): the network's outputs or gradients are beyond the range of floats"
            )
    nothing_left = is_pruned(weights) or not any(np.any(w.variable.numpy()) for w in weights)
    if any(score.any() for score in scores) or nothing_left:
        return
    raise InputError(
        f"pruner {pruner!r} scores all of {weights[0].name} … {weights[-1].name} with 0: what the "
        "network computes does not react to its weights. Likely causes: saturated activations "
        "(softmax or sigmoid before a loss from logits, ReLU6), neurons that are never active, a "
        "layer of zeros, or a loss that is constant"
    )


def check_flow(
    pruner: str, scores: Sequence[np.ndarray], weights: Sequence[PrunableWeight]
) -> None:
    """Raises `InputError` if no flow reaches a kernel from which nothing is pruned."""
    if is_pruned(weights):
        return
    for score, weight in zip(scores, weights, strict=True):
        if weight.variable.shape.rank > 1 and not np.any(score):
            raise InputError(
                f"pruner {pruner!r} scores all of {weight.name} with 0: its flow stops there or "
                "after it. Likely causes: an activation that saturates for large inputs (ReLU6, "
                "sigmoid, hard sigmoid, softmax), or weights that are all 0. Leave the layer out "
                "(skip), or take another pruner"
            )


def is_pruned(weights: Sequence[PrunableWeight]) -> bool:
    """Whether a mask of these weights has a zero: then no flow is no surprise."""
    return any(w.mask is not None and not np.all(w.mask.numpy()) for w in weights)


def softmax_at_the_end(model: keras.Model) -> str | None:
    """The name of an output layer that is a softmax; ``None`` if there is none."""
    for tensor in getattr(model, "outputs", None) or ():
        layer = tensor._keras_history.layer
        layer = layer.layer if hasattr(layer, "pruning_vars") else layer
        if isinstance(layer, keras.Model):
            found = softmax_at_the_end(layer)
            if found:
                return found
        softmax = keras.activations.softmax
        if isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", 0) is softmax:
            return layer.name
    return None
