"""The command ``detect``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, several, text
from pns_tf.commands.flags import Given, takes
from pns_tf.detection.settings import PLANTINGS, Attack

if TYPE_CHECKING:
    from pns_tf.detection.on_disk import OnDisk

OF_RUNS = ("task", "depth", "width", "planting", "hosts", "epsilon", "init")  # which records say


@takes(
    Attack,
    defaults={"task": (), "planting": ()},
    types={
        "task": "str | tuple",
        "depth": "int | tuple",
        "width": "int | tuple",
        "planting": "str | tuple",
    },
)
def detect(given: Given, *, planted: str | None = None, out: str = "results/detection"):
    """Says how visible planted tickets are to someone who sees nothing but the host's weights.

    Attackers first study hosts with known tickets, then score the parameters of other hosts.
    Finished attacks are kept in <out>/runs and never repeated; <out> then holds runs.csv with one
    row for each host and attacker, summary.csv and detection.png. With --planted they attack the
    host of that run alone, and tables call it by its folder's name.

    Args:
        task: what the tickets solve, separated by commas, () for all tasks.
        depth: neuron layers of the hosts, separated by commas.
        width: neurons in each hidden layer, separated by commas.
        planting: of published, default, hide_biases, approximate, strong, strong_approximate,
            separated by commas, () for all of them; or constructed, which writes nothing and needs
            a depth of one more than the target and a wide host: the ticket before construct
            shrinks it.
        hosts: how many are attacked for each of these.
        planted: folder that plant or construct wrote, to attack its host after a study of hosts
            that only the seed tells from it.
        out: folder of the results.
    """
    from pns_tf.saving.storage import output_folder

    folder = output_folder(out, "runs")
    _check_own(folder / "runs.csv")
    attacks: Sequence[Attack | OnDisk]
    attacks = _drawn(given) if planted is None else [_on_disk(given)]
    if planted is not None:
        from pns_tf.quiet import import_tensorflow

        import_tensorflow()
    import pandas as pd
    from tabulate import tabulate
    from tqdm import tqdm

    from pns_tf.detection.attack import attack_table
    from pns_tf.detection.figure import detection_figure
    from pns_tf.detection.on_disk import OnDisk, run_table
    from pns_tf.detection.table import readable, summary, verdicts
    from pns_tf.pictures.style import save_figure

    tables = []
    with tqdm(total=len(attacks) * attacks[0].hosts, unit="host", leave=False, disable=None) as bar:
        for attack in attacks:
            path = folder / "runs" / f"{attack.name}.csv"
            if path.exists():
                bar.update(attack.hosts)
            else:
                if isinstance(attack, OnDisk):
                    rows = run_table(attack, bar.update)
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


def _drawn(given: Given) -> list[Attack]:
    """One attack for each combination of what the flags list."""
    from pns_tf.tasks import names

    chosen = {name: several(given[name]) for name in ("task", "depth", "width", "planting")}
    attacks = given.each(
        Attack,
        **chosen | {"task": chosen["task"] or names(), "planting": chosen["planting"] or PLANTINGS},
    )
    if not attacks:
        raise InputError("detect needs at least one depth and one width")
    if not any("epsilon" in attack.options for attack in attacks):
        given.need("an approximate planting", "epsilon")
    return list(dict.fromkeys(attacks))


def _on_disk(given: Given) -> OnDisk:
    """The attack on the run that --planted names, whose record says all but study and seed."""
    from pns_tf.detection.on_disk import OnDisk

    given.leave_out(*OF_RUNS, by="--planted")
    folder = Path(text("planted", given["planted"], "a folder that plant or construct wrote"))
    return given.make(OnDisk, folder=folder)


def _check_own(path: Path) -> None:
    """Raises `InputError` if there is a table of another command, which must not be replaced."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        if "attacker" not in file.readline().split(","):
            raise InputError(f"{path} is no table of detect: name another folder with --out")


def _write(path: Path, write: Callable[[Path], object]) -> None:
    """Calls ``write`` with a name that becomes ``path`` when all is there."""
    from pns_tf.saving.storage import replacing

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            write(partial)
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror}") from error
