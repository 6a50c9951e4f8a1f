"""The target as a deeper host can hold it: the same function, as many layers as the host has."""

from __future__ import annotations

import numpy as np

from pns_tf.checks import InputError
from pns_tf.tasks.task import Target


def stretched(target: Target, layers: int) -> Target:
    """The target as a network of so many layers of weights.

    The first layer splits each input into φ(x) and φ(−x), as x = φ(x) − φ(−x), if the target's own
    first layer is not such a one. What is left over become identity layers, which ReLU lets pass
    because activations are not negative; they come after the target's narrowest layer, where they
    cost least.

    Args:
        target: a fully connected network.
        layers: of weights, at least one more than the target has.

    Raises:
        ValueError: too few layers, or a target with convolutions.

    Example:
        >>> import tasks
        >>> stretched(tasks.get("helix").target(5), 6).shape
        (1, 2, 1, 1, 30, 3, 3)
    """
    if any(kernel.ndim != 2 for kernel in target.kernels):
        raise InputError("only fully connected targets can be constructed, this has convolutions")
    if layers < target.depth:
        raise InputError(
            f"a ticket is constructed in a host one layer deeper than its target: the target has "
            f"depth {target.depth}, so the host needs at least {target.depth + 1}, "
            f"got {layers + 1}"
        )
    kernels, biases = _split(target)
    narrowest = 1 + int(np.argmin([kernel.shape[1] for kernel in kernels[:-1]]))
    width = kernels[narrowest].shape[0]
    for _ in range(layers - len(kernels)):
        kernels.insert(narrowest, np.eye(width))
        biases.insert(narrowest, np.zeros(width))
    return Target(kernels, biases)


def _split(target: Target) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The target behind a first layer that gives φ(x) and φ(−x), or with its own, scaled."""
    first = target.kernels[0]
    halved = (np.count_nonzero(first, axis=0) == 1).all() and not target.biases[0].any()
    if halved and len(target.kernels) > 1:
        sizes = np.abs(first).sum(axis=0)
        second = sizes[:, None] * target.kernels[1]
        return [np.sign(first), second, *target.kernels[2:]], list(target.biases)
    halves = np.vstack([first, -first])
    split = np.hstack([np.eye(len(first)), -np.eye(len(first))])
    used = (halves != 0).any(axis=1)
    kernels = [split[:, used], halves[used], *target.kernels[1:]]
    return kernels, [np.zeros(np.count_nonzero(used)), *target.biases]
