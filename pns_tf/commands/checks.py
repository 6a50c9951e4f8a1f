"""Checks that commands share. They need no TensorFlow, so that mistakes are answered at once."""

from __future__ import annotations

from pathlib import Path

from pns_tf.checks import InputError, integer, text


def check_data_dir(data_dir: str | None) -> str | None:
    """The folder of data sets as text; raises ``InputError`` if there is none."""
    if data_dir is not None and not (isinstance(data_dir, str) and Path(data_dir).is_dir()):
        raise InputError(f"data_dir must be a folder with TensorFlow data sets, got {data_dir!r}")
    return data_dir


def check_workers(workers: object, scheduler: object = None) -> None:
    """Raises ``InputError`` unless these say where runs are executed."""
    if workers is not None:
        integer("workers", workers, minimum=1)
    if scheduler is not None:
        text("scheduler", scheduler, "an address such as tcp://host:8786")
        if workers is not None:
            raise InputError(
                f"leave out --workers: the machines of the scheduler have theirs, got {workers!r}"
            )
