"""A sweep's folder says which sweep it belongs to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pns_tf.checks import InputError
from pns_tf.saving.storage import check_free, replacing, write_json
from pns_tf.sweeping.objectives import STORED_GAP
from pns_tf.sweeping.settings import Sweep

RECORD = "sweep.json"
# Versions of results when folders began to say them: those that say none are of that time.
VERSIONS_BEFORE = {
    "concrete_ticket_search": [2, 3],
    "concrete_ticket_search_kl": [2, 3],
    "continuous_sparsification": [2, 3],
    "gem_miner": [2, 3],
    "hard_concrete": [2, 3],
    "pns": [2, 5],
    "pns_weak": [2, 6],
}


def check_folder(folder: Path, settings: Sweep, overwrite: bool) -> None:
    """Raises ``InputError`` unless the folder is free, or holds what is to be continued.

    Args:
        folder: of the sweep; need not exist.
        settings: of the sweep.
        overwrite: whether another sweep there may be replaced.
    """
    if not folder.exists():
        check_free(folder)
        return
    here, there = settings.record, _read(folder)
    before = {name: VERSIONS_BEFORE.get(name, [2]) for name in here["versions"]}
    there = {
        **{"versions": before, "code": {}, "gap": there.get(STORED_GAP), "options": {}},
        **there,
    }
    differing = [
        f"{name} is {there.get(name)!r} there and {value!r} here"
        for name, value in here.items()
        if there.get(name) != value
    ]
    if differing and not overwrite:
        raise InputError(
            f"{folder} is of another sweep: {', '.join(differing)}; "
            f"choose another --out or pass --overwrite"
        )


def check_joined(folder: Path, settings: Sweep) -> None:
    """Raises ``InputError`` unless the folder is that of a chief with the same settings."""
    if not (folder / RECORD).exists():
        raise InputError(
            f"the chief's folder {folder} is not here: chief and workers must share --out"
        )
    check_folder(folder, settings, overwrite=False)


def claim_folder(folder: Path, settings: Sweep, overwrite: bool) -> None:
    """Makes the folder, or empties it, and writes down which sweep it belongs to.

    Raises:
        ValueError: as `check_folder`, or it cannot be written.
    """
    check_folder(folder, settings, overwrite)
    try:
        if overwrite and folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / RECORD) as partial:
            write_json(partial, settings.record)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error


def _read(folder: Path) -> dict:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if isinstance(record, dict):
            return record
    except (OSError, ValueError):
        pass
    raise InputError(f"{folder} exists already but is no sweep's: choose another --out")
