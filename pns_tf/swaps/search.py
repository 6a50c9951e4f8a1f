"""Swaps: parameters leave the ticket for others with which its loss is lower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from pns_tf.masks import Mask
from pns_tf.swaps.network import LiveNetwork
from pns_tf.swaps.objective import CrossEntropy, MeanSquare, objective
from pns_tf.swaps.proposals import Proposals
from pns_tf.tasks.kinds import Kind
from pns_tf.training.checkpoints import MaskNote, Note
from pns_tf.training.loop import Loop

MANY = 1000  # parameters; flips take the longer to measure, the more there are
DEEP = 4  # layers of weights; the same
FEWEST = 400  # flips measured, of each kind
TOO_FAR = 1.5  # times the lowest loss on all samples


@dataclass(frozen=True)
class SwapSettings:
    """How swaps are looked for.

    Attributes:
        rounds: in each, single flips are measured anew.
        screen: samples on which they are measured. A swap must lower the loss on as many in the
            first round, and on all in the last: what few samples let through shakes the mask up.
        candidates: flips on, and off, that are measured in a round; random ones if there are more.
            Fewer, down to `FEWEST`, in a mask of more than `MANY` parameters or a network of more
            than `DEEP` layers, in proportion.
        swaps: made at most before flips are measured anew. Removals count too, and are made in any
            case.
        failures: so many swaps in a row that do not lower the loss end the round.
        wake: whether neurons that are not in use may come in.
    """

    rounds: int = 300
    screen: int = 400
    candidates: int = 4000
    swaps: int = 10
    failures: int = 10
    wake: bool = True


def swap_search(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    mask: Mask,
    count: int,
    x: np.ndarray,
    y: np.ndarray,
    kind: Kind | str,
    settings: SwapSettings,
    loop: Loop,
    scales: np.ndarray | None = None,
) -> tuple[Mask, list[float]]:
    """Improves a mask of a fully connected ReLU network whose parameters stay as they are.

    Each round measures, for every single flip of a live parameter, how it changes the outputs.
    From these the best pairs of one parameter off and one on are predicted, to second order, and
    each is tried: it stays if the loss has become lower. A mask with more than ``count`` parameters
    loses those that are missed least first. What is won on few samples can be lost on all: a round
    that ends `TOO_FAR` above the lowest loss on all samples is undone, back to the mask that had
    it. The result is the mask that, after some round, was best by what strong tickets are judged
    by: for classes the accuracy, which the cross entropy follows only roughly.

    Args:
        kernels: ``(fan_in, fan_out)`` of each layer, float32.
        biases: ``(fan_out,)``.
        mask: to start from, in the order kernel, bias of each layer.
        count: parameters to keep at most; fewer where no addition lowers the loss.
        x: training samples ``(n, inputs)``.
        y: classes ``(n,)`` or values ``(n, outputs)``.
        kind: of the task, or its name.
        settings: see `SwapSettings`.
        loop: runs the rounds; its ``rng`` chooses samples and candidates.
        scales: of the outputs, from which the best ones are looked for.

    Returns:
        The mask, and the loss on all samples after each round.

    Example:
        >>> kernels = [rng.normal(size=shape).astype(np.float32) for shape in ((2, 9), (9, 2))]
        >>> biases = [np.zeros(9, np.float32), np.zeros(2, np.float32)]
        >>> mask = Mask.ones_like([kernels[0], biases[0], kernels[1], biases[1]])
        >>> settings = SwapSettings(rounds=3, screen=20)
        >>> loop = Loop(rng)
        >>> found, _ = swap_search(kernels, biases, mask, 12, x, y, "regression", settings, loop)
        >>> found.kept <= 12
        True
    """
    judge = objective(kind)
    here, scales_here = MaskNote(mask), Note(scales)
    lowest, lowest_mask, lowest_scales = Note(np.inf), MaskNote(mask), Note(scales)
    best, best_mask = Note((np.inf, np.inf)), MaskNote(mask)  # error first, then loss

    def step(number: int) -> float:
        network = LiveNetwork(kernels, biases, here.value, loop.rng, settings.wake)
        screen = min(settings.screen, len(x))
        samples = round(screen * (len(x) / screen) ** (number / settings.rounds))
        chosen = loop.rng.choice(len(x), samples, replace=False)
        trial = _Trial(network, judge, x[chosen], y[chosen], scales_here.value)
        _round(trial, count, settings, loop.rng)
        here.value, scales_here.value = network.mask, trial.scales
        loss = _Trial(network, judge, x, y, trial.scales).loss
        rank = (judge.error(network.outputs(x), y), loss)
        if rank < tuple(best.value):
            best.value, best_mask.value = rank, here.value
        if loss <= lowest.value:
            lowest.value, lowest_mask.value = loss, here.value
            lowest_scales.value = trial.scales
        elif loss > TOO_FAR * lowest.value:
            here.value, scales_here.value = lowest_mask.value, lowest_scales.value
        return loss

    state = [here, scales_here, lowest, lowest_mask, lowest_scales, best, best_mask]
    with threadpool_limits(1):  # arrays are small, and results must not depend on the cores
        losses = loop.run(settings.rounds, step, state)
    return best_mask.value, losses


class _Trial:
    """Makes flips, and takes them back unless the loss on the given samples falls."""

    def __init__(self, network: LiveNetwork, judge: MeanSquare | CrossEntropy, x, y, scales):
        self.network, self.judge, self.x, self.y, self.scales = network, judge, x, y, scales
        self.loss = np.inf
        self.make([])

    def make(self, flips: Sequence[np.ndarray] | np.ndarray, whatever: bool = False) -> bool:
        """Returns whether the flips stay; with ``whatever`` they do in any case."""
        self.network.flip(flips)
        outputs = self.network.outputs(self.x)
        scales = self.judge.scales(outputs, self.y, self.scales)
        loss = self.judge.loss(outputs, self.y, scales)
        if loss < self.loss or whatever:
            self.loss, self.scales = loss, scales
            return True
        self.network.flip(flips)
        return False


def _round(trial: _Trial, count: int, settings: SwapSettings, rng: np.random.Generator) -> None:
    network = trial.network
    flips, proposals = _measure(trial, settings, rng)
    kept, made, failures, fresh = network.kept, 0, 0, True
    while (made < settings.swaps and failures < settings.failures) or kept > count:
        if kept > count:
            chosen = proposals.drop()
        else:
            chosen = proposals.add(count - kept) or proposals.swap(count - kept)
        if not chosen and kept > count and not fresh:
            flips, proposals = _measure(trial, settings, rng)
            fresh = True
            continue
        if not chosen:
            break
        fresh = False
        if trial.make(flips[chosen], whatever=kept > count):
            proposals.made(chosen, network.prices(flips))
            kept, made, failures = network.kept, made + 1, 0
        else:
            proposals.exclude(chosen)
            failures += 1


def _measure(
    trial: _Trial, settings: SwapSettings, rng: np.random.Generator
) -> tuple[np.ndarray, Proposals]:
    """All single flips on a few samples, and what they promise together."""
    x, y = trial.x[: settings.screen], trial.y[: settings.screen]
    network = trial.network
    part = min(MANY / max(network.kept, 1), 1.0) * min(DEEP / network.depth, 1.0)
    most = min(max(round(settings.candidates * part), FEWEST), settings.candidates)
    flips, changes = network.effects(x, most, rng)
    expansion = trial.judge.expansion(network.outputs(x), y, trial.scales)
    slopes = changes.reshape(len(flips), -1) @ expansion.gradient.ravel().astype(np.float32)
    root = expansion.root.astype(np.float32)
    # In this order of axes the product needs no copy.
    features = np.einsum("npo,cno->npc", root, changes, optimize=True).reshape(-1, len(flips)).T
    alone = slopes + 0.5 * np.einsum("cf,cf->c", features, features)
    return flips, Proposals(alone, features, network.is_on(flips), network.prices(flips))
