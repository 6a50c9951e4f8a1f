"""Checks that commands share. They need no TensorFlow, so that mistakes are answered at once."""

from __future__ import annotations

from pathlib import Path

from pns_tf.checks import InputError


def check_data_dir(data_dir: str | None) -> str | None:
    """The folder of data sets as text; raises ``InputError`` if there is none."""
    if data_dir is not None and not Path(str(data_dir)).is_dir():
        raise InputError(f"data_dir must be a folder with TensorFlow data sets, got {data_dir!r}")
    return None if data_dir is None else str(data_dir)
