"""Checks that commands share. They need no TensorFlow, so that mistakes are answered at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

import tasks
from pns_tf.initializers import INITIALIZERS
from pns_tf.planting import baseline_density
from tasks.checks import InputError, choice, flag


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


def check_left_out(command: Callable, given: Mapping[str, object], *flags: str) -> None:
    """Raises ``InputError`` if a flag that ``--planted`` decides has been set as well."""
    for name in flags:
        if given[name] != inspect.signature(command).parameters[name].default:
            raise InputError(f"leave out --{name}: --planted says it already, got {given[name]!r}")
