"""The command ``detect``."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path

from pns_tf.checks import InputError


def detect(
    *,
    tasks: str | tuple = (),
    depths: int | tuple = 5,
    widths: int | tuple = 100,
    plantings: str | tuple = (),
    hosts: int = 50,
    study: int = 50,
    epsilon: float = 0.05,
    init: str = "normal",
    seed: int = 0,
    out: str = "results/detection",
):
    """Says how visible planted tickets are to someone who sees nothing but the host's weights.

    Attackers first study hosts with known tickets, then score the parameters of other hosts.
    Finished attacks are kept in <out>/runs and never repeated; <out> then holds runs.csv with one
    row for each host and attacker, summary.csv and detection.png.

    Args:
        tasks: what the tickets solve, separated by commas, () for all tasks.
        depths: neuron layers of the hosts, separated by commas.
        widths: neurons in each hidden layer, separated by commas.
        plantings: of published, default, hide_biases, approximate, strong, strong_approximate,
            separated by commas, () for all of them.
        hosts: how many are attacked for each of these.
        study: how many others the attackers study before.
        epsilon: output error of the approximate plantings.
        init: how hosts are drawn, one of normal, zero_biases, uniform.
        seed: of the first host.
        out: folder of the results.
    """
    from pns_tf.commands.reproduce import _several
    from pns_tf.detection.settings import PLANTINGS, Attack
    from pns_tf.saving.storage import check_free
    from pns_tf.tasks import names

    settings = {"hosts": hosts, "study": study, "epsilon": epsilon, "init": init, "seed": seed}
    chosen = itertools.product(
        _several(tasks) or names(),
        _several(depths),
        _several(widths),
        _several(plantings) or PLANTINGS,
    )
    attacks = [Attack(*values, **settings) for values in chosen]
    folder = Path(str(out))
    check_free(folder, overwrite=True)  # what is there is added to

    import pandas as pd
    from tabulate import tabulate
    from tqdm import tqdm

    from pns_tf.detection.attack import attack_table
    from pns_tf.detection.figure import detection_figure
    from pns_tf.detection.table import readable, summary, verdicts
    from pns_tf.pictures.style import save_figure

    tables = []
    with tqdm(total=len(attacks) * hosts, unit="host", leave=False, disable=None) as bar:
        for attack in attacks:
            path = folder / "runs" / f"{attack.name}.csv"
            if path.exists():
                bar.update(hosts)
            else:
                rows = attack_table(attack, bar.update)
                _write(path, functools.partial(rows.to_csv, index=False))
            tables.append(pd.read_csv(path))
    table = pd.concat(tables, ignore_index=True)
    summed = summary(table)
    _write(folder / "runs.csv", functools.partial(table.to_csv, index=False))
    _write(folder / "summary.csv", functools.partial(summed.to_csv, index=False))
    _write(folder / "detection.png", functools.partial(save_figure, detection_figure(summed)))
    print("AUC / AUC within arrays / precision at the ticket's size\n")
    print(tabulate(readable(summed), "keys", showindex=False, disable_numparse=True))
    print("\nstrongest attackers\n")
    print(tabulate(verdicts(summed), "keys", showindex=False, disable_numparse=True))
    print(f"\nwritten to  {folder}\n            runs.csv, summary.csv, detection.png")


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Calls ``write`` with a name that becomes ``path`` when all is there."""
    from pns_tf.saving.storage import replacing

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            write(partial)
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror}") from error
