"""Random networks with branches as arrays, and what they compute, without TensorFlow."""

from dataclasses import dataclass, field

import numpy as np

from pns_tf.hosts import wiring as kinds
from pns_tf.hosts.wiring import Node, Wiring
from pns_tf.planting.streams import NetworkArrays

SIDE, INPUTS, OUTPUTS = 4, 2, 3
EPSILON = 1e-3
STEPS = ["conv", "norm", "relu", "add"] * 2
STEPS += ["depthwise", "pool", "concatenate", "pad", "itself"]


@dataclass
class Drawn:
    """A network of two widths, the target's and the host's; channels are pairs of numbers."""

    kinds: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    units: list = field(default_factory=list)  # (target, host)
    sides: list = field(default_factory=list)  # of images; 0 for vectors
    extra: list = field(default_factory=list)  # kernel side, or channels of zeros in front

    def add(self, kind, inputs, units, side, extra=None) -> int:
        for values, value in zip(
            (self.kinds, self.inputs, self.units, self.sides, self.extra),
            (kind, inputs, units, side, extra),
            strict=True,
        ):
            values.append(value)
        return len(self.kinds) - 1

    def same(self, kind, node, extra=None) -> int:
        return self.add(kind, (node,), self.units[node], self.sides[node], extra)


def drawn(rng: np.random.Generator, steps: int) -> Drawn:
    """A random graph; the last node gives the outputs."""
    net = Drawn()
    net.add(kinds.INPUT, (), (INPUTS, INPUTS), SIDE)

    def width():
        few = int(rng.integers(1, 4))
        return few, few + int(rng.integers(0, 3))

    def convolution(source, units):
        return net.add(kinds.WEIGHTS, (source,), units, net.sides[source], int(rng.choice([1, 3])))

    last = convolution(0, width())
    for _ in range(steps):
        alike = [i for i in range(1, len(net.kinds)) if net.sides[i] == net.sides[last] != 0]
        other = int(rng.choice(alike))
        kind = rng.choice(STEPS)
        if kind == "conv":
            last = convolution(last, width())
        elif kind == "add":  # a residual: something is added to what was there
            last = convolution(last, net.units[other])
            last = net.same(kinds.NORM, last) if rng.random() < 0.5 else last
            last = net.add(kinds.ADD, (last, other), net.units[other], net.sides[other])
        elif kind == "itself" and net.units[other] == net.units[last]:
            last = net.add(kinds.ADD, (last, other), net.units[other], net.sides[other])
        elif kind == "concatenate" and net.units[last][1] < 9:
            units = tuple(a + b for a, b in zip(net.units[last], net.units[other], strict=True))
            last = net.add(kinds.CONCATENATE, (last, other), units, net.sides[other])
        elif kind == "pad" and net.units[last][1] < 9:
            before, after = width(), width()
            units = tuple(a + b + c for a, b, c in zip(net.units[last], before, after, strict=True))
            past = net.add(kinds.PAD, (last,), units, net.sides[last], before)
            last = (
                past
                if rng.random() < 0.3
                else net.add(kinds.ADD, (convolution(last, units), past), units, net.sides[last])
            )
        elif kind == "pool" and net.sides[last] > 1:
            last = net.add(kinds.SAME, (last,), net.units[last], net.sides[last] // 2)
        elif kind in ("norm", "relu", "depthwise"):
            last = net.same(
                {"norm": kinds.NORM, "relu": kinds.RELU}.get(kind, kinds.DEPTHWISE), last
            )
    area = net.sides[last] ** 2
    last = net.add(kinds.FLATTEN, (last,), tuple(area * n for n in net.units[last]), 0)
    net.add(kinds.WEIGHTS, (last,), (OUTPUTS, OUTPUTS), 0, 0)
    return net


def arrays(net: Drawn, which: int, rng: np.random.Generator, density: float) -> NetworkArrays:
    """The network at one of its two widths, with random parameters."""
    nodes, kernels, biases, norms = [], [], [], []

    def sparse(shape):
        return rng.standard_normal(shape) * (rng.random(shape) < density)

    for number, kind in enumerate(net.kinds):
        units, inputs, layer, before = net.units[number][which], net.inputs[number], -1, 0
        if kind in (kinds.WEIGHTS, kinds.DEPTHWISE):
            layer = len(kernels)
            side = 3 if kind == kinds.DEPTHWISE else net.extra[number]
            sources = 1 if kind == kinds.DEPTHWISE else net.units[inputs[0]][which]
            kernels.append(sparse((*((side, side) if side else ()), sources, units)))
            biases.append(sparse(units))
        elif kind == kinds.NORM:
            layer = len(norms)
            variance = rng.choice([0.0, 0.3, 2.0], units, p=[0.1, 0.45, 0.45])
            norms.append([rng.normal(size=units) for _ in range(3)] + [variance])
        elif kind == kinds.PAD:
            before = net.extra[number][which]
        nodes.append(Node(f"{kind}{number}", kind, inputs, units, layer, before=before))
    wiring = Wiring(nodes)
    return NetworkArrays(wiring, kernels, biases, norms, [EPSILON] * len(norms))


def outputs(net: Drawn, network: NetworkArrays, x: np.ndarray) -> np.ndarray:
    """What the network computes, ``(samples, outputs)``."""
    values = []
    for number, node in enumerate(network.wiring.nodes):
        given = [values[i] for i in node.inputs]
        if node.kind == kinds.INPUT:
            out = x
        elif node.kind == kinds.WEIGHTS and net.sides[number] == 0:
            out = given[0] @ network.kernels[node.layer] + network.biases[node.layer]
        elif node.kind in (kinds.WEIGHTS, kinds.DEPTHWISE):
            out = _convolved(given[0], network.kernels[node.layer], node.kind == kinds.DEPTHWISE)
            out = out + network.biases[node.layer]
        elif node.kind == kinds.NORM:
            gamma, beta, mean, variance = network.norms[node.layer]
            slope = gamma / np.sqrt(variance + network.epsilons[node.layer])
            out = slope * (given[0] - mean) + beta
        elif node.kind == kinds.ADD:
            out = sum(given)
        elif node.kind == kinds.CONCATENATE:
            out = np.concatenate(given, axis=-1)
        elif node.kind == kinds.PAD:
            out = np.zeros((*given[0].shape[:-1], node.units))
            out[..., node.before : node.before + given[0].shape[-1]] = given[0]
        elif node.kind == kinds.RELU:
            out = np.maximum(given[0], 0)
        elif node.kind == kinds.FLATTEN:
            out = given[0].reshape(len(x), -1)
        else:  # average pooling of 2 × 2
            out = sum(given[0][:, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
        values.append(out)
    return values[-1]


def _convolved(x: np.ndarray, kernel: np.ndarray, depthwise: bool) -> np.ndarray:
    side, rows, columns = kernel.shape[0], x.shape[1], x.shape[2]
    margin = side // 2
    padded = np.pad(x, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    total = 0
    for i in range(side):
        for j in range(side):
            part = padded[:, i : i + rows, j : j + columns]
            total = total + (part * kernel[i, j, 0] if depthwise else part @ kernel[i, j])
    return total
