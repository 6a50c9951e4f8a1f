"""The command ``experiments``."""

from __future__ import annotations

from pns_tf.commands.checks import check_workers


def experiments(*, out: str = "results", workers: int | None = None):
    """Lists the experiments, their number of runs, and the time they will take on this machine.

    Args:
        out: folder of results; runs that are finished there take no time any more.
        workers: processes, None for one per core.
    """
    from pns_tf.saving.storage import output_folder

    folder = output_folder(out, written=False)
    check_workers(workers)
    from tabulate import tabulate

    from pns_tf.experiments.catalog import EXPERIMENTS
    from pns_tf.runs.estimate import in_words, seconds_left
    from pns_tf.runs.store import Store

    store = Store(folder)
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
