"""Chooses masks layer by layer, so that a host as it was drawn computes a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pns_tf.checks import InputError, integer, number
from pns_tf.constructing.choosing import Choices, choose
from pns_tf.constructing.copies import CONSTANT, Copies, first_copies, used_copies, with_constants
from pns_tf.constructing.descent import Wanted
from pns_tf.constructing.sensitivity import Sensitivity, sensitivity
from pns_tf.constructing.stretching import stretched
from pns_tf.constructing.subsets import check_count
from pns_tf.masks import Mask
from pns_tf.seeding import generator
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import Target, check_layers

SAMPLES = 1500  # of the input box, on which errors are measured while masks are chosen
CONSTANTS = 8  # neurons of a layer that give constants
LAST_CONSTANTS = 12  # of the last hidden layer: outputs cannot choose their place
LARGE = 6  # of these are the largest biases, where outputs turn out to need large constants
OFFERED = 200  # host neurons that are looked at for a target neuron
STARTS = 8  # scales that are tried for each
LAST_STARTS = 100  # for an output
MORE_ELEMENTS = 2  # that it may take: its scale can be larger then, and its errors smaller
SHARE = 2.0  # a parameter costs so much of what the target's own may be off by on average
LOOSE = 8.0  # times that where few parameters are read: who reads the copy sets it right
FEW = 3
TRIES = 4  # for the whole ticket, each with parameters at a lower price, and
OTHERS = 4  # after them, each with other host neurons looked at, and
AIM = 0.85  # times the tolerance is what the next price is to lead to, and it is
LOWER = 0.1, 0.7  # times the last one at least, and at most
RETRIES = 2  # for a single neuron, each with parameters at a lower price
CHEAPER = 4.0  # by so much


@dataclass(frozen=True, eq=False)
class Construction:
    """A strong ticket, and what each of its neurons is a copy of.

    Attributes:
        target: stretched to the host's depth.
        layers: the copies of each layer of neurons after the inputs; the outputs last.
        mask: where the ticket lies.
        scales: of the outputs, ``(outputs,)``: ticket outputs divided by these are the target's.
        error: root mean square error of the outputs, as `Sensitivity` counts errors.
    """

    target: Target
    layers: list[Copies]
    mask: Mask
    scales: np.ndarray
    error: float


def build(
    target: Target,
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    *,
    kind: Kind | None = None,
    copies: int = 10,
    largest_subset: int = 3,
    tolerance: float = 0.03,
    seed: int = 0,
) -> Construction:
    """Chooses a mask with which a host computes a target; the host is not changed.

    The construction is that of Burkholz (ICLR 2022), depth L + 1, with subset sums as in Pensia et
    al. (NeurIPS 2020). The first layer gives φ(±x); each target neuron then gets copies, whose
    parameters are each the sum of few of the host's. Unlike there, sums need not hit single
    parameters: the subsets of a neuron together are to miss its function as little as possible.

    Args:
        target: the network to construct, fully connected.
        kernels: the host's, ``(fan_in, fan_out)`` each, at least one more than the target's.
        biases: the host's, ``(fan_out,)`` each.
        kind: of the task, which says how errors of outputs count; ``None`` for mean squares.
        copies: of each target neuron at most; those that nothing uses are dropped.
        largest_subset: parameters that represent one of the target at most; two more for outputs,
            which cannot choose their neuron.
        tolerance: root mean square error that outputs may have, relative to that of the outputs
            themselves; for classes the root of the Kullback-Leibler divergence, to second order.
        seed: of the samples on which errors are measured, and of choices among equals.

    Raises:
        ValueError: a host too shallow or too narrow (the message names the neuron at which it
            fails), without biases where constants are needed, or so many copies that their subsets
            do not fit.

    Example:
        >>> import tasks
        >>> from pns_tf.hosts.initializers import draw_host
        >>> made = build(tasks.get("relu").target(3), *draw_host([1, 30, 30, 1]))
        >>> made.mask.kept, made.error < 1e-6
        (3, True)
    """
    kernels, biases = check_layers("host", kernels, biases, np.float32)
    check_sizes(copies, largest_subset, tolerance)
    _check_arrays(target, kernels, biases)
    deep = stretched(target, len(kernels))
    x = generator(seed, "construction").uniform(-1.0, 1.0, (SAMPLES, deep.shape[0]))
    known = sensitivity(deep, x, kind)
    parameters = sum(np.count_nonzero(a) for a in (*target.kernels, *target.biases))
    price = SHARE * tolerance**2 / max(parameters, 1)
    tries = []
    for trial in range(TRIES + OTHERS):
        rng = generator(seed, "copies" if trial < TRIES else f"copies, try {trial}")
        layers = [first_copies(deep.kernels[0], kernels[0], x, copies, rng)]
        layers[0] = with_constants(layers[0], biases[0], CONSTANTS, 0, rng)
        for layer in range(1, len(kernels)):
            size = float(np.prod([kernel.std() for kernel in kernels[: layer + 1]]))
            builder = _Layer(deep, known, layer, layers[-1], kernels[layer], biases[layer], size)
            copied = builder.copies(copies, largest_subset, price, tolerance, rng)
            large = LARGE if trial >= TRIES and layer == len(kernels) - 2 else 0
            layers.append(with_constants(copied, biases[layer], builder.constants, large, rng))
        layers = used_copies(layers)
        tries.append((_error(known, layers[-1]), layers))
        if tries[-1][0] <= tolerance:
            break
        if trial < TRIES - 1:
            price *= float(np.clip((AIM * tolerance / tries[-1][0]) ** 2, *LOWER))
    error, layers = min(tries, key=lambda one: one[0])
    if not error <= tolerance:
        raise InputError(_too_narrow(deep, known, layers, error, tolerance))
    scales = np.ones(len(biases[-1]))
    scales[layers[-1].of] = layers[-1].scales
    return Construction(deep, layers, _mask(layers, kernels, biases), scales, error)


def check_sizes(copies: int, largest_subset: int, tolerance: float) -> None:
    """Raises ``InputError`` unless these can work."""
    integer("copies", copies, minimum=1)
    integer("largest_subset", largest_subset, minimum=1)
    number("tolerance", tolerance, low=0.0, low_excluded=True)
    check_count(copies, largest_subset + MORE_ELEMENTS, f"copies={copies}")
    check_count(LAST_CONSTANTS + 1, largest_subset, "the pool of constants")


def check_host(target: Target, widths: Sequence[int], biased: bool) -> None:
    """Raises ``InputError`` for a host that is known to be no good before it is drawn.

    Args:
        target: the network to construct.
        widths: neurons in each hidden layer of the host.
        biased: whether any of its biases are other than zero.

    Example:
        >>> import tasks
        >>> check_host(tasks.get("circle").target(5), [28, 40], biased=True)  # wide enough
    """
    if any(bias.any() for bias in target.biases) and not biased:
        raise InputError(
            "the host's biases are all zero, as with init=zero_biases: they give no constants, "
            "which the target's biases are made of; draw it with init=normal or init=uniform"
        )
    needed = max(kernel.shape[1] for kernel in target.kernels)
    narrowest = min(widths, default=0)
    if narrowest < needed + CONSTANTS:
        raise InputError(
            f"width {narrowest} is too small: the target has up to {needed} neurons in a layer, "
            f"and {CONSTANTS} give constants, so at least width {needed + CONSTANTS} is needed"
        )


def _check_arrays(target: Target, kernels: list[np.ndarray], biases: list[np.ndarray]) -> None:
    ends = (len(kernels[0]), len(biases[-1]))
    if ends != (target.shape[0], target.shape[-1]):
        raise InputError(
            f"the target has {target.shape[0]} inputs and {target.shape[-1]} outputs, the host "
            f"{ends[0]} and {ends[1]}"
        )
    check_host(target, [len(bias) for bias in biases[:-1]], any(bias.any() for bias in biases))


class _Layer:
    """One layer of the host, in which copies of the target's neurons are looked for."""

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
        passed = np.array_equal(self.weights, np.eye(len(self.weights))) and not self.offsets.any()
        self.size = size if passed and not self.last else 0.0
        self.used = np.zeros(len(before.neurons), bool)
        self.free = np.ones(len(bias), bool)

    def copies(
        self, most: int, largest: int, price: float, tolerance: float, rng: np.random.Generator
    ) -> Copies:
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
        wanted = Wanted(signals, pools, sums, worth, prices, price, largest, self.last, self.size)
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


