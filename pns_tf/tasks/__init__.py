"""What is to be learned: what a task is, and where the tasks are found.

The tasks themselves are files of the package ``tasks`` beside this one, one each: a file is a task
if it defines ``TASK``, a `Task`. Only NumPy is imported.

Example:
    >>> import tasks
    >>> {"circle", "helix", "relu"} <= set(tasks.names())
    True
    >>> tasks.get("helix").target(depth=5).nonzero_weights
    95
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from pns_tf import own_modules
from pns_tf.checks import InputError, choice
from pns_tf.tasks.piecewise_linear import PiecewiseLinear, piecewise_linear
from pns_tf.tasks.task import Data, Target, Task

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

PACKAGE = Path(__file__).parents[2] / "tasks" / "__init__.py"


def _package() -> ModuleType:
    """The package ``tasks`` that came with this one.

    A file ``tasks.py`` in the current folder, as Invoke has it, would hide it by its name; then it
    is loaded from its place, under another name, and the user's file stays what ``import tasks``
    gives.
    """
    try:
        spec = importlib.util.find_spec("tasks")
    except ValueError:  # a module of that name that was made by hand
        spec = None
    if spec and spec.origin and Path(spec.origin).resolve() == PACKAGE.resolve():
        return importlib.import_module("tasks")
    name = f"{__name__}._package"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, PACKAGE)
        if spec is None or spec.loader is None or not PACKAGE.exists():
            raise InputError(f"the tasks are missing: expected them in {PACKAGE.parent}")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@functools.cache
def _found() -> dict[str, Task]:
    package = _package()
    modules = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    found = (module.TASK for module in modules if hasattr(module, "TASK"))
    return {task.name: task for task in sorted(found, key=lambda task: task.name)}


def names() -> list[str]:
    """Names of all tasks that come with the project, sorted."""
    return list(_found())


def get(name: str) -> Task:
    """Returns the task called ``name``.

    Args:
        name: one of `names()`, with settings if the task has some, see `Task.named`; or
            "module:NAME" for a `Task` of your own in a module that can be
            imported from the current folder; the task then bears that name.

    Raises:
        ValueError: there is none; the message names the choices, or what is wrong with the module.

    Example:
        >>> get("relu").target(3).shape
        (1, 1, 1)
    """
    if isinstance(name, str) and ":" in name:
        return _of_a_module(name)
    if isinstance(name, str) and "+" in name:
        return _of_settings(name)
    return _found()[choice("task", name, names())]


@functools.lru_cache(maxsize=64)
def _of_settings(name: str) -> Task:
    return get(name.partition("+")[0]).named(name)


@functools.cache
def _of_a_module(name: str) -> Task:
    module, attribute = own_modules.parts_of(name)
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise InputError(f"task {name!r} must be a name or module:NAME, such as my_module:TASK")
    task = own_modules.load("task", name)
    if not isinstance(task, Task):
        raise InputError(f"task {name!r} must be a tasks.Task, got a {type(task).__name__}")
    return dataclasses.replace(task, name=name)
