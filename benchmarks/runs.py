"""Seconds of one core that a run of Figure 3 takes, and where they go.

    python benchmarks/runs.py

Executes runs of every pruner at every density for each task in this process, restricted to one
core as in a worker, after one run of each task has warmed up (compiled) everything.
"""

import time

from pns_tf.experiments.catalog import EXPERIMENTS
from pns_tf.runs.execute import execute
from pns_tf.runs.workers import prepare_worker

PUBLISHED = 5.7  # seconds of one core that a run of the published code takes


def main() -> None:
    start = time.perf_counter()
    prepare_worker()
    import tensorflow  # noqa: F401

    print(f"import of TensorFlow      {time.perf_counter() - start:6.2f} s, once per worker")
    runs = sorted(EXPERIMENTS["figure3"].runs(1), key=lambda run: run.task)
    start = time.perf_counter()
    for task in ("circle", "helix", "relu"):
        execute(next(run for run in runs if run.task == task))
    print(f"compilation, three tasks  {time.perf_counter() - start:6.2f} s, once per worker")
    start, cpu = time.perf_counter(), time.process_time()
    rows = [execute(run).row for run in runs]
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    pruning = sum(row["pruning_seconds"] for row in rows)
    training = sum(row["training_seconds"] for row in rows)
    for what, spent in (
        ("pruning", pruning),
        ("training", training),
        ("planting and judging", wall - pruning - training),
        ("a run, wall", wall),
        ("a run, core", cpu),
    ):
        print(f"{what:<25} {spent / len(rows):6.3f} s")
    print(f"published / ours, core    {PUBLISHED * len(rows) / cpu:6.1f} ×")


if __name__ == "__main__":
    main()
