"""What a pruner returns is what was asked for, before it is judged."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.models import masked_layers
from pns_tf.masks import Mask
from pns_tf.pruners.popup import HEADS
from pns_tf.pruners.result import SearchResult


def most_kept(density: float, sizes: Iterable[int]) -> int:
    """How many parameters a ticket of this density may have.

    round(density × parameters); or, as some prune each array by itself, the sum of this over the
    arrays, where TF-MOT leaves at least one parameter in each.

    Example:
        >>> most_kept(0.25, [10, 10]), most_kept(0.01, [10, 10])
        (5, 2)
    """
    sizes = list(sizes)
    by_array = sum(max(round(density * size), 1) for size in sizes)
    return max(round(density * sum(sizes)), by_array)


def check_result(
    pruner: str, search: SearchResult, model: keras.Model, density: float, measured: Iterable[str]
) -> None:
    """Raises `InputError` unless a search has found a ticket of the host at the density asked for.

    Args:
        pruner: its name.
        search: what it returned.
        model: a host.
        density: the one asked for.
        measured: metrics that are not for the pruner to say.
    """
    shapes = [tuple(w.shape) for layer in masked_layers(model) for w in (layer.kernel, layer.bias)]
    found = [array.shape for array in search.mask] if isinstance(search.mask, Mask) else None
    if found != shapes:
        raise InputError(
            f"pruner {pruner!r} must return a Mask of the host's shapes {shapes}, got {found}"
        )
    most = most_kept(density, [array.size for array in search.mask])
    if search.mask.kept > most:
        raise InputError(
            f"pruner {pruner!r} keeps {search.mask.kept} of {search.mask.size} parameters, "
            f"where density {density:g} allows for {most}"
        )
    if search.head is not None and search.head not in HEADS.values():
        raise InputError(
            f"pruner {pruner!r} must return None or one of pns_tf.pruners.popup.HEADS "
            f"({', '.join(HEADS)}) as head, got {search.head!r}"
        )
    if taken := sorted(set(search.metrics) & set(measured)):
        raise InputError(
            f"pruner {pruner!r} must not return metrics that are measured: {', '.join(taken)}"
        )


def set_trained(pruner: str, model: keras.Model, search: SearchResult) -> None:
    """Gives a host the weights that a search has trained, under the mask that it returned.

    Raises:
        ValueError: they are no weights of the host, or the network would compute with some that
            are outside the mask.
    """
    try:
        model.set_weights(search.weights)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"pruner {pruner!r} must return weights as model.get_weights() gives them: {error}"
        ) from None
    outside = 0
    for layer, kernel_kept, bias_kept in zip(
        masked_layers(model), search.mask[::2], search.mask[1::2], strict=True
    ):
        for variable, mask, kept in (
            (layer.kernel, layer.kernel_mask, kernel_kept),
            (layer.bias, layer.bias_mask, bias_kept),
        ):
            values, used = variable.numpy(), mask.numpy()
            outside += int(np.count_nonzero((values * used)[~kept]))
            # Only what the search has used: the returned mask may keep more.
            variable.assign(np.where(kept, values * used, values))
            mask.assign(kept.astype(np.float32))
    if outside:
        raise InputError(
            f"pruner {pruner!r} returns weights that ignore its mask: {outside} outside it are "
            "not zero"
        )
