"""Checks that commands share. They need no TensorFlow, so that mistakes are answered at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from pns_tf.checks import InputError


def check_left_out(
    command: Callable, given: Mapping[str, object], *flags: str, by: str = "--planted"
) -> None:
    """Raises ``InputError`` if a flag that another one (``by``) decides has been set as well."""
    for name in flags:
        if given[name] != inspect.signature(command).parameters[name].default:
            raise InputError(f"leave out --{name}: {by} says it already, got {given[name]!r}")


def check_image_flags(
    command: Callable, given: Mapping[str, object], *flags: str, needed_by: str
) -> None:
    """Raises ``InputError`` if a flag for networks on images is set without such a network."""
    for name in flags:
        if given[name] != inspect.signature(command).parameters[name].default:
            raise InputError(f"--{name} needs {needed_by}, got {given[name]!r}")


def check_data_dir(data_dir: str | None) -> str | None:
    """The folder of data sets as text; raises ``InputError`` if there is none."""
    if data_dir is not None and not Path(str(data_dir)).is_dir():
        raise InputError(f"data_dir must be a folder with TensorFlow data sets, got {data_dir!r}")
    return None if data_dir is None else str(data_dir)
