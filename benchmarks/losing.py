"""From which loss on a ticket of pns_weak counts as lost: seeds 0 to 99, on samples of their own.

    python benchmarks/losing.py --out=docs/results/frontier/losing.csv

Each ticket is sought once, with no repair, in a host of depth 5 and width 100. Its row has the
lowest loss that was reached while magnitude pruned, that of the best constant, that of the search,
that after the last training, and what the ticket is worth on 90,000 samples that neither a test nor
a ranking uses. Started again, the program goes on. In the end it prints for each cell, in the order
of how far the loss after the last training is on the way from the first to the second, as a ratio,
that distance and what the ticket is worth.
"""

from pathlib import Path

import fire
import numpy as np
import pandas as pd
import rows as kept
from choosing import worth

import pns_tf
from pns_tf.leaderboard.seeds import TUNED
from pns_tf.planting.algorithm import baseline_density
from pns_tf.pruners.pns_weak import PlantNSeekWeak, constant_loss
from pns_tf.runs.workers import prepare_worker

CELLS = (("circle", 1.0, 40), ("helix", 2.0, 30), ("circle", 0.6, 20), ("helix", 1.5, 20))


def measured(task: str, times: float, seed: int) -> dict[str, float]:
    """The losses of one ticket, and what it is worth."""
    planted = pns_tf.plant(task, depth=5, width=100, seed=seed)
    density, pruner = times * baseline_density(task, 5, 100), PlantNSeekWeak(repairs=0)
    found = pns_tf.seek(planted, pruner, density, seed=seed, epochs=0)
    between, rounds = pruner.magnitude_epochs, pruner.magnitude_rounds
    return {
        "reached": min(found.history[between - 1 : between * rounds : between]),
        "constant": constant_loss(planted.data()),
        "search": found.history[-1 - pruner.last_epochs],
        "last": found.history[-1],
        "metric": worth(found, task, seed),
    }


def main(out: str = "losing.csv") -> None:
    prepare_worker()
    path = Path(out)
    for task, times, seeds in CELLS:
        for seed in TUNED[:seeds]:
            place = {"task": task, "times": times, "seed": seed}
            if not kept.is_there(path, place):
                kept.add(path, place | measured(task, times, seed))
    table = pd.read_csv(path)
    table["way"] = np.log(table["last"] / table["reached"])
    table["way"] /= np.log(table["constant"] / table["reached"])
    for cell, rows in table.groupby(["task", "times"], sort=False):
        print(*cell)
        print(rows.sort_values("way")[["way", "metric"]].to_string(index=False))


if __name__ == "__main__":
    fire.Fire(main)
