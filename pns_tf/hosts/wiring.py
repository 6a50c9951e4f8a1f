"""How the layers of a network are joined, seen from its channels. Needs no TensorFlow.

A *unit* is a place on the last axis of what flows between layers: a neuron, a channel, or after
flattening one of a pixel. Units that are added are one and the same *strand*, whatever lies between
that keeps channels apart: ReLU, pooling, batch normalisation, depthwise kernels. Strands that occur
in the same layers make up a *stream*: their order is one permutation, wherever they occur. A chain
of layers is the special case in which every layer has a stream of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

WEIGHTS, DEPTHWISE, NORM = "weights", "depthwise", "norm"
INPUT, ADD, CONCATENATE, PAD = "input", "add", "concatenate", "pad"
FLATTEN, RELU, SAME = "flatten", "relu", "same"
NEW = (INPUT, WEIGHTS, PAD)  # kinds of nodes whose outputs have units of their own
RESCALING = (NORM, DEPTHWISE)  # keep channels apart, but not their scales


@dataclass(frozen=True)
class Node:
    """A layer, as far as its units go.

    Attributes:
        name: of the layer.
        kind: "input"; "weights", a dense or convolutional layer; "depthwise"; "norm", batch
            normalisation; "add"; "concatenate"; "pad", with channels of zeros; "flatten"; "relu";
            or "same", pooling and whatever else does nothing to units.
        inputs: numbers of the nodes whose outputs it takes.
        units: of its output.
        layer: for "weights" and "depthwise", the number of the layer among those with masks; for
            "norm" among those of batch normalisation.
        relu: whether it ends in a ReLU.
        before: for "pad", channels of zeros in front of its input's.
    """

    name: str
    kind: str
    inputs: tuple[int, ...] = ()
    units: int = 1
    layer: int = -1
    relu: bool = False
    before: int = 0


class Wiring:
    """A network without its parameters: nodes in an order in which each comes after its inputs.

    Args:
        nodes: the first one is the input, the last one the output.

    Attributes:
        nodes: as given.
        masked: the nodes with masks, in the order of their layers.

    Example:
        >>> wiring = Wiring.chain([(2, 5), (5, 3)])
        >>> [node.units for node in wiring.nodes], wiring.is_chain
        ([2, 5, 3], True)
    """

    def __init__(self, nodes: Sequence[Node]):
        self.nodes = list(nodes)
        with_masks = [i for i, node in enumerate(nodes) if node.kind in (WEIGHTS, DEPTHWISE)]
        self.masked = sorted(with_masks, key=lambda i: nodes[i].layer)

    @classmethod
    def chain(cls, shapes: Sequence[Sequence[int]]) -> Wiring:
        """Of layers one after the other with kernels of these shapes, images flattened in between.

        Example:
            >>> [node.kind for node in Wiring.chain([(3, 3, 1, 8), (32, 10)]).nodes]
            ['input', 'weights', 'flatten', 'weights']
        """
        nodes = [Node("x", INPUT, units=shapes[0][-2])]
        for layer, shape in enumerate(shapes):
            if shape[-2] != nodes[-1].units:
                nodes.append(Node(f"flatten{layer}", FLATTEN, (len(nodes) - 1,), shape[-2]))
            nodes.append(Node(f"layer{layer}", WEIGHTS, (len(nodes) - 1,), shape[-1], layer))
        return cls(nodes)

    @property
    def is_chain(self) -> bool:
        """Whether it is a chain of dense and convolutional layers, nothing else with weights."""
        kinds = {node.kind for node in self.nodes} & {ADD, CONCATENATE, PAD, *RESCALING}
        return not kinds

    @property
    def followed_by_norm(self) -> list[bool]:
        """Of each layer with masks, whether batch normalisation takes its outputs, and only that.

        What it adds to its outputs is then taken out again.
        """
        readers: dict[int, list[str]] = {}
        for node in self.nodes:
            for source in node.inputs:
                readers.setdefault(source, []).append(node.kind)
        return [not self.nodes[i].relu and set(readers.get(i, [])) == {NORM} for i in self.masked]

    @cached_property
    def strands(self) -> list[np.ndarray]:
        """For each node the strand of each of its units, numbered from 0."""
        return self._joined(())

    @cached_property
    def scale_strands(self) -> list[np.ndarray]:
        """The same for units that have one scale: batch normalisation begins new ones."""
        return self._joined(RESCALING)

    def streams(self) -> np.ndarray:
        """For each strand the number of its stream.

        Example:
            >>> Wiring.chain([(1, 2), (2, 1)]).streams()
            array([0, 1, 1, 2])
        """
        strands = self.strands
        count = 1 + max(int(units.max()) for units in strands)
        occurs = np.stack([np.bincount(units, minlength=count) for units in strands], axis=1)
        _, first, number = np.unique(occurs, axis=0, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[number.ravel()]  # in the order of first strands

    def units_of(self, kept: np.ndarray) -> list[np.ndarray]:
        """For each node the numbers of those units whose strand is kept."""
        return [np.flatnonzero(kept[strands]) for strands in self.strands]

    def strands_of(self, neurons: Sequence[np.ndarray]) -> np.ndarray:
        """Which strands these units belong to: those of the input and of each layer with masks."""
        kept = np.zeros(1 + max(int(units.max()) for units in self.strands), bool)
        for node, some in zip((0, *self.masked), neurons, strict=True):
            kept[self.strands[node][some]] = True
        return kept

    def fed(
        self, links: Sequence[np.ndarray], biases: Sequence[np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """Which units of each node are reached from the input, or from a bias.

        Args:
            links: bool ``(units, neurons)`` for each layer with masks; ``(1, channels)`` where it
                is depthwise.
            biases: bool ``(neurons,)``; where they are given, what batch normalisation adds
                counts as well.
        """

        def layer(node: Node, source: np.ndarray) -> np.ndarray:
            if node.kind == RELU:
                return source
            if node.kind == NORM:
                return source | (biases is not None)
            link = links[node.layer]
            reached = link[0] & source if node.kind == DEPTHWISE else link[source].any(axis=0)
            return reached if biases is None else reached | biases[node.layer]

        return self.forward(np.ones(self.nodes[0].units, bool), layer)

    def forward(
        self, start: np.ndarray, layer: Callable[[Node, np.ndarray], np.ndarray]
    ) -> list[np.ndarray]:
        """Carries flags of units from the input to the output; a sum has its largest summand's.

        Args:
            start: of the input's units.
            layer: flags of the outputs of a node with weights, batch normalisation or ReLU, from
                those of its input.
        """
        flags: list[np.ndarray] = []
        for node in self.nodes:
            inputs = [flags[i] for i in node.inputs]
            if node.kind == INPUT:
                out = start
            elif node.kind in (WEIGHTS, *RESCALING, RELU):
                out = layer(node, inputs[0])
            elif node.kind == ADD:
                out = np.maximum.reduce(inputs)
            elif node.kind == CONCATENATE:
                out = np.concatenate(inputs)
            elif node.kind == PAD:
                out = np.zeros(node.units, start.dtype)
                out[node.before : node.before + len(inputs[0])] = inputs[0]
            else:
                out = np.tile(inputs[0], node.units // len(inputs[0]))
            flags.append(out)
        return flags

    def used(self, links: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Which units of each node have a way to the output; arguments as for `fed`."""
        used = [np.zeros(node.units, bool) for node in self.nodes]
        used[-1][:] = True
        for number in reversed(range(1, len(self.nodes))):
            node, out = self.nodes[number], used[number]
            start = 0
            for source in node.inputs:
                units = self.nodes[source].units
                if node.kind == WEIGHTS:
                    part = links[node.layer][:, out].any(axis=1)
                elif node.kind == DEPTHWISE:
                    part = links[node.layer][0] & out
                elif node.kind == CONCATENATE:
                    part = out[start : start + units]
                    start += units
                elif node.kind == PAD:
                    part = out[node.before : node.before + units]
                else:
                    part = out.reshape(-1, units).any(axis=0)
                used[source] |= part
        return used

    def _joined(self, apart: Sequence[str]) -> list[np.ndarray]:
        """Numbers of joined units; nodes of the kinds ``apart`` begin new ones."""
        numbers: list[np.ndarray] = []
        first, second = [], []  # of units that are one
        count = 0
        for node in self.nodes:
            inputs = [numbers[i] for i in node.inputs]
            if node.kind in NEW or node.kind in apart:
                own = np.arange(count, count + node.units)
                count += node.units
                if node.kind == PAD:
                    own[node.before : node.before + len(inputs[0])] = inputs[0]
            elif node.kind == CONCATENATE:
                own = np.concatenate(inputs)
            else:
                own = np.tile(inputs[0], node.units // len(inputs[0]))
                for other in inputs[1:]:
                    first.append(own)
                    second.append(other)
            numbers.append(own)
        pairs = [np.concatenate([np.array([], int), *some]) for some in (first, second)]
        joined = coo_array((np.ones(len(pairs[0]), bool), tuple(pairs)), shape=(count, count))
        label = connected_components(joined, directed=False)[1]
        # A number that a pad has left out is no strand: strands are numbered as they occur.
        occurring, start = np.unique(label[np.concatenate(numbers)], return_index=True)
        order = np.empty(count, int)
        order[occurring[np.argsort(start)]] = np.arange(len(occurring))
        return [order[label[own]] for own in numbers]


def link(kernel: np.ndarray) -> np.ndarray:
    """Which units lead to which neurons: ``(units, neurons)`` of a kernel's mask of any rank."""
    return np.asarray(kernel.reshape(-1, *kernel.shape[-2:]).any(axis=0))
