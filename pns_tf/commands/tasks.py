"""The command ``tasks``."""

from __future__ import annotations


def tasks(*, depth: int = 5, width: int = 100):
    """Lists the tasks, with the baseline density of their planted tickets.

    Args:
        depth: neuron layers, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
    """
    from itertools import pairwise

    from tabulate import tabulate

    import tasks as package
    from pns_tf.initializers import host_sizes
    from pns_tf.planting import check_fit
    from tasks.checks import integer

    width = integer("width", width, minimum=1)
    rows = []
    for task in map(package.get, package.names()):
        target = task.target(depth)
        sizes = host_sizes(task.inputs, task.outputs, depth, width)
        check_fit(target.shape, sizes)
        density = target.nonzero_weights / sum(a * b for a, b in pairwise(sizes))
        shape = "-".join(map(str, target.shape))
        rows.append(
            [
                task.name,
                task.summary,
                task.inputs,
                task.outputs,
                task.metric,
                shape,
                f"{density:.6f}",
            ]
        )
    heads = ["task", "function", "inputs", "outputs", "metric", "target", "baseline density"]
    print(tabulate(rows, heads, disable_numparse=True))
    print(f"\nBaseline density: planted weights / host weights at depth {depth}, width {width}.")
