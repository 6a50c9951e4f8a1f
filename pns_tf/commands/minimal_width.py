"""The command ``minimal_width``."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, flag, integer, number

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.sweeping.settings import Sweep


def minimal_width(
    *,
    task: str | tuple = "circle",
    pruner: str | tuple = "synflow",
    density: float | str = 0.1,
    distance: float = 0.1,
    objective: str = "final",
    min_width: int = 1,
    max_width: int = 500,
    step: int = 1,
    depth: int = 5,
    learning_rate: float = 1e-3,
    prune_rounds: int = 1,
    seeds: int = 5,
    seed: int = 0,
    epochs: int = 10,
    rounds: int = 1,
    round_epochs: int = 5,
    samples: int = 10_000,
    noise: float | None = None,
    workers: int | None = None,
    out: str = "results",
    overwrite: bool = False,
):
    """Finds the smallest width of the host at which the found ticket comes near the planted one.

    Bisects the widths for each task and pruner, several of which are separated by commas; a wider
    host is taken not to be worse. Writes <out>/minimal_width/ with a table, a picture, and all that
    sweep leaves behind of each search. Finished runs are kept in <out>/runs: a search that was
    stopped goes on.

    Args:
        task: those that the command tasks lists.
        pruner: those that the command pruners lists, or module:Class for one of your own.
        density: fraction of all parameters that found tickets keep, or baseline.
        distance: how near is near enough, for the mean over seeds. For final and strong it is
            the missing part of the planted ticket's advantage over the best constant, for
            the others what is missing to 1.
        objective: final, strong, precision, recall, f1 or jaccard.
        min_width: neurons in each hidden layer, at least.
        max_width: neurons in each hidden layer, at most.
        step: between widths.
        depth: neuron layers of the hosts, input and output counted.
        learning_rate: of Adam.
        prune_rounds: steps in which one pruning reaches its density.
        seeds: runs at each width.
        seed: of the first of them.
        epochs: epochs of the final training.
        rounds: 1 for singleshot, otherwise rounds of multishot.
        round_epochs: training epochs of each multishot round.
        samples: size of the data set, a tenth of it for testing.
        noise: noise level of the data, None for the task's own.
        workers: processes, None for one per core.
        out: folder of all results.
        overwrite: replace the folders of other searches.
    """
    given = locals()
    from pns_tf.sweeping.cluster import from_environment
    from pns_tf.sweeping.objectives import check_distance
    from pns_tf.sweeping.record import check_folder, claim_folder
    from pns_tf.sweeping.settings import BISECTION, Sweep

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    number("distance", distance, low=0.0)
    check_distance(objective)
    for name in ("density", "depth", "learning_rate", "prune_rounds"):
        if isinstance(given[name], tuple | list):
            raise InputError(f"{name} must be one value for all searches, got {given[name]!r}")
    fields = inspect.signature(Sweep).parameters
    shared = {name: value for name, value in given.items() if name in fields}
    searches = [
        Sweep(**shared | {"task": one, "pruner": other, "oracle": BISECTION})
        for one in (task if isinstance(task, tuple | list) else (task,))
        for other in (pruner if isinstance(pruner, tuple | list) else (pruner,))
    ]
    if workers is not None:
        integer("workers", workers, minimum=1)
    flag("overwrite", overwrite)
    parent = Path(str(out)) / "minimal_width"
    for settings in searches:
        check_folder(parent / settings.name, settings, overwrite)
    if from_environment() is not None:
        raise InputError("minimal_width runs on one machine: unset the KERASTUNER_ variables")

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.commands.sweep import searched
    from pns_tf.runs.pool import Pool
    from pns_tf.runs.store import Store
    from pns_tf.sweeping.minimal_width import distances, smallest
    from pns_tf.sweeping.report import write_report

    start, store, tried, answers = time.perf_counter(), Store(Path(str(out))), [], []
    with Pool(workers) as pool:
        for settings in searches:
            folder = parent / settings.name
            claim_folder(folder, settings, overwrite)
            outcome = searched(settings, store, pool, folder)
            write_report(outcome.table, settings, folder)
            tried.append(distances(outcome.table, settings))
            answers.append(smallest(tried[-1], settings))
    _write(tried, answers, settings, parent, time.perf_counter() - start)


def _write(
    tried: list[pd.DataFrame], answers: list[dict], settings: Sweep, folder: Path, spent: float
) -> None:
    import pandas as pd

    from pns_tf.pictures import save_figure
    from pns_tf.saving.storage import replacing, write_text
    from pns_tf.sweeping.minimal_width import as_markdown, distances_figure

    widths, table = pd.concat(tried, ignore_index=True), pd.DataFrame(answers)
    text = as_markdown(table, settings)
    try:
        write_text(folder / "minimal_width.csv", table.to_csv(index=False))
        write_text(folder / "distances.csv", widths.to_csv(index=False))
        write_text(folder / "minimal_width.md", text)
        with replacing(folder / "distances.png") as partial:
            save_figure(distances_figure(widths, settings), partial)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    print(text)
    print(f"{len(widths)} trials, {widths['n'].sum()} runs, {spent:.0f} s")
    print(f"written to  {folder}")
    print("            minimal_width.csv and .md, distances.csv and .png, a folder of each search")
