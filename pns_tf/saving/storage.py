"""Results appear under their final name only when complete, and never replace others unasked."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from pns_tf.checks import InputError

RECORD = "ticket.json"
MASKS = "masks.npz"
# What a planted run's record must say for the run to be read back.
PLANTED_KEYS = (
    "task",
    "depth",
    "width",
    "seed",
    "init",
    "hide_biases",
    "samples",
    "noise",
    "density",
    "scales",
    "neurons",
)


def check_free(path: Path, overwrite: bool = False) -> None:
    """Raises ``InputError`` if a folder could not be made at ``path``; writes nothing.

    Called before work starts, so that nobody waits for results that cannot be kept.
    """
    try:
        exists = path.exists()
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise InputError(f"cannot write to {path}: {error.strerror}") from error
    if exists and not overwrite:
        raise InputError(f"{path} exists already: choose another --out or pass --overwrite")
    if exists and not path.is_dir():
        raise InputError(f"cannot write to {path}: it is a file")
    nearest = next(parent for parent in path.absolute().parents if os.path.lexists(parent))
    if not nearest.is_dir():
        raise InputError(f"cannot write to {path}: {nearest} is a file, not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to {path}: no permission in {nearest}")


@contextlib.contextmanager
def new_folder(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Gives a hidden folder to fill, which becomes ``path`` when the block ends without an error.

    What a killed process left behind is removed the next time the same folder is made.

    Args:
        path: the final name.
        overwrite: replace what is there; otherwise it must not exist.

    Raises:
        ValueError: ``path`` exists, or cannot be written.
    """
    check_free(path, overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        partial = path.with_name(_partial_name(path, os.getpid()))
        partial.mkdir()
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror}") from error
    try:
        yield partial
        _move(partial, path, overwrite)
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _move(partial: Path, path: Path, overwrite: bool) -> None:
    if overwrite and path.exists():
        old = partial.with_name(f"{partial.name}-old")
        path.rename(old)
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        check_free(path)  # somebody else may have finished first
        partial.rename(path)


def _partial_name(path: Path, pid: int | str) -> str:
    return f".{path.name}.partial-{socket.gethostname()}-{pid}"


def _remove_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(_partial_name(path, "*")):
        pid = leftover.name.removesuffix("-old").rsplit("-", 1)[-1]
        if not (pid.isdigit() and _alive(int(pid))):
            shutil.rmtree(leftover, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process
        pass
    return True


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a hidden file's name to write to, which takes the place of ``path`` when complete."""
    partial = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file, which is complete or as it was before."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: dict) -> None:
    """Writes ``content`` as readable JSON; NaN and infinity, which JSON lacks, become null."""
    text = json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False)
    text = re.sub(
        r"\[[^\[\]{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text
    )  # flat lists
    path.write_text(text + "\n", encoding="utf-8")


def read_planted_record(folder: Path) -> dict:
    """Reads the record that ``plant`` wrote.

    Raises:
        ValueError: the folder holds none, or that of something else.
    """
    return _read_record(folder, "planted run", PLANTED_KEYS)


def read_found_record(folder: Path) -> dict:
    """Reads the record that ``seek --host`` wrote.

    Raises:
        ValueError: the folder holds none, or that of something else.
    """
    return _read_record(folder, "ticket found by seek --host", ("host", "pruner", "metrics"))


def _read_record(folder: Path, what: str, keys: Sequence[str]) -> dict:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} is no {what}: expected a folder with a readable {RECORD}"
        ) from error
    missing = [key for key in keys if not isinstance(record, dict) or key not in record]
    if missing:
        raise InputError(f"{folder} is no {what}: its {RECORD} does not say {', '.join(missing)}")
    return record


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
