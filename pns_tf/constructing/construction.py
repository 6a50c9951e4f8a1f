"""Chooses masks layer by layer, so that a host as it was drawn computes a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import InputError, integer, number
from pns_tf.constructing.copies import (
    CONSTANT,
    SOURCES,
    Copies,
    first_copies,
    own_constants,
    passed_constants,
    used_copies,
)
from pns_tf.constructing.layer import CONSTANTS, LAST_CONSTANTS, MORE_ELEMENTS, Layer
from pns_tf.constructing.sensitivity import Sensitivity, sensitivity
from pns_tf.constructing.signs import balanced
from pns_tf.constructing.stretching import stretched
from pns_tf.constructing.subsets import check_count
from pns_tf.masks import Mask
from pns_tf.seeding import generator
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import Target, check_layers

SAMPLES = 1500  # of the input box, on which errors are measured while masks are chosen
LARGE = 6  # constants of the last hidden layer are the largest there are, where others fail
SHARE = 2.0  # a parameter costs so much of what the target's own may be off by on average
# Tries for the whole ticket, each with parameters at a lower price; then others, each with other
# host neurons looked at. One such follows the first good try, and the smaller of both is taken.
TRIES, OTHERS = 4, 4
AIM = 0.85  # times the tolerance is what the next price is to lead to, and it is
LOWER = 0.1, 0.7  # times the last one at least, and at most; or, after a good try,
HIGHER = 1.0, 3.0
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Construction:
    """A strong ticket, and what each of its neurons is a copy of.

    Attributes:
        target: stretched to the host's depth, with weights of both signs alike.
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
    if any(bias.any() for bias in biases):
        deep = balanced(deep)  # which takes constants
    x = generator(seed, "construction").uniform(-1.0, 1.0, (SAMPLES, deep.shape[0]))
    known = sensitivity(deep, x, kind)
    parameters = sum(np.count_nonzero(a) for a in (*target.kernels, *target.biases))
    price = SHARE * tolerance**2 / max(parameters, 1)
    search = _Search(deep, known, kernels, biases, x, copies, largest_subset, tolerance)
    good: list[_Try] = []
    off: list[_Try] = []
    for trial in range(TRIES + OTHERS):
        others = trial >= TRIES or bool(good)
        rng = generator(seed, f"copies, try {trial}" if others else "copies")
        found = search.find(price, LARGE if trial >= TRIES else 0, rng)
        one_more = bool(good)
        (good if found.error <= tolerance else off).append(found)
        if one_more:
            break
        if good or trial < TRIES - 1:
            change = (AIM * tolerance / max(found.error, TINY)) ** 2
            price *= float(np.clip(change, *(HIGHER if good else LOWER)))
    if not good:
        nearest = min(off, key=lambda one: one.error)
        raise InputError(_too_narrow(deep, known, nearest, tolerance))
    best = min(good, key=lambda one: one.kept)
    layers = best.layers
    scales = np.ones(len(biases[-1]))
    scales[layers[-1].of] = layers[-1].scales
    return Construction(deep, layers, _mask(layers, kernels, biases), scales, best.error)


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


@dataclass(frozen=True, eq=False)
class _Try:
    """Copies of all layers, and by how much the outputs are off."""

    layers: list[Copies]
    error: float

    @property
    def kept(self) -> int:
        return int(sum(layer.prices.sum() for layer in self.layers))


@dataclass(frozen=True, eq=False)
class _Search:
    """What stays the same from try to try; the target is stretched to the host's depth."""

    target: Target
    known: Sensitivity
    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    x: np.ndarray
    copies: int
    largest: int
    tolerance: float

    def find(self, price: float, large: int, rng: np.random.Generator) -> _Try:
        """Chooses layer by layer.

        Args:
            price: of a parameter, in units of error.
            large: constants of the last hidden layer that are the largest there are.
            rng: says which host neurons are looked at.
        """
        first = first_copies(self.target.kernels[0], self.kernels[0], self.x, self.copies, rng)
        layers = [own_constants(first, self.biases[0], SOURCES, rng)]
        parameters = zip(self.kernels[1:], self.biases[1:], strict=True)
        for index, (kernel, bias) in enumerate(parameters, start=1):
            size = float(np.prod([earlier.std() for earlier in self.kernels[: index + 1]]))
            here = Layer(self.target, self.known, index, layers[-1], kernel, bias, size)
            copied = here.copies(self.copies, self.largest, price, self.tolerance, rng)
            if (layers[-1].of == CONSTANT).any():
                largest = large if index == len(self.kernels) - 2 else 0
                passed = layers[-1], kernel, here.constants, largest
                layers.append(passed_constants(copied, *passed, rng))
            else:
                layers.append(own_constants(copied, bias, here.constants, rng))
        layers = used_copies(layers)
        return _Try(layers, _error(self.known, layers[-1]))


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


def _too_narrow(deep: Target, known: Sensitivity, nearest: _Try, tolerance: float) -> str:
    """Names the target neuron whose best copy is off by most."""
    worst = (0.0, 1, 0)
    for index, layer in enumerate(nearest.layers):
        linear = index == len(nearest.layers) - 1
        z = known.sums[index] if linear else np.maximum(known.sums[index], 0.0)
        for j in range(deep.shape[index + 1]):
            worth = known.weights[index][:, j]
            mine = layer.of == j
            copies = layer.signals[:, mine] / layer.scales[mine]
            copies = np.hstack([copies, np.zeros((len(z), int(not mine.any())))])
            off = np.sqrt(np.mean(worth[:, None] * (copies - z[:, [j]]) ** 2, axis=0).min())
            worst = max(worst, (float(off), index + 1, j))
    off, place, j = worst
    weights = np.count_nonzero(deep.kernels[place - 1][:, j])
    return (
        f"the host is too narrow for tolerance={tolerance:g}: outputs are off by "
        f"{nearest.error:.3g}; candidates run out in layer {place}, where the best copy of the "
        f"target's neuron {j} ({weights} weights) is off by {off:.3g}"
    )
