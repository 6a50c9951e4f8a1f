"""Fewer parameters for the same: what is missed least leaves a ticket, and swaps mend the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pns_tf.masks import Mask
from pns_tf.seeding import generator
from pns_tf.swaps.objective import objective
from pns_tf.swaps.search import SwapSettings, swap_search
from pns_tf.tasks.kinds import Kind
from pns_tf.training.loop import Loop

SAMPLES = 3000  # of the training data
ROUNDS = 8  # of swaps after each removal
FIRST = 0.8  # of the parameters stay, the first time
SMALLEST = 0.97  # removals of less are not tried
TRIES = 9
SETTINGS = SwapSettings(rounds=ROUNDS, screen=300, candidates=2000, wake=False)


def shrink(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    mask: Mask,
    scales: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    kind: Kind,
    seed: int = 0,
    watch: Callable[[int], object] = lambda kept: None,
) -> tuple[Mask, np.ndarray]:
    """Takes parameters out of a ticket as long as it stays as good on training data.

    A part of them leaves, those missed least, and swaps look for a mask of that size with a lower
    loss. It counts if neither loss nor error are above those of the mask that shrinking began
    with; otherwise a smaller part is tried.

    Args:
        kernels: the host's, ``(fan_in, fan_out)`` each.
        biases: the host's, ``(fan_out,)`` each.
        mask: the ticket's.
        scales: ``(outputs,)``, by which its outputs are divided.
        x: training samples ``(n, inputs)``.
        y: classes ``(n,)`` or values ``(n, outputs)``.
        kind: of the task.
        seed: everything random follows from it.
        watch: called with the parameters kept after each try.

    Returns:
        The smaller mask, and the scales that go with it.
    """
    x, y = np.asarray(x[:SAMPLES], np.float32), y[:SAMPLES]
    judge = objective(kind)
    # Outputs of the right size already, so that fits of scales start near.
    kernels = [*kernels[:-1], (kernels[-1] / scales).astype(np.float32)]
    biases = [*biases[:-1], (biases[-1] / scales).astype(np.float32)]

    def judged(of: Mask) -> tuple[float, float, np.ndarray]:
        outputs = _outputs(kernels, biases, of, x)
        factors, loss = judge.fit(outputs, y, np.ones(len(scales)))
        return loss, judge.error(outputs * factors, y), factors

    whole = mask
    loss, error, factors = judged(mask)
    part = FIRST
    for number in range(TRIES):
        loop = Loop(generator(seed, f"shrinking {number}"))
        count = int(part * mask.kept)
        smaller, _ = swap_search(kernels, biases, mask, count, x, y, kind, SETTINGS, loop, factors)
        new_loss, new_error, new_factors = judged(smaller)
        if smaller.kept < mask.kept and new_loss <= loss and new_error <= error:
            mask, factors = smaller, new_factors
        else:
            part = np.sqrt(part)
        watch(mask.kept)
        if part > SMALLEST or mask.kept <= len(scales):
            break
    return mask, scales if mask is whole else scales / factors


def _outputs(
    kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], mask: Mask, x: np.ndarray
) -> np.ndarray:
    pairs = zip(kernels, biases, mask.kernels, mask.biases, strict=True)
    h = x
    for layer, (kernel, bias, kernel_mask, bias_mask) in enumerate(pairs):
        h = np.maximum(h, 0) if layer else h
        h = h @ (kernel * kernel_mask) + bias * bias_mask
    return h
