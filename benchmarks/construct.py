"""Makes docs/results/construct/rows.csv: one row for each ticket that was looked for.

python benchmarks/construct.py seeds,width,depth,smallest --out=docs/results/construct

Rows that exist are not made again. One process, one thread, NumPy alone.
"""

from __future__ import annotations

import csv
import time
from itertools import product
from pathlib import Path

import fire
import numpy as np
from threadpoolctl import threadpool_limits

from pns_tf import tasks
from pns_tf.checks import InputError
from pns_tf.constructing.certificate import certify, live_network, represented
from pns_tf.constructing.construction import CONSTANTS, build
from pns_tf.constructing.shrinking import shrink
from pns_tf.constructing.signs import target_of
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.tasks.task import Target

FRESH = 111_112  # samples, nine tenths of which judge: 100,000
SEEDS = range(10_700, 10_710)  # none of which anything was chosen with
FEW = range(10_710, 10_713)
WIDE = 1000  # at which every ticket is expected
NEAR = 1.15  # bisection ends with two widths as near as that
NAMES = ("circle", "helix", "relu")
# How a row goes on, beside the settings.
COLUMNS = [
    *("part", "task", "target_depth", "host_depth", "width", "seed", "outcome", "target_weights"),
    *("kept_before", "kept", "target", "before", "metric", "proven", "measured"),
    *("off", "bound", "worst_parameter", "seconds_build", "seconds_shrink"),
]


def row(part: str, name: str, depth: int, host_depth: int, width: int, seed: int) -> dict:
    """Constructs, shrinks and judges one ticket."""
    task = tasks.get(name)
    target = target_of(task, depth)
    settings = (part, name, depth, host_depth, width, seed)
    found: dict = dict(zip(COLUMNS, settings, strict=False))
    found["target_weights"] = target.nonzero_weights
    host = draw_host(host_sizes(task.inputs, task.outputs, host_depth, width), seed)
    data, fresh = task.data(seed=seed), task.data(FRESH, seed=seed + 10**6)

    def metric(network) -> float:
        return task.kind.measure(
            network(data.x_train), data.y_train, network(fresh.x_train), fresh.y_train
        )

    start = time.process_time()
    try:
        made = build(target, *host, kind=task.kind, seed=seed)
    except InputError as error:
        return found | {"outcome": str(error), "seconds_build": time.process_time() - start}
    built = time.process_time()
    found |= {"outcome": "found", "kept_before": made.mask.kept, "seconds_build": built - start}
    if part == "smallest":
        return found
    mask, scales = shrink(*host, made.mask, made.scales, target, data.x_train, task.kind, seed=seed)
    shrunk = time.process_time()
    after = certify(*host, mask, scales, target, seed)
    parts = represented(made, *host)
    return found | {
        "kept": mask.kept,
        "target": metric(target),
        "before": metric(Target(*live_network(*host, made.mask, made.scales))),
        "metric": metric(Target(*live_network(*host, mask, scales))),
        "proven": after.proven,
        "measured": after.measured,
        "off": after.mean_square**0.5,
        "bound": parts.bound,
        "worst_parameter": np.abs(parts.errors).max(),
        "seconds_shrink": shrunk - built,
    }


class Rows:
    """A CSV file that rows are added to, each once."""

    def __init__(self, path: Path):
        self.path = path
        self.rows: list[dict] = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = list(csv.DictReader(file))

    def get(self, *key) -> dict:
        names = COLUMNS[: len(key)]
        for old in self.rows:
            if all(old[name] == str(value) for name, value in zip(names, key, strict=True)):
                return old
        new = {name: str(value) for name, value in row(*key).items()}
        new = {name: new.get(name, "") for name in COLUMNS}
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if not self.rows:
                writer.writeheader()
            writer.writerow(new)
        self.rows.append(new)
        print(" ".join(new.values()), flush=True)
        return new


def smallest(rows: Rows, name: str, seed: int, depth: int = 5) -> None:
    """Bisection: the smallest width at which the ticket is found, from one that cannot hold it."""
    neurons = max(kernel.shape[1] for kernel in tasks.get(name).target(depth).kernels)
    low, high = neurons + CONSTANTS - 1, WIDE
    while high > NEAR * low and high - low > 1:
        middle = round((low * high) ** 0.5)
        ok = rows.get("smallest", name, depth, depth + 1, middle, seed)["outcome"] == "found"
        low, high = (low, middle) if ok else (middle, high)


def main(
    parts: str | tuple,
    out: str = "docs/results/construct",
    task: str | tuple = NAMES,
    file: str = "rows",
) -> None:
    """Makes the rows of some parts: seeds, width, depth, smallest."""
    wanted = parts.split(",") if isinstance(parts, str) else parts
    names = task.split(",") if isinstance(task, str) else task
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows = Rows(folder / f"{file}.csv")
    with threadpool_limits(1):
        for seed, name in product(SEEDS, names):
            if "seeds" in wanted:
                rows.get("seeds", name, 5, 6, WIDE, seed)
        for seed, name in product(FEW, names):
            if "smallest" in wanted:
                smallest(rows, name, seed)
            if "width" in wanted:
                for width in (300, 3000):
                    rows.get("width", name, 5, 6, width, seed)
            if "depth" in wanted:
                for host_depth in (7, 10):
                    rows.get("depth", name, 5, host_depth, WIDE, seed)


if __name__ == "__main__":
    fire.Fire(main)
