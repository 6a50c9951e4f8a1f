"""The command ``tasks``."""

from __future__ import annotations

import functools
from collections.abc import Callable

from pns_tf.commands.flags import Given, takes
from pns_tf.hosts.fully_connected import FullyConnected


@takes(FullyConnected, without=("task", "init"), each=("depth", "width"))
def tasks(given: Given) -> Callable[[], None]:
    """Lists the tasks, with the baseline density of their planted tickets."""
    from pns_tf import tasks as package
    from pns_tf.planting.algorithm import baseline_density

    depth, width = given["depth"], given["width"]
    FullyConnected("relu", depth, width).check_memory()
    found = [package.get(name) for name in package.names()]
    widest = max(found, key=lambda task: max(task.target(depth).shape[1:-1]))
    baseline_density(widest.name, depth, width)  # where it fits, the others do
    return functools.partial(_listed, depth, width)


def _listed(depth: int, width: int) -> None:
    from tabulate import tabulate

    from pns_tf import tasks as package
    from pns_tf.planting.algorithm import baseline_density

    rows = [
        [
            task.name,
            task.summary,
            task.inputs,
            task.outputs,
            task.metric,
            "-".join(map(str, task.target(depth).shape)),
            f"{baseline_density(task.name, depth, width):.6f}",
        ]
        for task in map(package.get, package.names())
    ]
    heads = ["task", "function", "inputs", "outputs", "metric", "target", "baseline density"]
    print(tabulate(rows, heads, disable_numparse=True))
    print(f"\nBaseline density: planted weights / host weights at depth {depth}, width {width}.")
