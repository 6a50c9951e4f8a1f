"""The command ``experiments``."""

from __future__ import annotations

from pathlib import Path

from pns_tf.checks import integer


def experiments(*, out: str = "results", workers: int | None = None):
    """Lists the experiments, their number of runs, and the time they will take on this machine.

    Args:
        out: folder of results; runs that are finished there take no time any more.
        workers: processes, None for one per core.
    """
    if workers is not None:
        integer("workers", workers, minimum=1)
    from tabulate import tabulate

    from pns_tf.experiments.catalog import EXPERIMENTS
    from pns_tf.runs.estimate import in_words, seconds_left
    from pns_tf.runs.store import Store

    store = Store(Path(str(out)))
    rows = []
    for found in EXPERIMENTS.values():
        runs = found.runs()
        left, seconds = seconds_left(runs, store, workers)
        time = f"about {in_words(seconds)}" if left else "done"
        rows.append(
            [found.name, found.title, len(found.settings), found.seeds, len(runs), left, time]
        )
    print(
        tabulate(rows, ["experiment", "question", "settings", "seeds", "runs", "left", "time left"])
    )
