"""The tasks: one file each, found by being here.

A file of this folder is a task if it defines ``TASK``, a `Task`. Only NumPy is imported.

Example:
    >>> import tasks
    >>> {"circle", "helix", "relu"} <= set(tasks.names())
    True
"""

from pns_tf.tasks import (
    Data,
    InputError,
    PiecewiseLinear,
    Target,
    Task,
    get,
    names,
    piecewise_linear,
)

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
