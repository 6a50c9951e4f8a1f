"""From gates to a mask of exactly the size asked for, with as little harm as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.hosts.paths import live_part, used_neurons
from pns_tf.masks import Mask
from pns_tf.pruning.thresholds import keep_highest


def hardened(
    scores: Sequence[np.ndarray],
    opened: Mask,
    values: Sequence[np.ndarray],
    count: int,
    rng: np.random.Generator,
    *,
    without_branches: bool,
) -> Mask:
    """The mask that is nearest to the gates.

    Too many open gates: those of the highest scores stay, but those that have no part in the
    outputs go first. Too few: a gate that was closed while the others were trained would do harm if
    it were opened, whatever its score, so the rest is made up of parameters that compute nothing,
    see `filled`; where these do not suffice, or the network has branches, of those with the
    smallest values.

    Args:
        scores: of the gates, in the order kernel, bias of each layer.
        opened: the gates that are more open than closed.
        values: of the parameters.
        count: parameters to keep.
        rng: chooses among those that compute nothing, and between equal scores.
        without_branches: whether the network is a chain of layers.

    Example:
        >>> scores = [np.array([[3.0, -1.0]]), np.array([-2.0, 1.0])]
        >>> opened = Mask([array > 0 for array in scores])
        >>> hardened(scores, opened, scores, 1, rng, without_branches=True)[0]
        array([[ True, False]])
    """
    if opened.kept >= count:
        needed = live_part(opened) if without_branches else opened
        if needed.kept > count:
            return keep_highest(scores, count, within=needed, rng=rng)
        ranks = [np.where(part, np.inf, score) for part, score in zip(needed, scores, strict=True)]
        return keep_highest(ranks, count, within=opened, rng=rng)
    smallness = [-np.abs(value) for value in values]
    if without_branches:
        return filled(opened, count, rng, smallness)
    ranks = [np.where(kept, np.inf, s) for kept, s in zip(opened, smallness, strict=True)]
    return keep_highest(ranks, count, rng=rng)


def filled(
    mask: Mask,
    count: int,
    rng: np.random.Generator,
    scores: Sequence[np.ndarray] | None = None,
) -> Mask:
    """Adds parameters without a part in the outputs until there are ``count``.

    These are weights and biases of neurons without a way to an output, at random.

    Args:
        mask: of a network without branches, in the order kernel, bias of each layer.
        count: parameters to keep, not fewer than there are.
        rng: chooses.
        scores: which others come next if these do not suffice; at random if there are none.

    Example:
        >>> one_path = Mask([[[1, 0]], [0, 0], [[1], [0]], [0]])
        >>> filled(one_path, 4, rng)[0]  # whatever leads to the second neuron is idle
        array([[ True,  True]])
    """
    idle = []
    for kernel, used in zip(mask.kernels, used_neurons(mask)[1:], strict=True):
        idle += [np.broadcast_to(~used, kernel.shape), ~used]
    scores = [np.zeros(array.shape) for array in mask] if scores is None else scores
    above = 1 + max(float(np.max(score)) for score in scores)
    ranks = [
        np.where(kept, np.inf, np.where(free, above, score))
        for kept, free, score in zip(mask, idle, scores, strict=True)
    ]
    return keep_highest(ranks, count, rng=rng)
