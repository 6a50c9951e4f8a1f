"""From a task to a host with a ticket in it that masks alone have made."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError, flag, integer
from pns_tf.constructing.certificate import Certificate, certify
from pns_tf.constructing.construction import build
from pns_tf.constructing.shrinking import shrink as shrink_mask
from pns_tf.constructing.signs import target_of
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.hosts.models import host_arrays
from pns_tf.hosts.paths import live_neurons
from pns_tf.hosts.seekable import seekable_host
from pns_tf.planting.algorithm import PlantedArrays
from pns_tf.planting.planted import Planted, planted_from_arrays
from pns_tf.seeding import generator
from pns_tf.tasks import Target, Task
from pns_tf.tasks import get as get_task
from pns_tf.tasks.kinds import REGRESSION

CONSTRUCTED = "constructed"  # in place of how a planted ticket is hidden
SAMPLES = 3000  # of a target of the user's own, by which its ticket is shrunk


@dataclass(frozen=True, eq=False, repr=False)
class Constructed(Planted):
    """A host as it was drawn, and a strong ticket in it; `written` is 0.

    It stands where a `Planted` may. ``neurons`` are those of each layer that the ticket uses.

    Attributes:
        certificate: how far ``ticket(x) / scales`` is from ``target(x)``, proven and measured; for
            classes the target is the task's, each output less the mean of all.
        before_shrinking: parameters of the ticket as it was constructed.
    """

    certificate: Certificate = dataclasses.field(kw_only=True)
    before_shrinking: int = dataclasses.field(kw_only=True)

    @property
    def _facts(self) -> dict[str, object]:
        facts = dict(super()._facts)
        return {**facts, "before_shrinking": self.before_shrinking}


def construct(
    task: str | Task | Target,
    depth: int = 5,
    width: int = 1000,
    seed: int = 0,
    *,
    host_depth: int | None = None,
    init: str = "normal",
    copies: int = 10,
    largest_subset: int = 3,
    tolerance: float = 0.03,
    shrink: bool = True,
    samples: int = 10_000,
    host: keras.Model | tuple[Sequence[np.ndarray], Sequence[np.ndarray]] | None = None,
    watch: Callable[[int], object] = lambda kept: None,
) -> Constructed:
    """Draws a host and chooses a mask with which it computes the task's target, as it is.

    No parameter of the host is changed: each parameter of the target is represented by the sum of
    few of the host's, see `pns_tf.constructing.construction.build`. What the ticket can do without
    is then taken out again, by how far it is from the target on training inputs.

    Args:
        task: a task or its name; or a `tasks.Target` of your own, fully connected.
        depth: of the task's target: neuron layers, input and output counted; at least 3.
        width: neurons in each hidden layer of the host.
        seed: the host's; everything random follows from it.
        host_depth: neuron layers of the host, at least one more than the target's; ``None`` for
            one more.
        init: how the host is drawn: "normal" or "uniform"; "zero_biases" only for targets without.
        copies: of each target neuron at most.
        largest_subset: host parameters that represent one of the target at most; two more for
            outputs, which cannot choose their place.
        tolerance: error that outputs may have, see `pns_tf.constructing.construction.build`.
        shrink: False leaves the ticket as it was constructed.
        samples: of the task's data, whose training inputs say what can be left out.
        host: choose in this host instead of drawing one: a model of `host_from_arrays`, its
            (kernels, biases), or any fully connected model that `pns_tf.host_from_model` takes.
        watch: called with the number of parameters after each try to shrink the ticket.

    Raises:
        ValueError: a value that cannot work, or a host in which no mask is good enough; the
            message says where candidates run out.

    Example:
        >>> made = construct("relu", depth=3, width=30)
        >>> made.written, made.planted_masks.kept, made.certificate.measured < 1e-5
        (0, 3, True)
    """
    seed, flag_shrink = integer("seed", seed, minimum=0), flag("shrink", shrink)
    known, target = (None, task) if isinstance(task, Target) else _task_target(task, depth)
    template = seekable_host(host) if isinstance(host, keras.Model) else None
    arrays: Any
    if host is None:
        depth = target.depth + 1 if host_depth is None else integer("host_depth", host_depth, 3)
        sizes = host_sizes(target.shape[0], target.shape[-1], depth, integer("width", width, 1))
        arrays = draw_host(sizes, seed, init)
    else:
        init, arrays = "given", host if template is None else host_arrays(template)
    kernels, biases = ([np.array(a, np.float32) for a in part] for part in arrays)
    if any(kernel.ndim != 2 for kernel in kernels):
        raise InputError("a ticket can only be constructed in a fully connected host")
    kind = REGRESSION if known is None else known.kind
    made = build(
        target,
        kernels,
        biases,
        kind=kind,
        copies=copies,
        largest_subset=largest_subset,
        tolerance=tolerance,
        seed=seed,
    )
    mask, scales = made.mask, made.scales
    if flag_shrink:
        if known is None:
            rng = generator(seed, "shrinking")
            x = rng.uniform(-1.0, 1.0, (SAMPLES, target.shape[0])).astype(np.float32)
        else:
            x = known.data(samples, seed=seed).x_train
        mask, scales = shrink_mask(
            kernels,
            biases,
            mask,
            scales,
            target,
            x,
            kind,
            tolerance=tolerance,
            seed=seed,
            watch=watch,
        )
    planted = planted_from_arrays(
        PlantedArrays(
            kernels=kernels,
            biases=biases,
            kernel_masks=mask.kernels,
            bias_masks=mask.biases,
            neurons=live_neurons(mask)[1:],
            scales=scales,
            written=0,
        ),
        target=target,
        seed=seed,
        init=init,
        hide_biases=True,
        task=known,
        template=template,
        hide=CONSTRUCTED,
    )
    certificate = certify(kernels, biases, mask, scales, target, seed)
    return Constructed(**vars(planted), certificate=certificate, before_shrinking=made.mask.kept)


def _task_target(task: str | Task, depth: int) -> tuple[Task, Target]:
    known = task if isinstance(task, Task) else get_task(task)
    return known, target_of(known, depth)
