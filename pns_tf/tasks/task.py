"""What a task is: its data, and a hand-made sparse network that solves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pns_tf.checks import InputError, choice, integer, number
from pns_tf.memory import check_memory
from pns_tf.own_modules import told
from pns_tf.seeding import generator
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION, Kind, kind_named

TEST_FRACTION = 0.1
LAYER = 1000  # bytes of a target's layer at least: small arrays, each some hundred
ROUNDING_NOISE = 1e-12  # target entries below this are zero: they are left over from cancellation


@dataclass(frozen=True, eq=False)
class Data:
    """Samples of a task, split into 90 % for training and 10 % for testing.

    Attributes:
        x_train: float32 ``(n_train, inputs)``.
        y_train: float32 ``(n_train, outputs)``, or int32 ``(n_train,)`` for classification.
        x_test: float32 ``(n_test, inputs)``.
        y_test: like ``y_train``.
        x_validation, y_validation: further samples, by which one ticket is chosen among many, so
            that the test set only says how good it is; ``None`` if there are none.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    x_validation: np.ndarray | None = None
    y_validation: np.ndarray | None = None


def kind_of(data: Data) -> Kind:
    """The kind of task that data belong to: integer labels are classes."""
    return CLASSIFICATION if np.issubdtype(data.y_train.dtype, np.integer) else REGRESSION


def check_finite(data: Data) -> None:
    """Raises ``InputError`` if data hold NaN or infinity, naming the first such row."""
    for name, array in vars(data).items():
        if not isinstance(array, np.ndarray):  # such as names of classes
            continue
        bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
        if bad.any():
            raise InputError(f"{name} holds NaN or infinity in row {int(np.argmax(bad))}")


def check_labels(what: str, y: np.ndarray, kind: Kind, samples: int, outputs: int) -> None:
    """Raises ``InputError`` unless ``y`` are labels of so many samples for so many outputs."""
    numbers, wrong = y.dtype.kind in "biuf", y[:0]
    if kind.discrete:
        expected = f"class numbers from 0 to {outputs - 1}, shape ({samples},)"
        fits = numbers and y.shape == (samples,)
        wrong = y[(y % 1 != 0) | (y < 0) | (y >= outputs)] if fits else wrong
    else:
        expected = f"numbers of shape ({samples}, {outputs})"
        fits = numbers and y.shape == (samples, outputs)
    if not fits or len(wrong):
        got = f"{wrong[0]:g} among them" if fits else f"{y.dtype} of shape {y.shape}"
        raise InputError(f"{what} must be {expected}, got {got}")


def check_data(data: Data, input_shape: Sequence[int | None], outputs: int) -> None:
    """Raises ``InputError`` unless data are finite and fit a network.

    Args:
        data: of either kind.
        input_shape: of one sample, ``None`` where any size will do.
        outputs: of the network.
    """
    check_finite(data)
    shape = tuple(input_shape)
    for part in ("train", "test", "validation"):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        if x is None or y is None:
            continue
        known = len(x.shape) == 1 + len(shape)
        if not known or any(
            n not in (None, size) for n, size in zip(shape, x.shape[1:], strict=True)
        ):
            raise InputError(
                f"x_{part} must hold samples of shape {shape}, got shape {tuple(x.shape[1:])}"
            )
        check_labels(f"y_{part}", np.asarray(y), kind_of(data), len(x), outputs)


