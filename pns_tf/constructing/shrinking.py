"""Fewer parameters for the same: what is missed least leaves a ticket, and swaps mend the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pns_tf.hosts.paths import live_part
from pns_tf.masks import Mask
from pns_tf.seeding import generator
from pns_tf.swaps.network import LiveNetwork
from pns_tf.swaps.objective import objective
from pns_tf.swaps.search import SwapSettings, swap_search
from pns_tf.tasks.kinds import CLASSIFICATION, Kind
from pns_tf.tasks.task import Target
from pns_tf.training.loop import Loop

SAMPLES = 3000  # inputs of the training data
FIRST = 0.85  # of the parameters stay, the first time
SMALLEST = 0.985  # removals of less are not tried
TRIES = 10
NEAR = 0.5  # times the mean square error that the tolerance allows
DISAGREEING = 0.25  # times the tolerance: samples that may go to another class than the target's
SETTINGS = SwapSettings(rounds=6, screen=300, candidates=2000, wake=False)


def shrink(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    mask: Mask,
    scales: np.ndarray,
    target: Target,
    x: np.ndarray,
    kind: Kind,
    *,
    tolerance: float = 0.03,
    seed: int = 0,
    watch: Callable[[int], object] = lambda kept: None,
) -> tuple[Mask, np.ndarray]:
    """Takes parameters out of a ticket as long as it stays as near its target as it has to be.

    A part of them leaves, those missed least, and swaps look for a mask of that size that is nearer
    the target. It counts if the mean square error is at most half of what the tolerance allows, or
    for classes if ticket and target disagree on at most a quarter of the tolerance of the samples;
    or if that is no more than it was. Otherwise a smaller part is tried.

    Args:
        kernels: the host's, ``(fan_in, fan_out)`` each.
        biases: the host's, ``(fan_out,)`` each.
        mask: the ticket's.
        scales: ``(outputs,)``, by which its outputs are divided.
        target: says what is right; labels are not asked.
        x: training inputs ``(n, inputs)``.
        kind: of the task.
        tolerance: see `pns_tf.constructing.construction.build`.
        seed: everything random follows from it.
        watch: called with the parameters kept after each try.

    Returns:
        The smaller mask, and the scales that go with it.
    """
    x = np.asarray(x[:SAMPLES], np.float32)
    wanted = target(x)
    classes = kind is CLASSIFICATION
    y = np.argmax(wanted, axis=1) if classes else wanted
    judge = objective(kind)
    # Outputs of the right size already, so that fits of scales start near.
    kernels = [*kernels[:-1], (kernels[-1] / scales).astype(np.float32)]
    biases = [*biases[:-1], (biases[-1] / scales).astype(np.float32)]

    def judged(of: Mask) -> tuple[float, np.ndarray]:
        outputs = _outputs(kernels, biases, of, x)
        if not classes:
            return judge.error(outputs, y), judge.fit(outputs, y, np.ones(len(scales)))[0]
        factors = kind.fit_scales(outputs, y)
        return float(np.mean(np.argmax(outputs * factors, axis=1) != y)), factors

    whole, (error, factors) = mask, judged(mask)
    floor = DISAGREEING * tolerance if classes else NEAR * tolerance**2 * float(np.mean(wanted**2))
    # What is further off than that is mended first, with all parameters.
    part = FIRST if error <= floor else 1.0
    allowed = max(error, floor)
    for number in range(TRIES):
        loop, count = Loop(generator(seed, f"shrinking {number}")), int(part * mask.kept)
        smaller, _ = swap_search(kernels, biases, mask, count, x, y, kind, SETTINGS, loop, factors)
        error, new_factors = judged(smaller)
        if error <= allowed:
            mask, factors, allowed = smaller, new_factors, max(error, floor)
        if part == 1.0:
            part = FIRST
        elif mask is not smaller:
            part = float(np.sqrt(part))
        watch(mask.kept)
        if part > SMALLEST or mask.kept <= len(scales):
            break
    # A swap may have left weights of a neuron that computes nothing any more.
    return live_part(mask), scales if mask is whole else scales / factors


def _outputs(
    kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], mask: Mask, x: np.ndarray
) -> np.ndarray:
    """Of a ticket that is a small part of its host."""
    network = LiveNetwork(kernels, biases, mask, np.random.default_rng(0), wake=False)
    return network.outputs(x)
