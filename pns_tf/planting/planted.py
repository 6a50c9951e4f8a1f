"""From a task to a planted host: the models, the masks and what is known about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError, choice, integer
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.initializers import Arrays, draw_host, host_sizes
from pns_tf.hosts.kernels import neuron_counts
from pns_tf.hosts.models import (
    build_host,
    host_arrays,
    masked_arrays,
    masked_layers,
    norm_arrays,
    norm_layers,
    same_architecture,
    set_masks,
    set_norms,
    set_parameters,
)
from pns_tf.hosts.seekable import seekable_host
from pns_tf.masks import Mask
from pns_tf.notebook import as_html, as_line, rounded
from pns_tf.planting.algorithm import PlantedArrays, check_fit, plant_arrays
from pns_tf.planting.hiding import HIDINGS
from pns_tf.planting.streams import NetworkArrays, plant_streams
from pns_tf.planting.target_model import ModelTarget
from pns_tf.seeding import generator
from pns_tf.tasks import Data, Target, Task
from pns_tf.tasks import get as get_task
from pns_tf.tasks.kinds import Kind

SAMPLES = 32  # on which a ticket is compared with its target
ROUNDING = 1e-2  # of the largest output; float32 through ten layers loses some 1e-5


@dataclass(frozen=True, eq=False, repr=False)
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
        hide: how the ticket was hidden, see `pns_tf.planting.algorithm.plant_arrays`.
        epsilon: by how much ``ticket(x) / scales`` may differ from ``target(x)``, if it was planted
            approximately.
        written: how many of the host's parameters were changed; ``None`` if that is not known.
        samples, noise: of the task's `data`; ``None`` for the task's own noise level.
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
    hide: str = "default"
    epsilon: float | None = None
    written: int | None = None
    samples: int = 10_000
    noise: float | None = None

    def __repr__(self) -> str:
        return as_line(type(self).__name__, self._facts)

    def _repr_html_(self) -> str:
        return as_html(type(self).__name__, self._facts)

    @property
    def _facts(self) -> dict[str, object]:
        return {
            "task": self.task.name if self.task else None,
            "sizes": self.sizes,
            "seed": self.seed,
            "init": self.init,
            "hide": self.hide,
            "planted": self.planted_masks.kept,
            "density": rounded(self.density),
        }

    @property
    def density(self) -> float:
        """Baseline density: planted weights / host weights, biases not counted."""
        return self.planted_masks.weight_density

    @property
    def sizes(self) -> list[int]:
        """Neurons or channels in each layer of the host, input first."""
        return list(neuron_counts([layer.kernel for layer in masked_layers(self.host)]))

    @property
    def depth(self) -> int:
        """Number of neuron layers, input and output counted."""
        return len(self.sizes)

    @property
    def width(self) -> int:
        """Neurons in the widest hidden layer."""
        return max(self.sizes[1:-1], default=0)

    @property
    def kind(self) -> Kind | None:
        """Kind of the task; ``None`` if there is no task."""
        return self.task.kind if self.task else None

    def data(self, samples: int | None = None, noise: float | None = None) -> Data:
        """The task's data, drawn from this ticket's seed.

        Args:
            samples, noise: as for `pns_tf.tasks.Task.data`; ``None`` for the ticket's own.

        Raises:
            ValueError: the target is the user's own, so that its data are not known here.
        """
        if self.task is None:
            raise InputError("a target of your own has no task to draw data from")
        samples = self.samples if samples is None else samples
        return self.task.data(samples, self.noise if noise is None else noise, self.seed)


def plant(
    task: str | Task | Target | keras.Model,
    depth: int = 5,
    width: int = 100,
    seed: int = 0,
    *,
    init: str = "normal",
    hide: str = "default",
    hide_biases: bool = False,
    epsilon: float | None = None,
    host: keras.Model | tuple[Sequence[np.ndarray], Sequence[np.ndarray]] | None = None,
) -> Planted:
    """Draws a host and plants the task's target into it (Plant 'n' Seek, Algorithm 1).

    Args:
        task: a task or its name; or a `tasks.Target` of your own, whose depth then counts; or a
            trained and pruned Keras model, see `pns_tf.planting.target_model.ModelTarget`, for a
            ``host`` of the same layers.
        depth: number of neuron layers, input and output counted; at least 3.
        width: neurons in each hidden layer.
        seed: non-negative integer.
        init: how the host is drawn: "normal", "zero_biases" or "uniform".
        hide: "default"; "published", as in the published code; or "strong", which chooses scales so
            that planted values look drawn, and leaves biases as with ``hide_biases``.
        hide_biases: leave the host's bias where the target's is zero (masked out of the ticket).
        epsilon: plant approximately: what a host has already within the errors of Lemma 1 stays,
            and ``ticket(x) / scales`` may differ from ``target(x)`` by this for inputs in [−1, 1].
        host: plant into a copy of this host instead of drawing one: a model of
            `host_from_arrays`, or its (kernels, biases), or any model that
            `pns_tf.host_from_model` takes; one with branches or batch normalisation only for a
            model as target, see `pns_tf.planting.streams`. Then ``depth`` and ``width`` do not
            count for a target of your own; a task's target has the host's depth.

    Raises:
        ValueError: unknown task, values out of range, or a target that does not fit the host.

    Example:
        >>> planted = plant("helix", depth=5, width=100, seed=1)
        >>> x = np.linspace(-1, 1, 5, dtype=np.float32)[:, None]
        >>> np.allclose(planted.ticket(x) / planted.scales, planted.target(x), atol=1e-4)
        True
    """
    arrays = template = network = None
    if host is not None:
        template = seekable_host(host) if isinstance(host, keras.Model) else None
        arrays = host if template is None else host_arrays(template)
        network = None if template is None else network_arrays(template, host_arrays(template))
        depth = len(arrays[0]) + 1
    if isinstance(task, keras.Model):
        if template is None:
            raise InputError("a target that is a model needs a host that is a model")
        task = ModelTarget(task)
    if isinstance(task, Target):
        known, target = None, task
    else:
        known = task if isinstance(task, Task) else get_task(task)
        target = known.target(depth)
    seed = integer("seed", seed, minimum=0)
    if arrays is None:
        width = integer("width", width, minimum=1)
        sizes = host_sizes(target.shape[0], target.shape[-1], target.depth, width)
        check_fit(target.shape, sizes)
        arrays = draw_host(sizes, seed, init)
    else:
        init = "given"
    if network is None or network.wiring.is_chain:
        arrays_planted = plant_arrays(
            target, *arrays, hide=hide, hide_biases=hide_biases, epsilon=epsilon, seed=seed
        )
    else:
        busy = _busy_part(target, hide, epsilon)
        wanted = network_arrays(busy, masked_arrays(busy))
        arrays_planted = plant_streams(wanted, network, hide_biases=hide_biases, seed=seed)
    planted = planted_from_arrays(
        arrays_planted,
        target=target,
        seed=seed,
        init=init,
        hide_biases=bool(hide_biases) or hide == "strong",
        task=known,
        template=template,
        hide=hide,
        epsilon=epsilon,
    )
    check_ticket(planted)
    return planted


def network_arrays(model: keras.Model, arrays: Arrays) -> NetworkArrays:
    """A host's parameters, given its kernels and biases, and how its layers are joined."""
    epsilons = [float(layer.epsilon) for layer in norm_layers(model)]
    return NetworkArrays(wiring_of(model), *arrays, norm_arrays(model), epsilons)


