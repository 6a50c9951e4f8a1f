"""An instance: a host in which a ticket is planted, its training data, and nothing of the answer.

Arrays only, so that any framework can prune it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pns_tf.checks import InputError, json_object
from pns_tf.judging.arrays import digest, read_arrays

FORMAT = 1
ABOUT, HOST, DATA, JUDGE = "instance.json", "host.npz", "data.npz", "judge.json"
VERDICT = "verdict.json"
KEYS = ("format", "task", "layers", "densities", "training", "shapes", "digests")


@dataclass(frozen=True, eq=False)
class Instance:
    """What a pruner of any framework is given.

    Attributes:
        host: parameters by name, ``kernel0, bias0, kernel1, …``, float32; kernels are
            ``(fan_in, fan_out)``, those of convolutions ``(rows, columns, channels, filters)``.
        x_train: samples, float32 ``(n, …)``.
        y_train: int32 classes ``(n,)``, or float32 values ``(n, outputs)``.
        about: what ``instance.json`` says: task, layers, loss, metric, densities, training.

    Example:
        >>> instance = Instance({"kernel0": np.ones((2, 3)), "bias0": np.zeros(3)}, x, y)
        >>> instance.size, instance.shapes["kernel0"]
        (9, (2, 3))
    """

    host: Mapping[str, np.ndarray]
    x_train: np.ndarray
    y_train: np.ndarray
    about: Mapping[str, object] = field(default_factory=dict)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of each parameter array, in the order kernel, bias of each layer."""
        return {name: array.shape for name, array in self.host.items()}

    @property
    def size(self) -> int:
        """How many parameters the host has, biases counted."""
        return sum(array.size for array in self.host.values())

    @property
    def layers(self) -> Sequence[Mapping[str, object]]:
        """Each layer's type and what it needs, input side first."""
        return self.about["layers"]  # type: ignore[return-value]

    @property
    def densities(self) -> list[float]:
        """Those that a pruner is asked for."""
        return list(self.about["densities"])  # type: ignore[call-overload]

    @property
    def task(self) -> str:
        """What the host is to learn; empty where a pruner is asked that need not know."""
        return str(self.about["task"])

    @property
    def id(self) -> str:
        """Tells this host with these data from all others; empty if it was not written down."""
        return str(self.about.get("id", ""))


def read_instance(folder: Path) -> Instance:
    """Reads an instance and checks that it is as it was written.

    Raises:
        ValueError: the folder holds none, or an array is not the one that ``instance.json`` says.
    """
    about = json_object(folder / ABOUT, "instance", KEYS)
    if about["format"] != FORMAT:
        raise InputError(
            f"{folder} has format {about['format']!r}: this version reads format {FORMAT}"
        )
    shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
    data = {name: shape for name, shape in shapes.items() if name in ("x_train", "y_train")}
    host = {name: shape for name, shape in shapes.items() if name not in data}
    arrays = read_arrays(folder / HOST, host) | read_arrays(folder / DATA, data)
    for name, array in arrays.items():
        if digest(array) != about["digests"].get(name):
            raise InputError(f"{folder}: {name} is not the array of {ABOUT}: its digest differs")
    return Instance(
        {name: arrays[name] for name in host}, arrays["x_train"], arrays["y_train"], about
    )
