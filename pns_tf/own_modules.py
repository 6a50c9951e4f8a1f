"""What a user names as "module:NAME", from a module that may lie in the current folder."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Iterator
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


@contextlib.contextmanager
def in_their_code(what: str, own: object) -> Iterator[None]:
    """Turns an error in the user's function into one line with the place in their file.

    Args:
        what: such as "pruner 'mine:prune'", for the message.
        own: the function, whose file is theirs.

    Raises:
        ValueError: whatever the block raises, unless it is one already.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        file = inspect.getsourcefile(own) if callable(own) else None
        steps = traceback.extract_tb(error.__traceback__)
        theirs = [step for step in steps if step.filename == file] or steps[-1:]
        reason = (str(error).splitlines() or ["no reason given"])[0]
        place = f"{Path(theirs[-1].filename).name}, line {theirs[-1].lineno}"
        raise InputError(f"{what} failed in {place}: {type(error).__name__}: {reason}") from error
