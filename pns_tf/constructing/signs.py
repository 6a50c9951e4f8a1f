"""The target in a form whose weights have both signs alike, so that a ticket's signs tell nothing.

A host's weights are as often positive as negative. A target that mostly adds up would need positive
ones, and whoever has studied other tickets would look for these.
"""

from __future__ import annotations

import numpy as np

from pns_tf.tasks.kinds import CLASSIFICATION
from pns_tf.tasks.task import Target, Task
from pns_tf.theory.activations import CELLS, cells_of_box


def target_of(task: Task, depth: int) -> Target:
    """The task's target as it is constructed: for classes each output less the mean of all.

    Softmax does not see what is added to all outputs, so that classes and probabilities are the
    same.

    Example:
        >>> import tasks
        >>> float(np.abs(target_of(tasks.get("circle"), 5).kernels[-1].sum(axis=1)).max().round(9))
        0.0
    """
    target = task.target(depth)
    return centred(target) if task.kind is CLASSIFICATION else target


def centred(target: Target) -> Target:
    """Each output less the mean of all.

    Example:
        >>> target = Target([np.eye(1), np.array([[1.0, 3.0]])], [np.zeros(1), np.zeros(2)])
        >>> centred(target).kernels[1]
        array([[-1.,  1.]])
    """
    kernel, bias = target.kernels[-1], target.biases[-1]
    kernels = [*target.kernels[:-1], kernel - kernel.mean(axis=1, keepdims=True)]
    return Target(kernels, [*target.biases[:-1], bias - bias.mean()])


def balanced(target: Target) -> Target:
    """The same function, with some neurons computing c − z in place of z, c the largest z.

    This can be done with neurons that are silent nowhere on [−1, 1]^d, and turns the signs of all
    of a neuron's weights. As long as that makes the numbers of positive and of negative weights
    more alike, in the layers and at each neuron, the one is turned that helps most.

    Example:
        >>> kernels = [np.array([[1, -1]]), np.eye(2), np.ones((2, 1))]  # abs(x)
        >>> turned = balanced(Target(kernels, [np.zeros(2), np.zeros(2), np.zeros(1)]))
        >>> turned.kernels[1].tolist(), turned.biases[1].tolist()
        ([[-1.0, 0.0], [0.0, 1.0]], [1.0, 0.0])
    """
    neurons = _never_silent(target)
    while neurons:
        signs = [np.sign(kernel) for kernel in target.kernels]
        sums = [each.sum(axis=0) for each in signs]
        changes = [_change(signs, sums, layer, j) for layer, j, _ in neurons]
        best = int(np.argmin(changes))
        if changes[best] >= 0:
            break
        target = _turned(target, *neurons[best])
    return target


def _never_silent(target: Target) -> list[tuple[int, int, float]]:
    """Layer, number and largest sum of each hidden neuron whose sum is nowhere negative."""
    low, high = cells_of_box(target.shape[0], CELLS)
    found = []
    hidden = zip(target.kernels[:-1], target.biases[:-1], strict=True)
    for layer, (kernel, bias) in enumerate(hidden):
        centre, radius = (low + high) / 2 @ kernel + bias, (high - low) / 2 @ np.abs(kernel)
        low, high = centre - radius, centre + radius
        sums = zip(low.min(axis=0), high.max(axis=0), strict=True)
        found += [(layer, j, most) for j, (least, most) in enumerate(sums) if 0 <= least < most]
        low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    return found


def _turned(target: Target, layer: int, j: int, most: float) -> Target:
    """With most − z in place of neuron j's z."""
    kernels, biases = ([np.array(a) for a in arrays] for arrays in (target.kernels, target.biases))
    kernels[layer][:, j] *= -1
    biases[layer][j] = most - biases[layer][j]
    biases[layer + 1] += most * kernels[layer + 1][j]
    kernels[layer + 1][j] *= -1
    return Target(kernels, biases)


def _change(signs: list[np.ndarray], sums: list[np.ndarray], layer: int, j: int) -> float:
    """By how much turning a neuron changes the imbalance of the weights' signs.

    That is the sum of squares of the layers' sums of signs, and of each neuron's.
    """
    whole, after = sums[layer].sum(), sums[layer + 1]
    turned = after - 2 * signs[layer + 1][j]
    change = (whole - 2 * sums[layer][j]) ** 2 - whole**2  # of the neuron itself only the sign
    return float(change + turned.sum() ** 2 - after.sum() ** 2 + np.sum(turned**2 - after**2))
