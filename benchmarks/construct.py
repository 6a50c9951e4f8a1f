"""Makes the numbers of docs/results/construct.md: one row for each constructed ticket.

python benchmarks/construct.py seeds,width,depth,smallest,subsets --out=docs/results/construct

Rows that exist are not made again. One process, one thread, NumPy alone.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import fire
import numpy as np
from threadpoolctl import threadpool_limits

from pns_tf import tasks
from pns_tf.checks import InputError
from pns_tf.constructing.certificate import certify, live_network, represented
from pns_tf.constructing.construction import build
from pns_tf.constructing.shrinking import shrink
from pns_tf.constructing.subsets import best_errors, fewest_elements
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.seeding import generator
from pns_tf.tasks.task import Target

FRESH = 111_112  # samples, nine tenths of which judge: 100,000
SEEDS = range(10_200, 10_210)  # none of which anything was chosen with
FEW = range(10_200, 10_203)
NAMES = ("circle", "helix", "relu")
# How a row goes on, beside the settings.
COLUMNS = [
    *("part", "task", "target_depth", "host_depth", "width", "seed", "outcome", "target_weights"),
    *("kept_before", "kept", "target", "before", "metric", "proven", "measured", "off_before"),
    *("off", "bound", "worst_parameter", "seconds_build", "seconds_shrink"),
]


def row(part: str, name: str, depth: int, host_depth: int, width: int, seed: int) -> dict:
    """Constructs, shrinks and judges one ticket."""
    task = tasks.get(name)
    target = task.target(depth)
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
    mask, scales = shrink(*host, made.mask, made.scales, target, data.x_train, task.kind, seed=seed)
    shrunk = time.process_time()
    before = certify(*host, made.mask, made.scales, target, seed)
    after = certify(*host, mask, scales, target, seed)
    parts = represented(made, *host)
    return found | {
        "outcome": "found",
        "kept_before": made.mask.kept,
        "kept": mask.kept,
        "target": metric(target),
        "before": metric(Target(*live_network(*host, made.mask, made.scales))),
        "metric": metric(Target(*live_network(*host, mask, scales))),
        "proven": after.proven,
        "measured": after.measured,
        "off_before": before.mean_square**0.5,
        "off": after.mean_square**0.5,
        "bound": parts.bound,
        "worst_parameter": np.abs(parts.errors).max(),
        "seconds_build": built - start,
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
    """Bisection: the smallest width, to 10 %, at which the ticket is found."""
    low, high = 8, 1000
    while high > 1.1 * low and high - low > 1:
        middle = round((low * high) ** 0.5)
        ok = rows.get("smallest", name, depth, depth + 1, middle, seed)["outcome"] == "found"
        low, high = (low, middle) if ok else (middle, high)


def subset_sums(path: Path, instances: int = 100_000) -> None:
    """How near sums of subsets of random numbers come to a random one."""
    table = []
    for kind in ("uniform", "product", "normal"):
        for pool in (8, 10, 12, 15, 18):
            count = instances if pool < 18 else instances // 10
            rng = generator(0, f"{kind} {pool}")
            targets, candidates = rng.uniform(-1, 1, count), _pool(rng, kind, (count, pool))
            off = best_errors(targets, candidates)
            sizes = fewest_elements(targets, candidates, 0.01)
            table.append(
                {
                    **{"candidates": kind, "pool": pool, "instances": count, "largest": "all"},
                    "above_01": np.mean(off > 0.01),
                    "above_001": np.mean(off > 0.001),
                    "median": np.median(off),
                    "elements": np.mean(sizes[sizes >= 0]),
                }
            )
            print(table[-1], flush=True)
    for largest in (1, 2, 3):
        for pool in (12, 20, 42, 90, 140, 450, 5000):
            if largest == 1 or pool <= (140 if largest == 2 else 42):
                rng = generator(0, f"few {largest} {pool}")
                count = 10_000 if largest < 3 else 4000
                off = best_errors(
                    rng.uniform(-1, 1, count), _pool(rng, "uniform", (count, pool)), largest
                )
                found = {f"within_{e}": np.mean(off <= e) for e in (0.05, 0.01, 0.001)}
                settings = {"candidates": "uniform", "pool": pool, "instances": count}
                table.append(settings | {"largest": largest} | found)
                print(table[-1], flush=True)
    names = list(dict.fromkeys(name for line in table for name in line))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(table)


def _pool(rng: np.random.Generator, kind: str, shape: tuple[int, int]) -> np.ndarray:
    if kind == "normal":
        return rng.standard_normal(shape)
    numbers = rng.uniform(-1, 1, shape)
    return numbers * rng.uniform(-1, 1, shape) if kind == "product" else numbers


def main(
    parts: str | tuple,
    out: str = "docs/results/construct",
    task: str | tuple = NAMES,
    file: str = "rows",
) -> None:
    """Makes the rows of some parts: seeds, width, depth, smallest, subsets."""
    parts = parts.split(",") if isinstance(parts, str) else parts
    chosen = task.split(",") if isinstance(task, str) else task
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows = Rows(folder / f"{file}.csv")
    with threadpool_limits(1):
        if "seeds" in parts:
            for seed in SEEDS:
                for name in chosen:
                    rows.get("seeds", name, 5, 6, 1000, seed)
        if "smallest" in parts:
            for seed in FEW:
                for name in chosen:
                    smallest(rows, name, seed)
        if "width" in parts:
            for seed in FEW:
                for width in (50, 100, 200, 300, 500, 3000):
                    for name in chosen:
                        rows.get("width", name, 5, 6, width, seed)
        if "depth" in parts:
            for seed in FEW:
                for host_depth in (7, 10):
                    for name in chosen:
                        rows.get("depth", name, 5, host_depth, 1000, seed)
                for name in chosen:
                    rows.get("depth", name, 3, 4, 1000, seed)
        if "subsets" in parts:
            subset_sums(folder / "subset_sums.csv")


if __name__ == "__main__":
    fire.Fire(main)
