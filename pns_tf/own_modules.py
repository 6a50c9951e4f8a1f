"""What a user names as "module:NAME", from a module that may lie in the current folder."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pns_tf.checks import InputError


def load(what: str, name: str, place: str | None = None) -> object:
    """Imports ``place``, by default ``name`` itself.

    Args:
        what: such as "pruner", for the message.
        name: what the user typed, for the message.
        place: "module:NAME".

    Raises:
        ValueError: it cannot be imported; the message says why.
    """
    module, _, attribute = (place or name).partition(":")
    here = str(Path.cwd())
    if here not in sys.path:  # last, so that a file of the user's shadows no installed module
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the user's module raises
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise InputError(
            f"{what} {name!r} cannot be loaded: {type(error).__name__}: {reason}"
        ) from error
