"""Results appear under their final name only when complete, and never replace others unasked."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pns_tf.checks import InputError, json_object

RECORD = "ticket.json"
MASKS = "masks.npz"
NAME_BYTES = 255  # of a name at most, on all file systems in use
PATH_BYTES = 3900  # of a whole path at most: 4096, less what stands in the folder
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


def output_folder(out: object, *inside: str, written: bool = True) -> Path:
    """The folder that a command's ``--out`` names; what can be wrong with it is said at once.

    Every command calls this first, so that nobody waits for results that cannot be kept.

    Args:
        out: what the user has given.
        *inside: folders in it that the command writes to.
        written: whether anything is written there, or only read.

    Raises:
        ValueError: it is no name of a folder, or none can be made there.

    Example:
        >>> output_folder("results", "runs").name
        'results'
        >>> output_folder(["a", "b"])
        Traceback (most recent call last):
        pns_tf.checks.InputError: out must be the name of a folder, got ['a', 'b']
    """
    said = str(out) if isinstance(out, str | os.PathLike) else ""
    if not said.strip() or re.search(r"[\x00-\x1f\x7f]", said):
        raise InputError(f"out must be the name of a folder, got {out!r}")
    folder = Path(said)
    for path in (folder, *(folder / name for name in inside)):
        _check_can_be(path, written)
    return folder


def check_free(path: Path, overwrite: bool = False, holds: str | None = None) -> None:
    """Raises ``InputError`` if a folder could not be made at ``path``; leaves nothing there.

    Called before work starts, so that nobody waits for results that cannot be kept.

    Args:
        path: the final name.
        overwrite: whether to replace what is there.
        holds: a file of all folders that may be replaced, so that no other one is deleted.
    """
    _check_can_be(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists already: choose another --out or pass --overwrite")
    something = path.exists() and any(path.iterdir())
    if holds is not None and something and not (path / holds).exists():
        raise InputError(
            f"{path} is not overwritten: it holds no {holds}, so it is something else; choose "
            "another --out"
        )
    _check_length(path.with_name(f"{_partial_name(path, 2**22)}-old"), path)


def _check_can_be(path: Path, written: bool = True) -> None:
    """Raises ``InputError`` unless ``path`` is a folder, or one can be made there."""
    whole = path.absolute()
    # What cannot be looked at, as under a file or with too long a name, does not exist either.
    nearest = next(place for place in (whole, *whole.parents) if os.path.lexists(place))
    try:
        nearest.stat()
    except OSError as error:  # it is there, but leads nowhere or to itself
        raise InputError(
            f"cannot write to {path}: {nearest} is a broken link ({error.strerror})"
        ) from error
    if not nearest.is_dir():
        raise InputError(f"cannot write to {path}: {nearest} is a file, not a folder")
    _check_length(whole, path)
    if not written:
        return
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"cannot write to {path}: no permission in {nearest}")
    try:  # there are folders, such as those of /proc, that have permissions and take nothing
        os.rmdir(tempfile.mkdtemp(prefix=".pns_tf-", dir=nearest))
    except OSError as error:
        raise InputError(f"cannot write to {path}: {error.strerror}") from error


def _check_length(path: Path, asked: Path) -> None:
    """Raises ``InputError`` if a name is longer than file systems take, even where none is yet."""
    if any(len(os.fsencode(name)) > NAME_BYTES for name in path.parts):
        raise InputError(f"cannot write to {asked}: File name too long")
    if len(os.fsencode(path)) > PATH_BYTES:
        raise InputError(f"cannot write to {asked}: the whole path is too long")


@contextlib.contextmanager
def new_folder(path: Path, overwrite: bool = False, holds: str | None = None) -> Iterator[Path]:
    """Gives a hidden folder to fill, which becomes ``path`` when the block ends without an error.

    What a killed process left behind is removed the next time the same folder is made.

    Args:
        path: the final name.
        overwrite: replace what is there; otherwise it must not exist.
        holds: as for `check_free`.

    Raises:
        ValueError: ``path`` exists, or is something else than what may be replaced, or cannot be
            written.
    """
    check_free(path, overwrite, holds)
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
    return json_object(folder / RECORD, "planted run", PLANTED_KEYS)


def read_found_record(folder: Path) -> dict:
    """Reads the record that ``seek --host`` wrote.

    Raises:
        ValueError: the folder holds none, or that of something else.
    """
    keys = ("host", "pruner", "metrics")
    return json_object(folder / RECORD, "ticket found by seek --host", keys)


def read_sought_record(folder: Path) -> dict:
    """Reads the record of any found ticket, whatever it was sought in.

    Raises:
        ValueError: the folder holds none, or one of an earlier version.
    """
    keys = ("pruner", "metric", "metrics", "history", "validation", "seconds", "scales")
    return json_object(folder / RECORD, "found ticket", (*keys, "augmented"))


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