def _error(known: Sensitivity, outputs: Copies) -> float:
    computed = np.zeros_like(known.sums[-1])
    computed[:, outputs.of] = outputs.signals / outputs.scales
    off = (computed - known.sums[-1]) ** 2
    return float(np.sqrt(np.sum(np.mean(off * known.weights[-1], axis=0))))


def _mask(layers: list[Copies], kernels: list[np.ndarray], biases: list[np.ndarray]) -> Mask:
    kernel_masks = [np.zeros(kernel.shape, bool) for kernel in kernels]
    bias_masks = [np.zeros(bias.shape, bool) for bias in biases]
    sources = np.arange(len(kernels[0]))
    for layer, kernel, bias in zip(layers, kernel_masks, bias_masks, strict=True):
        kernel[np.ix_(sources, layer.neurons)] = layer.masks
        bias[layer.neurons] = layer.bias_masks
        sources = layer.neurons
    return Mask.from_layers(kernel_masks, bias_masks)


def _too_narrow(
    deep: Target, known: Sensitivity, layers: list[Copies], error: float, tolerance: float
) -> str:
    """Names the target neuron whose best copy is off by most."""
    worst = (0.0, 1, 0)
    for index, layer in enumerate(layers):
        linear = index == len(layers) - 1
        z = known.sums[index] if linear else np.maximum(known.sums[index], 0.0)
        for j in range(deep.shape[index + 1]):
            worth = known.weights[index][:, j]
            mine = layer.of == j
            copies = layer.signals[:, mine] / layer.scales[mine]
            copies = np.hstack([copies, np.zeros((len(z), int(not mine.any())))])
            off = np.sqrt(np.mean(worth[:, None] * (copies - z[:, [j]]) ** 2, axis=0).min())
            worst = max(worst, (float(off), index + 1, j))
    off, place, j = worst
    return (
        f"the host is too narrow for tolerance={tolerance:g}: outputs are off by {error:.3g}; "
        f"candidates run out in layer {place}, where the best copy of the target's neuron {j} "
        f"({np.count_nonzero(deep.kernels[place - 1][:, j])} weights) is off by {off:.3g}"
    )
