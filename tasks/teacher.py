"""teacher: what a random sparse ReLU network computes, whose sizes and seed are settings."""

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import integer
from pns_tf.memory import check_memory
from pns_tf.tasks import InputError, Task

SAMPLES = 4096  # on which neurons get their thresholds and sizes
ACTIVE = (0.3, 0.7)  # share of the inputs for which a hidden neuron is active
SIZE = 0.5  # standard deviation of each output


@dataclass(frozen=True)
class Teacher:
    """The settings of a random network.

    Attributes:
        inputs: dimensions of the samples.
        outputs: of the network.
        neurons: in each hidden layer.
        hidden: hidden layers.
        weights: of each neuron; more where all neurons before would not be used otherwise.
        seed: of the network, apart from that of host and data.
    """

    inputs: int = 4
    outputs: int = 2
    neurons: int = 6
    hidden: int = 1
    weights: int = 3
    seed: int = 0

    def __post_init__(self):
        for name, value in vars(self).items():
            integer(f"{name} of a teacher", value, minimum=0 if name == "seed" else 1)
        widest = max(self.inputs, self.neurons, self.outputs)
        check_memory(f"a teacher {widest} wide", 8 * (SAMPLES * widest + self.hidden * widest**2))

    @functools.cached_property
    def network(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Kernel and bias of each layer.

        Weights have sizes from 0.5 to 1.5 and random signs. A hidden neuron is active for 30 to
        70 % of the inputs; it and the outputs are scaled to one size, and outputs have mean zero.
        """
        rng = np.random.default_rng(self.seed)
        h = rng.uniform(-1.0, 1.0, (SAMPLES, self.inputs))
        sizes = [self.inputs, *[self.neurons] * self.hidden, self.outputs]
        layers = []
        for layer, neurons in enumerate(sizes[1:]):
            kernel = _sparse(rng, h.shape[1], neurons, self.weights)
            z = h @ kernel
            if layer < self.hidden:
                shares = rng.uniform(*ACTIVE, neurons)
                bias = -np.array([np.quantile(z[:, j], 1 - s) for j, s in enumerate(shares)])
                size = np.sqrt(np.mean(np.maximum(z + bias, 0.0) ** 2, axis=0))
            else:
                bias = -z.mean(axis=0)
                size = z.std(axis=0) / SIZE
            size = np.where(size > 0, size, 1.0)
            layers.append((kernel / size, bias / size))
            h = np.maximum(z + bias, 0.0) / size
        return layers

    def label(self, x: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
        """The network's outputs plus N(0, noise²) in each."""
        h = x
        for kernel, bias in self.network[:-1]:
            h = np.maximum(h @ kernel + bias, 0.0)
        kernel, bias = self.network[-1]
        y = h @ kernel + bias
        return y + noise * rng.standard_normal(y.shape)

    def layers(self, depth: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """The network itself; identity layers before the last one where it is to be deeper."""
        least = self.hidden + 2
        if depth < least:
            raise InputError(
                f"a teacher of {self.hidden} hidden layers needs depth {least}, got {depth}"
            )
        same = (np.eye(self.neurons), np.zeros(self.neurons))
        return [*self.network[:-1], *[same] * (depth - least), self.network[-1]]


def _sparse(rng: np.random.Generator, fan_in: int, fan_out: int, weights: int) -> np.ndarray:
    """A random kernel in which each neuron has few weights, and everything before is used."""
    weights = min(max(weights, -(-fan_in // fan_out)), fan_in)
    kernel, uses = np.zeros((fan_in, fan_out)), np.zeros(fan_in, int)
    for neuron in range(fan_out):
        chosen = np.lexsort((rng.random(fan_in), uses))[:weights]  # the least used, ties at random
        signs = rng.choice([-1.0, 1.0], weights)
        kernel[chosen, neuron] = signs * rng.uniform(0.5, 1.5, weights)
        uses[chosen] += 1
    return kernel


def task(**settings) -> Task:
    """The task of these settings, see `Teacher`."""
    teacher = Teacher(**settings)
    return Task(
        name="teacher",
        summary="outputs of a random sparse ReLU network",
        inputs=teacher.inputs,
        outputs=teacher.outputs,
        kind="regression",
        label=teacher.label,
        layers=teacher.layers,
        remade=task,
        settings=dataclasses.asdict(teacher),
    )


TASK = task()
