"""What the settings of pns_weak are chosen by: seeds 0 to 99, on samples of their own.

    python benchmarks/choosing.py --seeds=12 --out=docs/results/frontier/choosing.csv

Variants of pns_weak in hosts of depth 5 and width 100, at the densities that are claimed and at
those that are aimed at. A ticket, trained as pns_weak trains it, is judged on 90,000 samples that
neither a test nor a ranking uses. Each leaves a row with the processor's seconds that it took;
started again, the program goes on. In the end it prints a line for each variant and cell.
"""

import time
from itertools import product
from pathlib import Path

import fire
import pandas as pd
import rows as kept

import pns_tf
from pns_tf.hosts.forward import forward
from pns_tf.leaderboard.seeds import TUNED
from pns_tf.measuring.evaluation import evaluate
from pns_tf.planting.algorithm import baseline_density
from pns_tf.reports.statistics import interval
from pns_tf.runs.workers import prepare_worker
from pns_tf.tasks import Data, get

SAMPLES = 7_700_000  # added to a seed: that of the samples which judge
VARIANTS: tuple[dict[str, object], ...] = (
    {"rounds": 60},
    {"rounds": 20},
    {"rounds": 60, "signs": False, "rewinds": 0},
    {"rounds": 20, "signs": False, "rewinds": 0},
    {"rounds": 20, "signs": False, "rewinds": 0, "swaps": 0},
)
CELLS = (("circle", 1.0), ("helix", 2.0), ("circle", 0.6), ("helix", 1.5))  # × the baseline density
KEY = ["variant", "task", "times", "seed"]


def measured(options: dict, task: str, times: float, seed: int) -> dict:
    """The row of one ticket."""
    planted = pns_tf.plant(task, depth=5, width=100, seed=seed)
    density, start = times * baseline_density(task, 5, 100), time.process_time()
    found = pns_tf.seek(planted, "pns_weak", density, seed=seed, epochs=0, options=options)
    seconds = time.process_time() - start
    return {
        "metric": worth(found, task, seed),
        "training_loss": found.history[-1],
        "repairs": int(found.metrics["repairs"]),
        "lost": int(found.metrics["lost"]),
        "cpu_seconds": round(seconds, 2),
    }


def worth(found: pns_tf.FoundTicket, task: str, seed: int) -> float:
    """The metric on 90,000 samples that neither a test nor a ranking uses."""
    own = get(task).data(100_000, None, seed + SAMPLES)
    judging = Data(own.x_train, own.y_train, own.x_train, own.y_train)
    return evaluate(forward(found.model), found.kind, judging)


def said(options: dict) -> str:
    return ", ".join(f"{name}: {value}" for name, value in options.items())


def main(seeds: int = 12, out: str = "choosing.csv") -> None:
    if not 1 <= seeds <= len(TUNED):
        raise SystemExit(f"--seeds must be 1 to {len(TUNED)}, got {seeds}: others choose nothing")
    prepare_worker()
    path = Path(out)
    for seed, (task, times), options in product(TUNED[:seeds], CELLS, VARIANTS):
        place = dict(zip(KEY, (said(options), task, times, seed), strict=True))
        if not kept.is_there(path, place):
            kept.add(path, place | measured(options, task, times, seed))
    for cell, rows in pd.read_csv(path).groupby(["task", "times", "variant"], sort=False):
        mean = interval(rows["metric"])
        print(*cell, f"{mean.mean:.3g} [{mean.low:.3g}, {mean.high:.3g}], n = {mean.n};", end=" ")
        print(f"{rows['repairs'].sum()} repairs, {rows['lost'].sum()} lost,", end=" ")
        print(f"{rows['cpu_seconds'].median():.1f} s")


if __name__ == "__main__":
    fire.Fire(main)
