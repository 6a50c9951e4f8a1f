"""The command ``tasks``."""

from __future__ import annotations


def tasks(*, depth: int = 5, width: int = 100):
    """Lists the tasks, with the baseline density of their planted tickets.

    Args:
        depth: neuron layers, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
    """
    from tabulate import tabulate

    from pns_tf import tasks as package
    from pns_tf.hosts.fully_connected import FullyConnected
    from pns_tf.planting.algorithm import baseline_density

    FullyConnected("relu", depth, width).check_memory()
    found = [package.get(name) for name in package.names()]
    widest = max(found, key=lambda task: max(task.target(depth).shape[1:-1]))
    baseline_density(widest.name, depth, width)  # where it fits, the others do
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
        for task in found
    ]
    heads = ["task", "function", "inputs", "outputs", "metric", "target", "baseline density"]
    print(tabulate(rows, heads, disable_numparse=True))
    print(f"\nBaseline density: planted weights / host weights at depth {depth}, width {width}.")
