"""How far tickets of the same seed differ from machine to machine, and how often one is lost.

    python benchmarks/repetitions.py --task=circle --pruner=pns_weak --density=baseline \\
        --seeds=30 --repetitions=3 --out=rows.csv

Another machine adds in another order, so that the last bit of a number differs now and then, and a
long search ends elsewhere. A repetition stands for it: the host's parameters are multiplied by
1 + 1e-7 ε with normal ε, which in float32 changes their last bit; repetition 0 leaves them alone.
Seeds count from 10,000. Each ticket is judged on 100,000 fresh samples and leaves a row with the
processor's seconds that it took; started again, the program goes on. In the end it prints the mean,
its 95 % interval over the seeds, the standard deviation between seeds and between repetitions of
one seed, and how many tickets are not near the planted one, with a Wilson interval.
"""

import time
from pathlib import Path

import fire
import numpy as np
import pandas as pd
import rows as kept

import pns_tf
from pns_tf.hosts.forward import forward
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.models import host_arrays, set_parameters
from pns_tf.leaderboard.seeds import FIRST_SEALED
from pns_tf.measuring.evaluation import evaluate, evaluate_strong
from pns_tf.planting.algorithm import baseline_density
from pns_tf.planting.planted import Planted
from pns_tf.reports.statistics import at_most, interval, share
from pns_tf.runs.ranked import fresh_samples
from pns_tf.runs.workers import prepare_worker
from pns_tf.tasks import Data, get

KEY = ["task", "pruner", "density", "seed", "repetition"]
SHIFT = 1e-7


def shifted(planted: Planted, repetition: int, seed: int) -> None:
    """Changes the last bits of the host's parameters."""
    if not repetition:
        return
    rng = np.random.default_rng([seed, repetition])
    kernels, biases = (
        [(a * (1 + SHIFT * rng.standard_normal(a.shape))).astype(np.float32) for a in arrays]
        for arrays in host_arrays(planted.host)
    )
    set_parameters(planted.host, kernels, biases)


def measured(task: str, pruner: str, density: float, seed: int, repetition: int) -> dict:
    """The row of one ticket."""
    planted = pns_tf.plant(task, depth=5, width=100, seed=seed)
    shifted(planted, repetition, seed)
    wall, spent = time.perf_counter(), time.process_time()
    found = pns_tf.seek(planted, pruner, density, seed=seed, epochs=0)
    spent, wall = time.process_time() - spent, time.perf_counter() - wall
    train = planted.data()
    fresh = Data(train.x_train, train.y_train, *fresh_samples(FullyConnected(task), None, seed))
    strong = evaluate_strong(forward(found.pruned), found.kind, fresh).metric
    trained = found.search.weights is not None
    return {
        "task": task,
        "pruner": pruner,
        "density": density,
        "seed": seed,
        "repetition": repetition,
        "fresh": evaluate(forward(found.model), found.kind, fresh) if trained else strong,
        "planted_fresh": evaluate_strong(forward(planted.ticket), found.kind, fresh).metric,
        "test": found.metrics["final" if trained else "strong"],
        "epochs": len(found.history),
        "kept": found.masks.kept,
        "repairs": found.metrics.get("repairs"),
        "lost": found.metrics.get("lost"),
        "cpu_seconds": round(spent, 2),
        "wall_seconds": round(wall, 2),
    }


def main(
    task: str = "circle",
    pruner: str = "pns_weak",
    density: float | str = "baseline",
    seeds: int = 30,
    repetitions: int = 1,
    out: str = "rows.csv",
) -> None:
    prepare_worker()
    planted = baseline_density(task, 5, 100)
    density = planted if density == "baseline" else float(density)
    path = Path(out)
    for repetition in range(repetitions):
        for seed in range(FIRST_SEALED, FIRST_SEALED + seeds):
            place = (task, pruner, density, seed, repetition)
            if not kept.is_there(path, dict(zip(KEY, place, strict=True))):
                row = measured(*place)
                kept.add(path, row)
                print(row, flush=True)
    report(pd.read_csv(path), task, pruner, density)


def report(rows: pd.DataFrame, task: str, pruner: str, density: float) -> None:
    """Prints what the rows of one cell say."""
    same = (rows["task"] == task) & (rows["pruner"] == pruner) & (rows["density"] == density)
    rows = rows[same]
    kind = get(task).kind
    fresh, limit = rows["fresh"], rows["planted_fresh"].map(kind.limit)
    near = at_most(limit, fresh) if kind.higher_is_better else at_most(fresh, limit)
    by_seed = rows.groupby("seed")["fresh"]
    mean = interval(by_seed.mean())
    print(f"{mean.n} seeds, {len(rows)} tickets, mean {mean.mean:.4g}, ", end="")
    print(f"95 % [{mean.low:.4g}, {mean.high:.4g}]")
    print(f"standard deviation between seeds {by_seed.mean().std():.2g}, ", end="")
    print(f"between repetitions of a seed {np.sqrt(by_seed.var().mean()):.2g}")
    print(f"not near the planted ticket: {share((~near).astype(float))}")
    print(f"seconds of the processor, median: {rows['cpu_seconds'].median():.1f}")


if __name__ == "__main__":
    fire.Fire(main)
