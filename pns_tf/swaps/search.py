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
IDLE = 10  # rounds that one counts for in which nothing was gained
WORTH = 1.2  # the same: above it, a mask is not judged, as it will hardly be the best


@dataclass(frozen=True)
class SwapSettings:
    """How swaps are looked for.

    Attributes:
        rounds: in each, single flips are measured anew. One in which no swap lowers the loss counts
            for `IDLE`, and one of a mask of more than `MANY` parameters for more, in proportion;
            when all have been counted the search is over, and what is left of them does nothing.
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
    it. The result is the mask that, after some round of the second half, was best by what strong
    tickets are judged by: for classes the accuracy, which the cross entropy follows only roughly.
    As the scales that are best for it take long to find, only those masks are judged that are the
    best so far with the scales of the least cross entropy.

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
    progress, last, roughest = Note(0.0), Note(np.inf), Note(np.inf)

    def step(number: int) -> float:
        if progress.value >= settings.rounds:
            return float(last.value)
        network = LiveNetwork(kernels, biases, here.value, loop.rng, settings.wake)
        screen = min(settings.screen, len(x))
        crowd = max(network.kept / MANY, 1.0)
        done = min((progress.value + crowd) / settings.rounds, 1.0)
        samples = round(screen * (len(x) / screen) ** done)
        chosen = loop.rng.choice(len(x), samples, replace=False)
        trial = _Trial(network, judge, x[chosen], y[chosen], scales_here.value)
        made = _round(trial, count, settings, loop.rng)
        progress.value = progress.value + crowd * (1 if made else IDLE)
        here.value, scales_here.value = network.mask, trial.scales
        outputs = network.outputs(x)
        _, loss = judge.fit(outputs, y, trial.scales)
        late = 1 < settings.rounds <= 2 * progress.value
        if late and loss < WORTH * lowest.value:
            rough = judge.rough_error(outputs, y, trial.scales)
            if rough <= roughest.value:
                roughest.value = rough
                rank = (judge.error(outputs, y), loss)
                if rank < tuple(best.value):
                    best.value, best_mask.value = rank, here.value
        if loss <= lowest.value:
            lowest.value, lowest_mask.value = loss, here.value
            lowest_scales.value = trial.scales
        elif loss > TOO_FAR * lowest.value:
            here.value, scales_here.value = lowest_mask.value, lowest_scales.value
        last.value = loss
        return loss

    state = [here, scales_here, lowest, lowest_mask, lowest_scales, best, best_mask]
    state += [progress, last, roughest]
    with threadpool_limits(1):  # arrays are small, and results must not depend on the cores
        losses = loop.run(settings.rounds, step, state)
    if not np.isfinite(best.value[0]):  # no round was judged, as where there is but one
        return lowest_mask.value, losses
    outputs = LiveNetwork(kernels, biases, lowest_mask.value, loop.rng, wake=False).outputs(x)
    rank = (judge.error(outputs, y), lowest.value)
    return (lowest_mask if rank < tuple(best.value) else best_mask).value, losses


class _Trial:
    """Makes flips, and takes them back unless the loss on the given samples falls."""

    def __init__(self, network: LiveNetwork, judge: MeanSquare | CrossEntropy, x, y, scales):
        self.network, self.judge, self.x, self.y = network, judge, x, y
        self.scales, self.loss = self._fit(scales)

    def make(self, flips: np.ndarray) -> bool:
        """Returns whether the flips stay."""
        self.network.flip(flips)
        scales, loss = self._fit(self.scales)
        if loss < self.loss:
            self.scales, self.loss = scales, loss
            return True
        self.network.flip(flips)
        return False

    def refresh(self) -> None:
        """Takes the network as it has become without this trial."""
        self.scales, self.loss = self._fit(self.scales)

    def _fit(self, near: np.ndarray | None) -> tuple[np.ndarray, float]:
        return self.judge.fit(self.network.outputs(self.x), self.y, near)


def _round(trial: _Trial, count: int, settings: SwapSettings, rng: np.random.Generator) -> int:
    """Returns how many removals and swaps were made."""
    network = trial.network
    flips, proposals = _measure(trial, settings, rng)
    made = 0
    if network.kept > count:
        while network.kept > count:
            chosen = proposals.drop()
            if not chosen:
                flips, proposals = _measure(trial, settings, rng)
                chosen = proposals.drop()
            network.flip(flips[chosen])
            proposals.made(chosen, network.prices(flips))
            made += 1
        trial.refresh()
    failures = 0
    while made < settings.swaps and failures < settings.failures:
        room = count - network.kept
        chosen = proposals.add(room) or proposals.swap(room)
        if not chosen:
            break
        if trial.make(flips[chosen]):
            proposals.made(chosen, network.prices(flips))
            made, failures = made + 1, 0
        else:
            proposals.exclude(chosen)
            failures += 1
    return made


def _measure(
    trial: _Trial, settings: SwapSettings, rng: np.random.Generator
) -> tuple[np.ndarray, Proposals]:
    """All single flips on a few samples, and what they promise together."""
    x, y = trial.x[: settings.screen], trial.y[: settings.screen]
    network = trial.network
    part = min(MANY / max(network.kept, 1), 1.0) * min(DEEP / network.depth, 1.0)
    most = min(max(round(settings.candidates * part), FEWEST), settings.candidates)
    flips = network.candidates(most, rng)
    expansion = trial.judge.expansion(network.outputs(x), y, trial.scales)
    root = expansion.root.astype(np.float32)

    def features(few: np.ndarray) -> np.ndarray:
        changes = network.effects(flips[few], x)
        return np.einsum("nko,fon->fkn", root, changes, optimize=True).reshape(len(few), -1)

    alone = network.promises(flips, x, expansion)
    return flips, Proposals(alone, features, network.is_on(flips), network.prices(flips))
