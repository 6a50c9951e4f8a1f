"""Host neurons that compute what a target neuron computes, up to a known scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONSTANT = -1  # what neurons are copies of that give a constant
SOURCES = 3  # constants that those of the next layer read


@dataclass(frozen=True, eq=False)
class Copies:
    """Host neurons of one layer that compute something known.

    Attributes:
        neurons: numbers in the host, ``(copies,)``.
        of: the target neuron that each computes; `CONSTANT` for those that give a constant.
        scales: λ, ``(copies,)``.
        signals: what they compute on the samples, ``(samples, copies)``.
        masks: of the weights from the copies of the layer before, bool ``(sources, copies)``.
        bias_masks: bool ``(copies,)``.
    """

    neurons: np.ndarray
    of: np.ndarray
    scales: np.ndarray
    signals: np.ndarray
    masks: np.ndarray
    bias_masks: np.ndarray

    @property
    def prices(self) -> np.ndarray:
        """Parameters of each, ``(copies,)``."""
        return self.masks.sum(axis=0) + self.bias_masks

    def part(self, sources: np.ndarray, kept: np.ndarray) -> Copies:
        """Some of them, which read from some of the layer before; bool arrays."""
        return Copies(
            self.neurons[kept],
            self.of[kept],
            self.scales[kept],
            self.signals[:, kept],
            self.masks[np.ix_(sources, kept)],
            self.bias_masks[kept],
        )


def first_copies(
    split: np.ndarray, kernel: np.ndarray, x: np.ndarray, copies: int, rng: np.random.Generator
) -> Copies:
    """The first layer: with its bias masked, a neuron computes abs(w) φ(±x) exactly.

    Args:
        split: ±1 in each column, ``(inputs, neurons)``.
        kernel: the host's, ``(inputs, width)``.
        x: samples ``(samples, inputs)``.
        copies: of each neuron at most.
        rng: chooses among host neurons with the right sign.
    """
    sources, signs = np.argmax(split != 0, axis=0), split.sum(axis=0)
    order = rng.permutation(kernel.shape[1])
    taken = np.zeros(kernel.shape[1], bool)
    neurons, of = [], []
    for _ in range(copies):  # in turns, so that in a narrow host none is left without
        for j, (source, sign) in enumerate(zip(sources, signs, strict=True)):
            fit = order[(kernel[source, order] * sign > 0) & ~taken[order]][:1]
            taken[fit] = True
            neurons.extend(fit)
            of.extend([j] * len(fit))
    chosen, numbers = np.array(neurons, int), np.array(of, int)
    source = sources[numbers]
    weights = kernel[source, chosen].astype(float)
    masks = np.zeros((len(kernel), len(chosen)), bool)
    masks[source, np.arange(len(chosen))] = True
    signals = np.maximum(x[:, source] * weights, 0.0)
    return Copies(chosen, numbers, np.abs(weights), signals, masks, np.zeros(len(chosen), bool))


def own_constants(copied: Copies, bias: np.ndarray, most: int, rng: np.random.Generator) -> Copies:
    """Adds neurons with a positive bias, all of whose weights are masked: they give constants.

    Args:
        copied: the layer's copies.
        bias: the host's, ``(width,)``.
        most: constants at most.
        rng: chooses them.
    """
    free = np.setdiff1d(np.flatnonzero(bias > 0), copied.neurons)
    free = np.sort(rng.permutation(free)[:most])
    masks = np.zeros((len(copied.masks), len(free)), bool)
    return _with_constants(copied, free, bias[free].astype(float), masks)


def passed_constants(
    copied: Copies,
    before: Copies,
    kernel: np.ndarray,
    most: int,
    large: int,
    rng: np.random.Generator,
) -> Copies:
    """Adds neurons that read one constant of the layer before, and nothing else.

    Their own biases are masked and may have any sign, so that these do not tell who is chosen.

    Args:
        copied: the layer's copies.
        before: those of the layer before.
        kernel: the host's, ``(width before, width)``.
        most: constants at most.
        large: so many of them are the largest there are, the others random.
        rng: chooses these.
    """
    sources = np.flatnonzero(before.of == CONSTANT)[:SOURCES]
    levels = kernel[before.neurons[sources]].astype(float) * before.scales[sources, None]
    levels[:, copied.neurons] = 0.0
    place, free = np.nonzero(levels > 0)
    order = rng.permutation(len(free))
    largest = order[np.argsort(-levels[place, free][order], kind="stable")][:large]
    order = np.concatenate([largest, order])
    order = order[np.sort(np.unique(free[order], return_index=True)[1])][:most]
    order = order[np.argsort(free[order])]
    place, free = place[order], free[order]
    masks = np.zeros((len(copied.masks), len(free)), bool)
    masks[sources[place], np.arange(len(free))] = True
    return _with_constants(copied, free, levels[place, free], masks)


def _with_constants(
    copied: Copies, neurons: np.ndarray, levels: np.ndarray, masks: np.ndarray
) -> Copies:
    """Adds neurons that read what the masks say; of those that read nothing biases are kept."""
    constant = np.broadcast_to(levels, (len(copied.signals), len(neurons)))
    return Copies(
        np.append(copied.neurons, neurons),
        np.append(copied.of, np.full(len(neurons), CONSTANT)),
        np.append(copied.scales, levels),
        np.hstack([copied.signals, constant]),
        np.hstack([copied.masks, masks]),
        np.append(copied.bias_masks, ~masks.any(axis=0)),
    )


def used_copies(layers: list[Copies]) -> list[Copies]:
    """The same without those that no output makes use of."""
    kept: list[np.ndarray] = [np.ones(len(layers[-1].neurons), bool)]
    for layer in reversed(layers):
        kept.insert(0, np.asarray(layer.masks[:, kept[0]].any(axis=1)))
    kept[0] = np.ones(len(kept[0]), bool)  # the inputs
    return [
        layer.part(sources, some)
        for layer, sources, some in zip(layers, kept, kept[1:], strict=False)
    ]
