"""The tasks: one file each, found by being here.

A file of this folder is a task if it defines ``TASK``, a `Task`. Only NumPy is imported. What a
task is, and how tasks are found, lies in `pns_tf.tasks`, whose public names these are.

Example:
    >>> import tasks
    >>> {"circle", "helix", "relu"} <= set(tasks.names())
    True
"""

from pns_tf import tasks as _tasks
from pns_tf.tasks import *  # noqa: F403

__all__ = _tasks.__all__
