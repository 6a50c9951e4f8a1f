"""Makes docs/results/construct/visible.csv: what attackers see of constructed tickets, by array.

python benchmarks/visible.py --task=circle,helix,relu --out=docs/results/construct

Attackers are those of the command detect; they study as many hosts as they attack. A row for each
attacked host, attacker and array, as tickets are when they have been shrunk. A task whose rows
exist is not attacked again.
"""

from __future__ import annotations

import csv
from pathlib import Path

import fire
import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from pns_tf import tasks
from pns_tf.constructing.construction import build
from pns_tf.constructing.shrinking import shrink
from pns_tf.constructing.signs import target_of
from pns_tf.detection.attackers import Host, attackers
from pns_tf.detection.measures import auc_within
from pns_tf.hosts.initializers import draw_host, host_sizes

FIRST = 10_800  # seed of the first attacked host
COLUMNS = ("task", "width", "host", "attacker", "array", "parameters", "ticket", "auc")


def constructed(name: str, width: int, seed: int) -> Host:
    """The ticket that `construct` finds, of target depth 5."""
    task = tasks.get(name)
    target = target_of(task, 5)
    arrays = draw_host(host_sizes(task.inputs, task.outputs, 6, width), seed)
    made = build(target, *arrays, kind=task.kind, seed=seed)
    x = task.data(seed=seed).x_train
    mask, _ = shrink(*arrays, made.mask, made.scales, target, x, task.kind, seed=seed)
    print(name, width, seed, mask.kept, flush=True)
    return Host(*arrays, list(mask))


def attacked(name: str, width: int, hosts: int):
    """Rows of one task; ``within arrays`` is the mean over arrays that detect gives."""
    studied = [constructed(name, width, FIRST + hosts + number) for number in range(hosts)]
    everybody = attackers(FIRST)
    for attacker in everybody.values():
        attacker.study(studied)
    for seed in range(FIRST, FIRST + hosts):
        host = constructed(name, width, seed)
        for who, attacker in everybody.items():
            scores = attacker.score(host)
            sizes = [sum(mask.size for mask in host.planted), sum(map(np.sum, host.planted))]
            common = (name, width, seed, who)
            yield (*common, "within arrays", *sizes, auc_within(host.planted, scores))
            for number, (mask, score) in enumerate(zip(host.planted, scores, strict=True)):
                if mask.any() and not mask.all():
                    array = f"{('kernel', 'bias')[number % 2]} {number // 2 + 1}"
                    value = roc_auc_score(mask.ravel(), score.ravel())
                    yield (*common, array, mask.size, int(mask.sum()), value)


def main(
    task: str | tuple = ("circle", "helix", "relu"),
    width: int = 300,
    hosts: int = 12,
    out: str = "docs/results/construct",
) -> None:
    """Attacks the tasks that have no rows yet."""
    path = Path(out) / "visible.csv"
    done = set()
    if path.exists():
        with path.open(newline="") as file:
            done = {row["task"] for row in csv.DictReader(file)}
    names = task.split(",") if isinstance(task, str) else task
    with threadpool_limits(1):
        for name in names:
            if name not in done:
                rows = list(attacked(name, width, hosts))
                with path.open("a", newline="") as file:
                    writer = csv.writer(file)
                    if not file.tell():
                        writer.writerow(COLUMNS)
                    writer.writerows(rows)


if __name__ == "__main__":
    fire.Fire(main)
