"""The state of long searches, kept as they go, so that a killed one goes on from there.

A search is a sequence of stages: trainings, epochs of gates or scores, rounds of swaps. Started
again, it repeats what is quick, such as scores and masks, and takes up every stage where it was
left. Random streams are kept too, so that the result is the same as without the interruption.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pns_tf.checks import InputError
from pns_tf.masks import Mask

SETTINGS = "settings.json"
EVERY = 0.25  # seconds; keeping a state takes 5 ms, as long as an epoch of a small network
FORMAT = 2  # of what is kept; raised when it comes to mean something else
_stages: contextvars.ContextVar[Iterator[Stage] | None] = contextvars.ContextVar(
    "stages", default=None
)


class Kept(Protocol):
    """What a stage keeps: anything that is read and set like a ``tf.Variable``."""

    def numpy(self) -> np.ndarray: ...

    def assign(self, value: np.ndarray) -> object: ...


class Note:
    """An array outside TensorFlow that is kept with the rest.

    Example:
        >>> losses = Note(np.zeros(3))
        >>> losses.value[1] = 0.5
        >>> losses.numpy()
        array([0. , 0.5, 0. ])
    """

    def __init__(self, value: Any):
        self.value = value

    def numpy(self) -> np.ndarray:
        return np.asarray(self.value)

    def assign(self, value: np.ndarray) -> None:
        self.value = np.asarray(value)


class MaskNote(Note):
    """A mask that is kept with the rest, and stays of the same shape."""

    value: Mask

    def numpy(self) -> np.ndarray:
        return self.value.flat

    def assign(self, value: np.ndarray) -> None:
        self.value = self.value.shaped(value)


class Stage:
    """A part of a search and the file that keeps its state.

    Args:
        path: an ``.npz`` file; ``None`` keeps nothing.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        self._kept_at = time.monotonic()

    def restore(self, variables: Sequence[Kept], rng: np.random.Generator) -> list[float]:
        """Assigns what was kept last; returns the losses of the finished epochs, if any."""
        if self.path is None or not self.path.exists():
            return []
        with np.load(self.path) as kept:
            for index, variable in enumerate(variables):
                variable.assign(kept[f"variable{index}"])
            rng.bit_generator.state = json.loads(str(kept["rng"]))
            return kept["history"].tolist()

    def save(
        self,
        variables: Sequence[Kept],
        rng: np.random.Generator,
        history: list[float],
        finished: bool = False,
    ) -> None:
        """Keeps the state after an epoch, in place of the one before.

        Nothing is kept if less than `EVERY` has passed since the last time, unless the stage is
        ``finished``.
        """
        if self.path is None or not (finished or time.monotonic() - self._kept_at >= EVERY):
            return
        arrays: dict[str, Any] = {
            f"variable{index}": value.numpy() for index, value in enumerate(variables)
        }
        partial = self.path.with_suffix(".partial.npz")
        try:
            np.savez(partial, **arrays, rng=json.dumps(rng.bit_generator.state), history=history)
            os.replace(partial, self.path)
            self._kept_at = time.monotonic()
        except OSError as error:
            raise InputError(f"cannot write to {self.path.parent}: {error.strerror}") from error


@contextlib.contextmanager
def kept_in(folder: Path, settings: dict) -> Iterator[None]:
    """Within this block searches are kept in ``folder``, and go on from what is there.

    When the block ends without an error the folder is removed.

    Args:
        folder: of this search alone.
        settings: everything that decides what is computed, for JSON. What other settings have left
            behind is removed.

    Raises:
        ValueError: the folder cannot be written.

    Example:
        >>> with kept_in(Path("search"), {"seed": 0}):
        ...     stage = next_stage()
        >>> stage.path.name
        'stage0.npz'
    """
    made = [parent for parent in folder.absolute().parents if not parent.exists()]
    text = json.dumps({"format": FORMAT, "settings": settings}, sort_keys=True)
    try:
        if folder.exists() and _read(folder / SETTINGS) != text:
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SETTINGS).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error
    token = _stages.set(_numbered(folder))
    finished = False
    try:
        yield
        finished = True
    finally:
        _stages.reset(token)
        if finished or not any(folder.glob("*.npz")):
            shutil.rmtree(folder)
            for parent in made:  # unless something has been put there since
                with contextlib.suppress(OSError):
                    parent.rmdir()


def next_stage() -> Stage:
    """The stage that begins now; outside `kept_in` one that keeps nothing."""
    stages = _stages.get()
    return Stage() if stages is None else next(stages)


def _numbered(folder: Path) -> Iterator[Stage]:
    number = 0
    while True:
        yield Stage(folder / f"stage{number}.npz")
        number += 1


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
