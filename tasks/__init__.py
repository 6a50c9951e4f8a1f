"""The tasks: one file each, found by being here.

A file of this folder is a task if it defines ``TASK``, a `Task`. Only NumPy is imported.

Example:
    >>> import tasks
    >>> tasks.names()
    ['circle', 'helix', 'relu']
    >>> tasks.get("helix").target(depth=5).nonzero_weights
    95
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from tasks.checks import InputError, choice
from tasks.piecewise_linear import PiecewiseLinear, piecewise_linear
from tasks.task import Data, Target, Task

__all__ = [
    "Data",
    "InputError",
    "PiecewiseLinear",
    "Target",
    "Task",
    "get",
    "names",
    "piecewise_linear",
]


@functools.cache
def _found() -> dict[str, Task]:
    modules = (
        importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)
    )
    found = (module.TASK for module in modules if hasattr(module, "TASK"))
    return {task.name: task for task in sorted(found, key=lambda task: task.name)}


def names() -> list[str]:
    """Names of all tasks, sorted."""
    return list(_found())


def get(name: str) -> Task:
    """Returns the task called ``name``.

    Raises:
        ValueError: there is none; the message names the choices.
    """
    return _found()[choice("task", name, names())]
