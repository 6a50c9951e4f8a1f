"""One layer of the host, in which copies of the target's neurons are looked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pns_tf.constructing.choosing import Choices, choose
from pns_tf.constructing.copies import CONSTANT, Copies
from pns_tf.constructing.descent import Wanted
from pns_tf.constructing.sensitivity import Sensitivity
from pns_tf.tasks.task import Target

CONSTANTS = 8  # neurons of a layer that give constants
LAST_CONSTANTS = 12  # of the last hidden layer: outputs cannot choose their place
OFFERED = 200  # host neurons that are looked at for a target neuron
STARTS = 8  # scales that are tried for each
LAST_STARTS = 100  # for an output
MORE_ELEMENTS = 2  # that it may take: its scale can be larger then, and its errors smaller
LOOSE = 8.0  # times that where few parameters are read: who reads the copy sets it right
FEW = 3
RETRIES = 4  # for a single neuron, each with parameters at a lower price
CHEAPER = 2.0  # by so much


class Layer:
    """Copies of one layer of neurons, chosen one target neuron after the other.

    Args:
        deep: the target, stretched to the host's depth.
        known: what its neurons compute and are worth.
        layer: number of the layer of weights, from 0.
        before: the copies that can be read.
        kernel: the host's, ``(width before, width)``.
        bias: the host's, ``(width,)``.
        size: scale that copies are to have which only pass a neuron on.

    Attributes:
        constants: neurons of this layer that are to give constants.
    """

    def __init__(
        self,
        deep: Target,
        known: Sensitivity,
        layer: int,
        before: Copies,
        kernel: np.ndarray,
        bias: np.ndarray,
        size: float,
    ):
        self.weights, self.offsets = deep.kernels[layer], deep.biases[layer]
        self.features, self.worth = known.activations[layer], known.weights[layer]
        after = len(deep.kernels) - 1 - layer
        self.last = after == 0
        self.constants = 0 if self.last else LAST_CONSTANTS if after == 1 else CONSTANTS
        self.before, self.kernel, self.bias = before, kernel, bias
        # Any weight passes a neuron on; but after many layers scales have to fit constants.
        passed = np.array_equal(np.abs(self.weights), np.eye(len(self.weights)))
        self.size = size if passed and not self.last else 0.0
        self.used = np.zeros(len(before.neurons), bool)
        self.free = np.ones(len(bias), bool)

    def copies(
        self, most: int, largest: int, price: float, tolerance: float, rng: np.random.Generator
    ) -> Copies:
        """Chooses them, the neurons that read most first.

        Args:
            most: copies of each target neuron, at most.
            largest: parameters that represent one of the target, at most.
            price: of a parameter, in units of error.
            tolerance: error that the outputs may have.
            rng: says which host neurons are looked at.
        """
        fan_in = np.count_nonzero(self.weights, axis=0) + (self.offsets != 0)
        room = max((len(self.bias) - self.constants) // len(self.offsets), 1)
        keep, starts = (1, LAST_STARTS) if self.last else (min(most, room), STARTS)
        found = []
        # What a neuron leaves of the error allowed to its layer is for those after it.
        left, waiting = (0.9 if self.last else 0.5) * tolerance**2, len(self.offsets)
        for j in np.argsort(-fan_in, kind="stable"):
            paid = price * (LOOSE if fan_in[j] <= FEW and not self.last else 1.0)
            candidates = np.array([j]) if self.last else _some(np.flatnonzero(self.free), rng)
            wanted, offered, place = self._wanted(j, candidates, paid, largest)
            if not wanted.pools or not np.any(wanted.worth * wanted.z**2):
                waiting -= 1
                continue
            choices = choose(wanted, offered, keep, starts, rng)
            for _ in range(RETRIES if fan_in[j] > FEW or self.last else 0):
                if len(choices.errors) and choices.errors[0] <= left / waiting:
                    break
                wanted = replace(wanted, price=wanted.price / CHEAPER)
                choices = choose(wanted, offered, keep, starts, rng)
            left, waiting = left - choices.errors[:1].sum(), waiting - 1
            found.append(self._note(j, choices, candidates[choices.neurons], place))
        return self._joined(found)

    def _wanted(self, j: int, candidates: np.ndarray, price: float, largest: int):
        places, ideal = [], []
        for feature in np.flatnonzero(self.weights[:, j]):
            mine = np.flatnonzero(self.before.of == feature)
            if len(mine):
                places.append(mine)
                ideal.append(self.features[:, feature] * self.weights[feature, j])
        if self.offsets[j]:
            places.append(np.flatnonzero(self.before.of == CONSTANT))
            ideal.append(np.full(len(self.features), self.offsets[j]))
        place = np.concatenate([*places, np.empty(0, int)]).astype(int)
        signals, prices = self.before.signals[:, place], self.before.prices[place]
        offered = self.kernel[np.ix_(self.before.neurons[place], candidates)].astype(float)
        prices = 1.0 + np.where(self.used[place], 0.0, prices)
        ends = np.cumsum([0, *map(len, places)])
        pools = [np.arange(*pair) for pair in pairwise(ends)]
        if self.offsets[j]:  # the neuron's own bias, too, which is one more place
            pools[-1] = np.append(pools[-1], len(place))
            signals = np.hstack([signals, np.ones((len(signals), 1))])
            prices, offered = np.append(prices, 1.0), np.vstack([offered, self.bias[candidates]])
        sums = np.stack(ideal, axis=1) if ideal else np.zeros((len(signals), 0))
        worth = self.worth[:, j]
        largest += MORE_ELEMENTS * self.last
        size = 0.0 if self.offsets[j] else self.size
        wanted = Wanted(signals, pools, sums, worth, prices, price, largest, self.last, size)
        return wanted, offered, place

    def _note(self, j: int, choices: Choices, neurons: np.ndarray, place: np.ndarray) -> Copies:
        masks = np.zeros((len(self.used), len(neurons)), bool)
        masks[place] = choices.masks[:, : len(place)].T
        own = np.asarray(choices.masks[:, len(place) :].any(axis=1))
        self.used |= masks[:, :1].any(axis=1)
        self.free[neurons] = False
        values = self.kernel[np.ix_(self.before.neurons, neurons)] * masks
        signals = self.before.signals @ values.astype(float) + self.bias[neurons] * own
        signals = signals if self.last else np.maximum(signals, 0.0)
        return Copies(neurons, np.full(len(neurons), j), choices.scales, signals, masks, own)

    def _joined(self, found: list[Copies]) -> Copies:
        samples, sources = len(self.features), len(self.used)
        none = np.empty(0)
        return Copies(
            np.concatenate([none.astype(int), *(copies.neurons for copies in found)]),
            np.concatenate([none.astype(int), *(copies.of for copies in found)]),
            np.concatenate([none, *(copies.scales for copies in found)]),
            np.hstack([np.empty((samples, 0)), *(copies.signals for copies in found)]),
            np.hstack([np.empty((sources, 0), bool), *(copies.masks for copies in found)]),
            np.concatenate([none.astype(bool), *(copies.bias_masks for copies in found)]),
        )


def _some(free: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return free if len(free) <= OFFERED else np.sort(rng.choice(free, OFFERED, replace=False))