def _busy_part(target: Target, hide: str, epsilon: float | None) -> keras.Model:
    """What of a target is to be planted in a host with branches.

    Raises:
        ValueError: no model, or another way of planting than the default.
    """
    what = "a host that has branches or batch normalisation"
    if not isinstance(target, ModelTarget):
        raise InputError(f"{what} needs a trained model as target, got a {type(target).__name__}")
    if choice("hide", hide, HIDINGS) != "default":
        raise InputError(f"{what} needs hide='default', got {hide!r}")
    if epsilon is not None:
        raise InputError(f"{what} needs epsilon=None, got {epsilon!r}")
    return target.busy


def check_ticket(planted: Planted) -> None:
    """Raises `InputError` unless ``ticket(x) / scales`` is ``target(x)``, on samples in [−1, 1].

    They may differ by rounding, which is measured by the largest of the target's outputs, and by
    ``epsilon``.
    """
    rng = generator(planted.seed, "check of the ticket")
    x = rng.uniform(-1, 1, (SAMPLES, *planted.ticket.input_shape[1:])).astype(np.float32)
    wanted = np.asarray(planted.target(x), np.float64)
    computed = np.asarray(planted.ticket(x), np.float64) / planted.scales
    off = np.abs(computed - wanted).max()
    allowed = ROUNDING * np.abs(wanted).max() + (planted.epsilon or 0.0)
    if not off <= allowed:
        raise InputError(
            f"the planted ticket differs from its target by {off:.3g}, where up to {allowed:.3g} "
            "is rounding: the host does not compute what planting takes for granted"
        )


def planted_from_arrays(
    arrays: PlantedArrays,
    *,
    target: Target,
    seed: int,
    init: str,
    hide_biases: bool,
    task: Task | None,
    template: keras.Model | None = None,
    hide: str = "default",
    epsilon: float | None = None,
) -> Planted:
    """Makes the models of a planted host.

    Args:
        arrays: the host's parameters and where the ticket lies.
        target, seed, init, hide_biases, task, hide, epsilon: attributes of `Planted`.
        template: a model of the host's layers; ``None`` for a fully connected host.
    """
    template = template or build_host(neuron_counts(arrays.kernels))
    masks = Mask.from_layers(arrays.kernel_masks, arrays.bias_masks)
    ticket = _model(template, "ticket", arrays)
    set_masks(ticket, masks)
    return Planted(
        host=_model(template, "host", arrays),
        ticket=ticket,
        target=target,
        scales=arrays.scales,
        planted_masks=masks,
        neurons=arrays.neurons,
        seed=seed,
        init=init,
        hide_biases=hide_biases,
        task=task,
        hide=hide,
        epsilon=epsilon,
        written=arrays.written,
    )


def _model(template: keras.Model, name: str, arrays: PlantedArrays) -> keras.Model:
    model = same_architecture(template, name)
    set_parameters(model, arrays.kernels, arrays.biases)
    set_norms(model, arrays.norms)
    for layer, kernel_mask, bias_mask in zip(
        masked_layers(model), arrays.kernel_masks, arrays.bias_masks, strict=True
    ):
        layer.planted_kernel_mask.assign(kernel_mask)
        layer.planted_bias_mask.assign(bias_mask)
    return model