class Target:
    """A sparse ReLU network with a linear last layer, in float64.

    Args:
        kernels: one ``(fan_in, fan_out)`` array for each layer of weights.
        biases: one ``(fan_out,)`` array for each layer of weights.

    Calling it computes the raw outputs: ``(samples, inputs)`` to ``(samples, outputs)``.
    Entries below 1e-12 become zero: rounding noise never counts as a weight.

    Raises:
        ValueError: shapes that do not chain, or entries that are not finite.

    Example:
        >>> import tasks
        >>> target = tasks.get("helix").target(depth=5)
        >>> target.shape, target(np.zeros((1, 1))).shape
        ((1, 1, 30, 3, 3), (1, 3))
    """

    def __init__(self, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]):
        self.kernels, self.biases = check_layers("target", kernels, biases, np.float64)
        for array in (*self.kernels, *self.biases):
            array[np.abs(array) < ROUNDING_NOISE] = 0.0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        h = np.asarray(x, dtype=np.float64)
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            h = np.maximum(h @ kernel + bias, 0.0)
        return h @ self.kernels[-1] + self.biases[-1]

    @property
    def depth(self) -> int:
        """Number of neuron layers, input and output counted."""
        return len(self.kernels) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Neurons in each layer, input first."""
        return (self.kernels[0].shape[0], *(kernel.shape[1] for kernel in self.kernels))

    @property
    def nonzero_weights(self) -> int:
        """Number of non-zero kernel entries (biases not counted)."""
        return sum(int(np.count_nonzero(kernel)) for kernel in self.kernels)

    @property
    def nonzero_biases(self) -> int:
        """Number of non-zero biases."""
        return sum(int(np.count_nonzero(bias)) for bias in self.biases)


def check_layers(
    what: str, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], dtype: type
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Returns copies as ``dtype``, or raises ``InputError`` if the layers are no network."""
    if len(kernels) == 0 or len(kernels) != len(biases):
        raise InputError(
            f"{what} needs as many biases as kernels and at least one, "
            f"got {len(kernels)} kernels and {len(biases)} biases"
        )
    kernels = [np.array(kernel, dtype=dtype) for kernel in kernels]
    biases = [np.array(bias, dtype=dtype) for bias in biases]
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        if kernel.ndim != 2 or bias.shape != kernel.shape[1:]:
            raise InputError(
                f"{what} layer {layer} needs a kernel (fan_in, fan_out) and a bias (fan_out,), "
                f"got shapes {kernel.shape} and {bias.shape}"
            )
        if layer and kernel.shape[0] != kernels[layer - 1].shape[1]:
            raise InputError(
                f"{what} layer {layer} takes {kernel.shape[0]} inputs, but layer {layer - 1} "
                f"has {kernels[layer - 1].shape[1]} neurons"
            )
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise InputError(
                f"{what} layer {layer} holds values that are not finite (NaN or infinity)"
            )
    return kernels, biases


