"""Seconds of one core that tickets of pns and pns_weak take, by part, before and after a change.

    python benchmarks/pns.py [--before=FOLDER] [--seed=0] [--cells=0,3]

Finds a ticket for each cell of docs/results/frontier.md, or for those of the given numbers, after
one of another seed that compiles everything; each state of the code in a process of its own, in
turn. ``--before`` names a checkout of the state to compare with, such as one of ``git worktree
add``. What is printed are seconds of the processor, so that other work on the machine matters
little, and the ratio before / after.
"""

import functools
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fire

HERE = Path(__file__).parents[1]
CELLS = (  # task, pruner, density; an integer is a multiple of the planted density
    ("circle", "pns", 0.008),
    ("relu", "pns", 2),
    ("helix", "pns", 0.03),
    ("circle", "pns_weak", 1),
    ("relu", "pns_weak", 1),
    ("helix", "pns_weak", 2),
    ("circle", "pns", 0.5),
)
PARTS = {
    "gates": ("pns_tf.pruners.gate_searcher:GateSearcher", "train_gates"),
    "swaps of pns": ("pns_tf.pruners.pns", "swap_search"),
    "swaps of pns_weak": ("pns_tf.pruners.pns_weak", "swap_search"),
    "training": ("pns_tf.pruners.pns_weak:PlantNSeekWeak", "_train"),
}


def measured(seed: int, cells: list[int]) -> list[dict[str, float]]:
    """Seconds of each part, for each cell; of the code that this process imports."""
    from pns_tf.runs.workers import prepare_worker

    prepare_worker()
    import pns_tf
    from pns_tf.planting.algorithm import baseline_density

    spent: dict[str, float] = {}

    def timed(part, function):
        @functools.wraps(function)
        def call(*arguments, **named):
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                spent[part] = spent.get(part, 0.0) + time.process_time() - start

        return call

    for part, (place, name) in PARTS.items():
        module, _, attribute = place.partition(":")
        owner = importlib.import_module(module)
        owner = getattr(owner, attribute) if attribute else owner
        setattr(owner, name, timed(part, getattr(owner, name)))
    rows = []
    for cell in cells:
        task, pruner, density = CELLS[cell]
        if isinstance(density, int):
            density *= baseline_density(task, 5, 100)
        for number in (seed + 1, seed):
            planted = pns_tf.plant(task, depth=5, width=100, seed=number)
            spent.clear()
            start = time.process_time()
            found = pns_tf.seek(planted, pruner, density, seed=number, epochs=0)
            total = time.process_time() - start
            if number == seed + 1:
                first = total
        other = total - sum(spent.values())
        metric = found.metrics["strong" if pruner == "pns" else "final"]
        rows.append(
            {**spent, "other": other, "a ticket": total, "the first": first, "metric": metric}
        )
    return rows


def elsewhere(folder: Path, seed: int, cell: int) -> dict[str, float]:
    """Seconds of each part of a cell, of the code in ``folder``."""
    answer = subprocess.run(
        [sys.executable, __file__, f"--seed={seed}", f"--cells={cell}", "--alone"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])[0]


def main(before: str | None = None, seed: int = 0, cells=None, alone: bool = False) -> None:
    numbers = [cells] if isinstance(cells, int) else list(cells or range(len(CELLS)))
    if alone:
        print(json.dumps(measured(seed, numbers)))
        return
    for cell in numbers:
        print(f"{CELLS[cell]}, seed {seed}", flush=True)
        old = elsewhere(Path(before), seed, cell) if before else {}
        new = elsewhere(HERE, seed, cell)
        for part, seconds in new.items():
            line = f"    {part:<20} {seconds:8.3g}"
            if part in old:
                line = f"    {part:<20} {old[part]:8.3g} {seconds:8.3g}"
                if part != "metric":
                    line += f"   {old[part] / max(seconds, 1e-3):6.1f} ×"
            print(line, flush=True)


if __name__ == "__main__":
    fire.Fire(main)
