"""From a task to a planted host: the models, the masks and what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.hosts import host_arrays, host_from_arrays, planted_layers
from pns_tf.initializers import draw_host, host_sizes
from pns_tf.masks import Mask
from pns_tf.planting import PlantedArrays, check_fit, plant_arrays
from tasks import Data, InputError, Target, Task
from tasks import get as get_task
from tasks.checks import integer


@dataclass(frozen=True, eq=False)
class Planted:
    """A host with a ticket planted into it.

    Attributes:
        host: the host model, ``(batch, inputs)`` to ``(batch, outputs)``.
        ticket: the same model with everything outside the ticket masked out.
        target: the network that was planted.
        scales: float64 ``(outputs,)``: ``ticket(x) / scales`` equals ``target(x)``.
        planted_masks: where the ticket lies, in the order kernel, bias of each layer.
        neurons: for each layer of weights, the host neuron that carries each target neuron.
        seed: everything random was drawn from it.
        init: how the host was drawn; "given" for a host of the user's own.
        hide_biases: whether planted neurons keep the host's bias where the target's is zero.
        task: what the ticket solves; ``None`` for a target of the user's own.
    """

    host: keras.Model
    ticket: keras.Model
    target: Target
    scales: np.ndarray
    planted_masks: Mask
    neurons: list[np.ndarray]
    seed: int
    init: str
    hide_biases: bool
    task: Task | None

    @property
    def density(self) -> float:
        """Baseline density: planted weights / host weights, biases not counted."""
        return self.planted_masks.weight_density

    @property
    def sizes(self) -> list[int]:
        """Neurons in each layer of the host, input first."""
        layers = planted_layers(self.host)
        return [layers[0].kernel.shape[0], *(layer.units for layer in layers)]

    @property
    def depth(self) -> int:
        """Number of neuron layers, input and output counted."""
        return len(self.sizes)

    @property
    def width(self) -> int:
        """Neurons in the widest hidden layer."""
        return max(self.sizes[1:-1], default=0)

    @property
    def kind(self) -> str | None:
        """Kind of the task, "classification" or "regression"; ``None`` if there is no task."""
        return self.task.kind if self.task else None

    def data(self, samples: int = 10_000, noise: float | None = None) -> Data:
        """The task's data, drawn from this ticket's seed.

        Raises:
            ValueError: the target is the user's own, so that its data are not known here.
        """
        if self.task is None:
            raise InputError("a target of your own has no task to draw data from")
        return self.task.data(samples, noise, self.seed)


def plant(
    task: str | Task | Target,
    depth: int = 5,
    width: int = 100,
    seed: int = 0,
    *,
    init: str = "normal",
    hide_biases: bool = False,
    host: keras.Model | tuple[Sequence[np.ndarray], Sequence[np.ndarray]] | None = None,
) -> Planted:
    """Draws a host and plants the task's target into it (Plant 'n' Seek, Algorithm 1).

    Args:
        task: a task or its name; or a `tasks.Target` of your own, whose depth then counts.
        depth: number of neuron layers, input and output counted; at least 3.
        width: neurons in each hidden layer.
        seed: non-negative integer.
        init: how the host is drawn: "normal", "zero_biases" or "uniform".
        hide_biases: leave the host's bias where the target's is zero (masked out of the ticket).
        host: plant into a copy of this host instead of drawing one: a model of
            `host_from_arrays`, or its (kernels, biases). Then ``depth`` and ``width`` do not count
            for a `tasks.Target`; a task's target has the host's depth.

    Raises:
        ValueError: unknown task, values out of range, or a target that does not fit the host.

    Example:
        >>> planted = plant("helix", depth=5, width=100, seed=1)
        >>> x = np.linspace(-1, 1, 5, dtype=np.float32)[:, None]
        >>> np.allclose(planted.ticket(x) / planted.scales, planted.target(x), atol=1e-4)
        True
    """
    arrays = None
    if host is not None:
        arrays = host_arrays(host) if isinstance(host, keras.Model) else host
        depth = len(arrays[0]) + 1
    if isinstance(task, Target):
        task, target = None, task
    else:
        task = task if isinstance(task, Task) else get_task(task)
        target = task.target(depth)
    seed = integer("seed", seed, minimum=0)
    if arrays is None:
        width = integer("width", width, minimum=1)
        sizes = host_sizes(target.shape[0], target.shape[-1], target.depth, width)
        check_fit(target.shape, sizes)
        arrays = draw_host(sizes, seed, init)
    else:
        init = "given"
    return planted_from_arrays(
        plant_arrays(target, *arrays, hide_biases=hide_biases, seed=seed),
        target=target,
        seed=seed,
        init=init,
        hide_biases=bool(hide_biases),
        task=task,
    )


def planted_from_arrays(
    arrays: PlantedArrays,
    *,
    target: Target,
    seed: int,
    init: str,
    hide_biases: bool,
    task: Task | None,
) -> Planted:
    """Makes the models of a planted host; the arguments are the attributes of `Planted`."""
    return Planted(
        host=_model(arrays),
        ticket=_model(arrays, masked=True),
        target=target,
        scales=arrays.scales,
        planted_masks=Mask.from_layers(arrays.kernel_masks, arrays.bias_masks),
        neurons=arrays.neurons,
        seed=seed,
        init=init,
        hide_biases=hide_biases,
        task=task,
    )


def _model(arrays: PlantedArrays, masked: bool = False) -> keras.Model:
    masks = (arrays.kernel_masks, arrays.bias_masks)
    name, pruning_masks = ("ticket", masks) if masked else ("host", (None, None))
    model = host_from_arrays(arrays.kernels, arrays.biases, *pruning_masks, name=name)
    for layer, kernel_mask, bias_mask in zip(planted_layers(model), *masks, strict=True):
        layer.planted_kernel_mask.assign(kernel_mask)
        layer.planted_bias_mask.assign(bias_mask)
    return model
