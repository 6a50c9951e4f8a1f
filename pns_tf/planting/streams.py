"""Planting in networks with branches and batch normalisation.

Channels that are added share one place and one positive scale: they are one strand, and strands of
the same layers make up a stream, see `pns_tf.hosts.wiring`. So a stream is matched once, for all
layers that write to it together, where a chain is matched layer by layer. As the layers of one
stream read others, whose places are not known at first, all streams are matched in turn, several
times, the others staying as they are (coordinate descent, as in Ainsworth, Hayase & Srinivasa,
Git Re-Basin, ICLR 2023).

Batch normalisation and depthwise layers keep the places of their channels and give them new scales.
What batch normalisation does to a channel, γ (u − μ) / √(v + ε) + β, becomes the same of channels
that are smaller by λ before it and by λ' behind it: μ/λ, v/λ², β/λ', and γ such that all is right
in inference mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pns_tf.checks import InputError
from pns_tf.hosts.wiring import DEPTHWISE, FLATTEN, INPUT, NORM, WEIGHTS, Wiring
from pns_tf.planting.algorithm import (
    LARGEST_SCALE,
    PlantedArrays,
    distances,
    range_of_others,
)
from pns_tf.planting.scales import matched_scales
from pns_tf.seeding import generator

ROUNDS = 3  # of matching all streams: later ones change a place or two


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """A network's parameters and how its layers are joined.

    Attributes:
        wiring: of its layers.
        kernels: of each layer with masks, pruned entries zero.
        biases: the same.
        norms: γ, β, moving mean and moving variance of each layer of batch normalisation.
        epsilons: what each of them adds to the variance.
    """

    wiring: Wiring
    kernels: list[np.ndarray]
    biases: list[np.ndarray]
    norms: list[list[np.ndarray]]
    epsilons: list[float]


def plant_streams(
    target: NetworkArrays, host: NetworkArrays, *, hide_biases: bool = False, seed: int = 0
) -> PlantedArrays:
    """Plants a network into a copy of a wider one of the same layers.

    Args:
        target: the network to plant.
        host: the network to plant it into.
        hide_biases: as for `pns_tf.planting.algorithm.plant_arrays`.
        seed: decides between strands that fit equally well.

    Returns:
        The planted host, its ``norms`` among them. Its outputs divided by ``scales`` are the
        target's, in inference mode.

    Raises:
        ValueError: layers that differ, or a stream of the target that is wider than the host's.

    Example:
        >>> from pns_tf.hosts.initializers import draw_host
        >>> from pns_tf.planting.planted import network_arrays
        >>> drawn = [draw_host([2, width, 3], seed=0) for width in (4, 20)]
        >>> models = [pns_tf.host_from_arrays(*arrays) for arrays in drawn]
        >>> planted = plant_streams(*map(network_arrays, models, drawn))
        >>> [kernel.shape for kernel in planted.kernels]
        [(2, 20), (20, 3)]
    """
    _check_same(target, host)
    return _Planting(target, host, hide_biases, seed).run()


class _Planting:
    """One planting: places of the target's strands, and scales of what they carry."""

    def __init__(self, target: NetworkArrays, host: NetworkArrays, hide_biases: bool, seed: int):
        self.target, self.host, self.hide_biases = target, host, hide_biases
        self.rng = generator(seed, "planting")
        self.kernels = [np.array(kernel, np.float64) for kernel in target.kernels]
        self.offered = [np.array(kernel, np.float64) for kernel in host.kernels]
        self.streams = _paired_streams(target.wiring, host.wiring)
        # The host's strand of each of the target's; below 0 where it is not known yet.
        self.chosen = np.full(len(target.wiring.streams()), -1)
        self.sorted = [np.argsort(strands, kind="stable") for strands in host.wiring.strands]
        count = 1 + max(int(numbers.max()) for numbers in target.wiring.scale_strands)
        self.scales = np.full(count, np.nan)

    def run(self) -> PlantedArrays:
        for ours, theirs in self.streams:
            if self._is_fixed(ours):
                self.chosen[ours] = theirs
        for _ in range(ROUNDS):
            before = self.chosen.copy()
            for ours, theirs in self.streams:
                if not self._is_fixed(ours):
                    self.chosen[ours] = theirs[self._matched(ours, theirs)]
            planted = self._marked()
            self._scale(planted)
            if np.array_equal(before, self.chosen):
                break
        return self._written(planted)

    def _is_fixed(self, strands: np.ndarray) -> bool:
        """Inputs and outputs keep their places."""
        wiring = self.target.wiring
        ends = np.concatenate([wiring.strands[0], wiring.strands[-1]])
        return bool(np.isin(strands, ends).any())

    def _matched(self, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        """Places of a stream's strands at the least total distance of all layers that write to it.

        Layers whose scales are the same are compared as one, the distances of others are added.
        """
        order = self.rng.permutation(len(theirs))
        together: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
        for node in self.target.wiring.masked:
            wanted = _units(self.target.wiring, node, ours)
            there = _units(self.host.wiring, node, theirs[order])
            if not len(wanted) or not self._sources_known(node):
                continue
            for place in range(wanted.shape[1]):
                scale = self.target.wiring.scale_strands[node][wanted[0, place]]
                pair = (
                    self._theta(node, wanted[:, place]),
                    self._drawn(node, there[:, place]),
                )
                together.setdefault(scale, []).append(pair)
        if not together:
            return order[: len(ours)]
        cost = sum(
            distances(*(np.vstack(stack) for stack in zip(*pairs, strict=True)))
            for pairs in together.values()
        )
        return order[linear_sum_assignment(cost)[1]]

    def _sources_known(self, node: int) -> bool:
        wiring = self.target.wiring
        if wiring.nodes[node].kind == DEPTHWISE:
            return True
        return bool((self.chosen[wiring.strands[wiring.nodes[node].inputs[0]]] >= 0).all())

    def _theta(self, node: int, neurons: np.ndarray) -> np.ndarray:
        """Bias and weights of the target's neurons, times the scales that their sources carry."""
        return _stack(
            self.target.biases[self._layer(node)][neurons], self._weights(node)[:, :, neurons]
        )

    def _weights(self, node: int) -> np.ndarray:
        """A kernel of the target as ``(places, sources, neurons)``, times its sources' scales."""
        kernel = _rows(self.kernels[self._layer(node)])
        carried = self._carried(self.target.wiring.nodes[node].inputs[0])
        depthwise = self.target.wiring.nodes[node].kind == DEPTHWISE
        return kernel * (carried if depthwise else carried[:, None])

    def _drawn(self, node: int, neurons: np.ndarray) -> np.ndarray:
        """What these neurons of the host offer at the same places."""
        layer = self._layer(node)
        rows = _rows(self.offered[layer])[:, self._sources(node)][:, :, neurons]
        return _stack(self.host.biases[layer][neurons], rows).astype(np.float64)

    def _sources(self, node: int) -> np.ndarray:
        """The host's rows of a kernel that carry the target's."""
        source = self.target.wiring.nodes[node]
        return np.array([0]) if source.kind == DEPTHWISE else self._places(source.inputs[0])

    def _layer(self, node: int) -> int:
        return self.target.wiring.nodes[node].layer

    def _carried(self, node: int) -> np.ndarray:
        """λ of each unit: what the target has there is λ times what the host has."""
        scales = self.scales[self.target.wiring.scale_strands[node]]
        return np.where(np.isnan(scales), 1.0, scales)

    def _places(self, node: int) -> np.ndarray:
        """The host's unit of each of the target's, strand by strand in the order of units."""
        ours, theirs = self.target.wiring.strands[node], self.host.wiring.strands[node]
        sorting = self.sorted[node]
        rank = np.empty(len(ours), int)
        order = np.argsort(ours, kind="stable")
        rank[order] = np.arange(len(ours)) - np.searchsorted(ours[order], ours[order])
        return sorting[np.searchsorted(theirs[sorting], self.chosen[ours]) + rank]

    def _marked(self) -> PlantedArrays:
        """A copy of the host with the masks of the ticket."""
        planted = PlantedArrays(
            kernels=[np.array(kernel, np.float32) for kernel in self.host.kernels],
            biases=[np.array(bias, np.float32) for bias in self.host.biases],
            kernel_masks=[np.zeros(kernel.shape, bool) for kernel in self.host.kernels],
            bias_masks=[np.zeros(bias.shape, bool) for bias in self.host.biases],
            neurons=[self._places(node) for node in self.target.wiring.masked],
            scales=np.ones(self.target.wiring.nodes[-1].units),
            norms=[[np.array(a, np.float32) for a in arrays] for arrays in self.host.norms],
        )
        for node, neurons in zip(self.target.wiring.masked, planted.neurons, strict=True):
            layer = self._layer(node)
            mask = _rows(planted.kernel_masks[layer])
            mask[:, self._sources(node)[:, None], neurons] = _rows(self.kernels[layer]) != 0
            planted.bias_masks[layer][neurons] = self.target.biases[layer] != 0
        return planted

    def _scale(self, planted: PlantedArrays) -> None:
        """Chooses the scale of each strand where it is first written to; later layers follow."""
        self.scales[:] = np.nan
        wiring = self.target.wiring
        for number, node in enumerate(wiring.nodes):
            numbers = wiring.scale_strands[number]
            unknown = np.isnan(self.scales[numbers])
            if node.kind == INPUT:
                self.scales[numbers] = 1.0
            elif node.kind == NORM:
                chosen = self._normalised(number)
                self.scales[numbers[unknown]] = chosen[unknown]
            elif node.kind in (WEIGHTS, DEPTHWISE) and unknown.any():
                chosen = self._matched_scales(number, planted)
                self.scales[numbers[unknown]] = chosen[unknown]
        known = self.scales[~np.isnan(self.scales)]
        if not ((known < LARGEST_SCALE) & (known > 1 / LARGEST_SCALE)).all():
            raise InputError(
                "the ticket becomes too small for float32: plant into a host of fewer layers, or "
                "one with batch normalisation"
            )

    def _matched_scales(self, node: int, planted: PlantedArrays) -> np.ndarray:
        theta = self._theta(node, np.arange(self.target.wiring.nodes[node].units))
        drawn = self._drawn(node, self._places(node))
        return matched_scales(theta, drawn, range_of_others(planted, self._layer(node)))

    def _normalised(self, number: int) -> np.ndarray:
        """Scales with which the planted γ are as large as the host's."""
        node = self.target.wiring.nodes[number]
        effective = np.abs(self._effective_gamma(number))
        gamma = np.abs(self.host.norms[node.layer][0][self._places(number)])
        fine = (effective > 0) & (gamma > 0)
        return np.divide(effective, gamma, out=np.ones(len(gamma)), where=fine)

    def _effective_gamma(self, number: int) -> np.ndarray:
        """γ that the host needs if what it has behind batch normalisation has scale 1."""
        node = self.target.wiring.nodes[number]
        gamma, _, _, variance = self.target.norms[node.layer]
        carried = self._carried(node.inputs[0])
        slope = gamma.astype(np.float64) / np.sqrt(variance + self.target.epsilons[node.layer])
        inner = variance / carried**2 + self.host.epsilons[node.layer]
        return slope * carried * np.sqrt(inner)

    def _written(self, planted: PlantedArrays) -> PlantedArrays:
        """Writes the target's parameters, divided by their scales, over the host's."""
        wiring, written = self.target.wiring, 0
        for masked, neurons in zip(wiring.masked, planted.neurons, strict=True):
            layer, lam = self._layer(masked), self._carried(masked)
            kernel = _rows(planted.kernels[layer])
            used = _rows(self.kernels[layer]) != 0
            there = np.ix_(np.arange(len(kernel)), self._sources(masked), neurons)
            values = np.where(used, self._weights(masked) / lam, kernel[there]).astype(np.float32)
            bias, old = self.target.biases[layer], planted.biases[layer][neurons]
            zero = old if self.hide_biases else 0.0
            new = np.where(bias != 0, bias / lam, zero).astype(np.float32)
            written += int(np.count_nonzero(values != kernel[there]) + np.count_nonzero(new != old))
            kernel[there] = values
            planted.biases[layer][neurons] = new
        for number, node in enumerate(wiring.nodes):
            if node.kind == NORM:
                written += self._write_norm(planted, number)
        planted.scales[:] = 1.0 / self._carried(len(wiring.nodes) - 1)
        return PlantedArrays(**{**vars(planted), "written": written})

    def _write_norm(self, planted: PlantedArrays, number: int) -> int:
        node, places = self.target.wiring.nodes[number], self._places(number)
        before, behind = self._carried(node.inputs[0]), self._carried(number)
        _, beta, mean, variance = self.target.norms[node.layer]
        values = (
            self._effective_gamma(number) / behind,
            beta / behind,
            mean / before,
            variance / before**2,
        )
        written = 0
        for array, new in zip(planted.norms[node.layer], values, strict=True):
            written += int(np.count_nonzero(array[places] != new.astype(np.float32)))
            array[places] = new
        return written


def _rows(kernel: np.ndarray) -> np.ndarray:
    """A kernel as ``(places, sources, neurons)``: a view."""
    return kernel.reshape(-1, *kernel.shape[-2:])


def _stack(bias: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.vstack([bias, rows.reshape(-1, rows.shape[-1])])


def _units(wiring: Wiring, node: int, strands: np.ndarray) -> np.ndarray:
    """Units of a node that belong to these strands, ``(strands, how often each occurs)``."""
    found = wiring.strands[node]
    units = np.flatnonzero(np.isin(found, strands))
    if not len(units):
        return np.empty((0, 0), int)
    order = units[np.argsort(found[units], kind="stable")].reshape(len(strands), -1)
    return order[np.argsort(np.argsort(strands))]


def _patterns(wiring: Wiring) -> dict[tuple[int, ...], np.ndarray]:
    """The strands of each stream, by the nodes where they occur, each as often as that."""
    streams = wiring.streams()
    occurs = np.stack(
        [np.bincount(units, minlength=len(streams)) for units in wiring.strands], axis=1
    )
    return {
        tuple(occurs[strands[0]].tolist()): strands
        for strands in (np.flatnonzero(streams == stream) for stream in range(streams.max() + 1))
    }


def _paired_streams(target: Wiring, host: Wiring) -> list[tuple[np.ndarray, np.ndarray]]:
    """Strands of each stream of the target, and those of the host that they may be planted in."""
    ours, theirs = _patterns(target), _patterns(host)
    ends = np.concatenate([target.strands[0], target.strands[-1]])
    for pattern, strands in ours.items():
        there = theirs.get(pattern, np.array([], int))
        fixed = np.isin(strands, ends).any()
        if len(strands) > len(there) or (fixed and len(strands) != len(there)):
            names = [host.nodes[i].name for i, count in enumerate(pattern) if count]
            raise InputError(
                f"the ticket's streams do not match the host's: {len(strands)} channels of the "
                f"ticket go through {', '.join(names)}, the host has {len(there)} that do"
            )
    return [(strands, theirs[pattern]) for pattern, strands in ours.items()]


def _check_same(target: NetworkArrays, host: NetworkArrays) -> None:
    """Raises ``InputError`` unless both have the same layers, joined alike."""
    ours, theirs = target.wiring.nodes, host.wiring.nodes
    if len(ours) != len(theirs):
        raise InputError(
            f"target and host differ: the target has {len(ours) - 1} layers, the host "
            f"{len(theirs) - 1}"
        )
    for a, b in zip(ours, theirs, strict=True):
        alike = (a.kind, a.inputs, a.layer, a.relu) == (b.kind, b.inputs, b.layer, b.relu)
        if alike and a.kind in (WEIGHTS, DEPTHWISE):
            alike = _places_of(target, a.layer) == _places_of(host, b.layer)
        if alike and a.kind == FLATTEN:
            sources = [nodes[a.inputs[0]].units for nodes in (ours, theirs)]
            alike = a.units * sources[1] == b.units * sources[0]
        if not alike:
            raise InputError(
                f"target and host differ: the target's layer {a.name!r} ({a.kind}) is not like the "
                f"host's {b.name!r} ({b.kind})"
            )


def _places_of(network: NetworkArrays, layer: int) -> Sequence[int]:
    return network.kernels[layer].shape[:-2]