@dataclass(frozen=True)
class Task:
    """A learning problem whose sparse solution is known.

    Attributes:
        name: what the user types.
        summary: the function to be learned, in one line.
        inputs: input dimensions; samples are uniform on [-1, 1] in each.
        outputs: network outputs (number of classes for classification).
        kind: "regression" (MSE) or "classification" (cross entropy from logits, accuracy), or one
            of the two `Kind`; the attribute is a `Kind`.
        label: ``label(x, noise, rng)`` gives the noisy outputs of ``x``, float64 ``(n, inputs)``.
        layers: ``layers(depth)`` gives the target's ``depth - 1`` pairs (kernel, bias).
        noise: default noise level.
        settings: numbers that decide what is learned, and their values, if there are any; a task
            with others is named by them, as "teacher+inputs=8+seed=1", see `Task.named`.
        remade: ``remade(**settings)`` gives the task with other settings.
    """

    name: str
    summary: str
    inputs: int
    outputs: int
    kind: Any  # a Kind; its name is turned into it
    label: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    layers: Callable[[int], Sequence[tuple[np.ndarray, np.ndarray]]]
    noise: float = 0.01
    settings: Mapping[str, float] = field(default_factory=dict, compare=False)
    remade: Callable[..., Task] | None = None

    def __post_init__(self):
        object.__setattr__(self, "kind", kind_named(self.kind))
        name = str(self.name)
        if not name.strip() or not name.isprintable() or {*name} & {*"/\\,"}:
            raise InputError(f"a task's name must be words in one line, got {self.name!r}")

    def named(self, name: str) -> Task:
        """The task with the settings that a name says: those that are not this task's own.

        Args:
            name: this task's name, then "+setting=number" for each of them, in their order, so
                that equal tasks have equal names.

        Raises:
            ValueError: an unknown setting, a value that cannot work, or another name than that.

        Example:
            >>> import tasks
            >>> tasks.get("teacher").named("teacher+inputs=8").inputs
            8
        """
        if not self.settings or self.remade is None:
            raise InputError(f"task {self.name!r} has no settings, got {name!r}")
        said = {}
        for word in name.split("+")[1:]:
            setting, _, value = word.partition("=")
            choice(f"setting of task {self.name!r}", setting, self.settings)
            try:
                said[setting] = int(value)
            except ValueError:
                raise InputError(
                    f"{setting} of task {self.name!r} must be an integer, got {value!r}"
                ) from None
        made = self.remade(**{**self.settings, **said})
        differing = [
            key for key in self.settings if said.get(key, self.settings[key]) != self.settings[key]
        ]
        proper = "+".join([self.name, *(f"{key}={said[key]}" for key in differing)])
        if proper != name:
            raise InputError(f"task {name!r} is called {proper!r}: settings that differ, in order")
        return replace(made, name=name)

    @property
    def metric(self) -> str:
        """Name of the figure a ticket is judged by."""
        return self.kind.metric

    def data(self, samples: int = 10_000, noise: float | None = None, seed: int = 0) -> Data:
        """Draws samples; the same seed gives the same samples on every machine.

        Args:
            samples: total number, at least 10; the last 10 % become the test set. As many as these
                are drawn besides for validation.
            noise: label noise, see the task; ``None`` takes the task's default.
            seed: non-negative integer.

        Raises:
            ValueError: a value out of range.

        Example:
            >>> import tasks
            >>> data = tasks.get("circle").data(samples=1000, seed=1)
            >>> data.x_train.shape, data.y_test.shape
            ((900, 2), (100,))
        """
        samples = integer("samples", samples, minimum=10)
        noise = number("noise", self.noise if noise is None else noise, low=0.0)
        # Samples and labels as they are drawn, and as they are kept.
        check_memory(f"samples={samples}", 12 * samples * (self.inputs + self.outputs))
        rng = np.random.default_rng(integer("seed", seed, minimum=0))
        x, y = self._drawn(samples, noise, rng)
        test = round(TEST_FRACTION * samples)
        train = samples - test
        # Not taken from the training part, so that what is trained on stays what it was.
        validation = self._drawn(test, noise, generator(seed, "validation"))
        # Copies, as a part that is a view holds the other one, too.
        x_train, y_train, x_test, y_test = (
            part.copy() for part in (x[:train], y[:train], x[train:], y[train:])
        )
        return Data(x_train, y_train, x_test, y_test, *validation)

    def _drawn(
        self, samples: int, noise: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        x = rng.uniform(-1.0, 1.0, (samples, self.inputs))
        with told("task", self.name):
            y = np.asarray(self.label(x, noise, rng))
        check_labels(f"labels of task {self.name!r}", y, self.kind, samples, self.outputs)
        return x.astype(np.float32), y.astype(self.kind.label_type)

    def target(self, depth: int) -> Target:
        """Builds the hand-made network with ``depth`` neuron layers (input and output counted).

        Raises:
            ValueError: ``depth`` is not an integer of at least 3, or `layers` makes no network with
                the task's inputs and outputs of it.

        Example:
            >>> import tasks
            >>> tasks.get("circle").target(5).shape
            (2, 4, 2, 20, 4)
        """
        depth = integer("depth", depth, minimum=3)
        check_memory(f"a target of depth {depth}", LAYER * depth)
        with told("task", self.name):
            layers = list(self.layers(depth))
        if not layers or not all(isinstance(p, tuple | list) and len(p) == 2 for p in layers):
            raise InputError(f"layers of task {self.name!r} must be pairs of a kernel and a bias")
        target = Target(*zip(*layers, strict=True))
        found, wanted = target.shape, (self.inputs, self.outputs, depth)
        if (found[0], found[-1], target.depth) != wanted:
            raise InputError(
                f"layers of task {self.name!r} must be {depth - 1}, from {self.inputs} inputs to "
                f"{self.outputs} outputs, got neurons {found}"
            )
        return target
