"""Checks that commands share. They need no TensorFlow, so that mistakes are answered at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from itertools import pairwise

import tasks
from pns_tf.initializers import INITIALIZERS, host_sizes
from pns_tf.planting import check_fit
from tasks.checks import InputError, choice, flag, integer


def check_planting(
    task: str,
    depth: int,
    width: int,
    seed: int,
    init: str,
    hide_biases: bool,
    samples: int,
    noise: float | None,
) -> float:
    """Checks everything that planting a task depends on.

    Returns:
        The baseline density.

    Raises:
        ValueError: a value that cannot work.
    """
    density = baseline_density(task, depth, width)
    choice("init", init, INITIALIZERS)
    flag("hide_biases", hide_biases)
    tasks.get(task).data(samples, noise, seed)
    return density


def baseline_density(task: str, depth: int, width: int) -> float:
    """Non-zero target weights / host weights, biases not counted.

    Raises:
        ValueError: unknown task, or a target that does not fit such a host.
    """
    problem = tasks.get(task)
    target = problem.target(depth)
    width = integer("width", width, minimum=1)
    sizes = host_sizes(problem.inputs, problem.outputs, depth, width)
    check_fit(target.shape, sizes)
    return target.nonzero_weights / sum(a * b for a, b in pairwise(sizes))


def check_left_out(command: Callable, given: Mapping[str, object], *flags: str) -> None:
    """Raises ``InputError`` if a flag that ``--planted`` decides has been set as well."""
    for name in flags:
        if given[name] != inspect.signature(command).parameters[name].default:
            raise InputError(f"leave out --{name}: --planted says it already, got {given[name]!r}")
