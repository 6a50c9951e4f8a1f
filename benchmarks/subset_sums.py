"""Makes docs/results/construct/subset_sums.csv: how near sums of subsets of random numbers come.

python benchmarks/subset_sums.py --out=docs/results/construct

Rows that exist are not made again. One process, one thread, NumPy alone, some minutes.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import fire
import numpy as np

from pns_tf.constructing.subsets import best_errors, errors_by_size, fewest_elements
from pns_tf.seeding import generator

INSTANCES = 100_000
FEWER = 10_000  # for what takes long: pools of 18, and pools that are searched for
SHARE = 0.99  # of the instances are to be hit
COLUMNS = [
    *("part", "candidates", "pool", "largest", "epsilon", "instances", "failed", "median"),
    *("elements", "elements_error", "needed", "needed_low", "needed_high"),
]
# Of few elements: published pools that suffice, by the largest subset and the error allowed.
FEW = {1: (90, 450, 5000), 2: (20, 42, 140), 3: (12, 20, 42)}
EPSILONS = (0.05, 0.01, 0.001)
HALVINGS = range(3, 12)  # errors allowed of 2^-3, …, for subsets of any size


def draw(kind: str, pool: int, instances: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets U[−1, 1] and their candidates."""
    rng = generator(10_000, f"subset sums, {kind} {pool} {instances}")
    targets, shape = rng.uniform(-1, 1, instances), (instances, pool)
    if kind == "normal":
        return targets, rng.standard_normal(shape)
    numbers = rng.uniform(-1, 1, shape)
    return targets, numbers * rng.uniform(-1, 1, shape) if kind == "product" else numbers


def errors(kind: str, pool: int) -> list[dict]:
    """How often the best of all subsets is off by more than 0.01 and 0.001."""
    instances = INSTANCES if pool < 18 else FEWER
    found = errors_by_size(*draw(kind, pool, instances))
    rows = []
    for epsilon in (0.01, 0.001):
        sizes = fewest_elements(found, epsilon)
        sizes = sizes[sizes >= 0]
        rows.append(
            {
                **{"part": "errors", "candidates": kind, "pool": pool, "largest": "all"},
                **{"epsilon": epsilon, "instances": instances},
                "failed": np.mean(found[:, -1] > epsilon),
                "median": np.median(found[:, -1]),
                "elements": np.mean(sizes),
                "elements_error": np.std(sizes) / len(sizes) ** 0.5,
            }
        )
    return rows


def needed(epsilon: float, largest: int | None, most: int, published: int | None = None) -> dict:
    """The smallest pool that suffices, and those that do within the share's sampling error."""
    instances = FEWER if most < 18 or largest else FEWER // 10
    targets, candidates = draw("uniform", most, instances)
    around = 1.96 * (SHARE * (1 - SHARE) / instances) ** 0.5

    @cache
    def failed(pool: int) -> float:
        return float(np.mean(best_errors(targets, candidates[:, :pool], largest) > epsilon))

    def smallest(share: float) -> int:
        low, high = 0, 4
        while high < most and failed(high) > 1 - share:
            low, high = high, min(2 * high if largest else high + 4, most)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if failed(middle) <= 1 - share else (middle, high)
        return high

    names = dict.fromkeys(COLUMNS, "")
    found = {
        **{"part": "needed", "candidates": "uniform", "largest": largest or "all"},
        **{"epsilon": epsilon, "instances": instances, "needed": smallest(SHARE)},
        "needed_low": smallest(SHARE - around),
        "needed_high": smallest(SHARE + around),
    }
    if published:
        found |= {"pool": published, "failed": failed(published)}
    return names | found


def main(out: str = "docs/results/construct") -> None:
    """Makes the rows that are missing."""
    path = Path(out) / "subset_sums.csv"
    done = set()
    if path.exists():
        with path.open(newline="") as file:
            done = {_key(row) for row in csv.DictReader(file)}

    def keep(rows: list[dict]) -> None:
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if not file.tell():
                writer.writeheader()
            writer.writerows(rows)
        print(*rows, sep="\n", flush=True)

    for kind in ("uniform", "product", "normal"):
        for pool in (8, 10, 12, 15, 18):
            if ("errors", kind, str(pool), "all", "0.001") not in done:
                keep(errors(kind, pool))
    for largest, pools in FEW.items():
        for epsilon, pool in zip(EPSILONS, pools, strict=True):
            if ("needed", "uniform", str(pool), str(largest), str(epsilon)) not in done:
                keep([needed(epsilon, largest, 2 * pool, pool)])
    for halving in HALVINGS:
        if ("needed", "uniform", "", "all", str(2.0**-halving)) not in done:
            keep([needed(2.0**-halving, None, 9 + halving)])


def _key(row: dict) -> tuple[str, ...]:
    return tuple(row[name] for name in COLUMNS[:5])


if __name__ == "__main__":
    fire.Fire(main)
