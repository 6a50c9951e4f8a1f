"""How far a constructed ticket is from its target: what is proven, and what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pns_tf.constructing.construction import Construction
from pns_tf.constructing.copies import CONSTANT
from pns_tf.hosts.paths import live_neurons
from pns_tf.masks import Mask
from pns_tf.seeding import generator
from pns_tf.tasks.task import Target
from pns_tf.theory.activations import activation_bounds
from pns_tf.theory.difference import largest_difference

SAMPLES = 100_000  # on which errors are measured


@dataclass(frozen=True)
class Certificate:
    """What is known of a ticket's outputs on the box [−1, 1]^d, divided by their scales.

    Attributes:
        proven: no output differs from the target's by more, by affine bounds on cells of the box.
        measured: the largest difference on 100,000 random points.
        mean_square: of the differences there, the largest of all outputs.
        largest_output: of the target there, in absolute value.
    """

    proven: float
    measured: float
    mean_square: float
    largest_output: float


@dataclass(frozen=True, eq=False)
class Representation:
    """How well the sums of subsets represent a target's parameters, before shrinking.

    Attributes:
        layers: number of the host's layer of weights, from 0, of each represented parameter.
        sources: the target's neuron that its weight comes from; `CONSTANT` for a bias.
        neurons: the target's neuron that it leads to.
        elements: host parameters in the subset.
        wanted: the parameter.
        errors: of the sum, divided by its scale, from it.
        bound: of the outputs, from these errors by error propagation.
    """

    layers: np.ndarray
    sources: np.ndarray
    neurons: np.ndarray
    elements: np.ndarray
    wanted: np.ndarray
    errors: np.ndarray
    bound: float


def certify(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    mask: Mask,
    scales: np.ndarray,
    target: Target,
    seed: int = 0,
) -> Certificate:
    """Bounds and measures how far a ticket of any origin is from a target.

    Args:
        kernels: the host's, ``(fan_in, fan_out)`` each.
        biases: the host's, ``(fan_out,)`` each.
        mask: the ticket's.
        scales: ``(outputs,)``, by which its outputs are divided.
        target: fully connected.
        seed: of the points on which errors are measured.

    Example:
        >>> target = Target([np.eye(1), np.eye(1)], [np.zeros(1)] * 2)
        >>> everything = Mask.ones_like([np.eye(1), np.zeros(1)] * 2)
        >>> certify(target.kernels, target.biases, everything, np.ones(1), target).measured
        0.0
    """
    ticket = live_network(kernels, biases, mask, scales)
    x = generator(seed, "certificate").uniform(-1.0, 1.0, (SAMPLES, target.shape[0]))
    wanted = target(x)
    off = Target(*ticket)(x) - wanted
    return Certificate(
        proven=float(largest_difference(ticket, (target.kernels, target.biases)).max()),
        measured=float(np.abs(off).max()),
        mean_square=float(np.mean(off**2, axis=0).max()),
        largest_output=float(np.abs(wanted).max()),
    )


def live_network(
    kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], mask: Mask, scales: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The part of a ticket that computes something, float64, outputs divided by their scales."""
    alive = live_neurons(mask)
    alive[0] = np.arange(len(kernels[0]))
    found_kernels, found_biases = [], []
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        place = np.ix_(alive[layer], alive[layer + 1])
        found_kernels.append(kernel[place].astype(float) * mask.kernels[layer][place])
        neurons = alive[layer + 1]
        found_biases.append(bias[neurons].astype(float) * mask.biases[layer][neurons])
    found_kernels[-1] /= scales
    found_biases[-1] /= scales
    return found_kernels, found_biases


def represented(
    made: Construction, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> Representation:
    """Compares the sums of a construction's subsets with the target's parameters.

    With the errors of all parameters the bound follows as in `pns_tf.theory.errors.output_error`:
    an error e of a parameter adds e × the largest value of what it is multiplied by, and the next
    layers pass on what has been added by the absolute sizes of their own.
    """
    bounds = activation_bounds(made.target)
    rows: list[tuple[np.ndarray, ...]] = []
    sources = np.arange(len(kernels[0]))
    of, scales = sources, np.ones(len(sources))
    moved = np.zeros((len(bounds[0]), len(sources)))  # ‖of each cell and source‖
    for number, layer in enumerate(made.layers):
        values = kernels[number][np.ix_(sources, layer.neurons)].astype(float) * layer.masks
        values *= scales[:, None] / layer.scales
        own = biases[number][layer.neurons].astype(float) * layer.bias_masks / layer.scales
        weights, offsets = made.target.kernels[number], made.target.biases[number]
        member = of[:, None] == np.arange(len(weights))
        sums, elements = member.T @ values, member.T @ layer.masks.astype(int)
        # What gives constants is exact, and stands for itself.
        copies = np.flatnonzero(layer.of != CONSTANT)
        j = layer.of[copies]
        off = sums[:, copies] - weights[:, j]
        constant = own[copies] + values[of == CONSTANT][:, copies].sum(axis=0)
        few = layer.bias_masks[copies] + layer.masks[of == CONSTANT][:, copies].sum(axis=0)
        off_bias = constant - offsets[j]
        here = np.zeros((len(moved), len(layer.neurons)))
        here[:, copies] = moved @ np.abs(values[:, copies])
        here[:, copies] += bounds[number] @ np.abs(off) + np.abs(off_bias)
        f, n = np.nonzero(weights[:, j])
        rows.append(
            (np.full(len(f), number), f, j[n], elements[f, copies[n]], weights[f, j[n]], off[f, n])
        )
        b = np.flatnonzero(offsets[j])
        none = np.full(len(b), CONSTANT)
        rows.append((np.full(len(b), number), none, j[b], few[b], offsets[j[b]], off_bias[b]))
        sources, of, scales, moved = layer.neurons, layer.of, layer.scales, here
    layers, features, neurons, elements, wanted, errors = map(
        np.concatenate, zip(*rows, strict=True)
    )
    bound = float(moved.max())
    return Representation(layers, features, neurons, elements, wanted, errors, bound)
