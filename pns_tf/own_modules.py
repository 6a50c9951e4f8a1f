"""What a user names as "module:NAME", from a module that may lie in the current folder.

Whatever the user's code raises is told in one line, with the place in that code.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from pns_tf.checks import InputError

# Of this project, of Python, and of what is installed: none of it is the user's.
OURS = tuple(
    str(Path(str(folder)).resolve())
    for folder in (
        Path(__file__).parent,
        *(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib")),
    )
)


def load(what: str, name: str, place: str | None = None) -> object:
    """Imports ``place``, by default ``name`` itself.

    Args:
        what: such as "pruner", for the message.
        name: what the user typed, for the message.
        place: "module:NAME".

    Raises:
        ValueError: it cannot be imported; the message says why, and where in the user's code.
    """
    module, attribute = parts_of(place or name)
    here = str(Path.cwd())
    if here not in sys.path:  # last, so that a file of the user's shadows no installed module
        sys.path.append(here)
    try:
        return getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise InputError(f"{what} {name!r} cannot be loaded: {reason(error)}") from error


def parts_of(name: str) -> tuple[str, str]:
    """Module and attribute of "module:NAME"; the module may also be its file in this folder.

    Raises:
        ValueError: a file elsewhere, which could not be imported.

    Example:
        >>> parts_of("mine.pruners:Best"), parts_of("mine/pruners.py:Best")
        (('mine.pruners', 'Best'), ('mine.pruners', 'Best'))
    """
    module, _, attribute = str(name).rpartition(":")
    if not module.endswith(".py"):
        module, _, attribute = str(name).partition(":")
        return module, attribute
    folders = Path(module.removesuffix(".py")).parts
    if not all(part.isidentifier() for part in folders):
        raise InputError(f"{name!r} must be in the current folder or below, such as mine.py:NAME")
    return ".".join(folders), attribute


@contextlib.contextmanager
def told(what: str, name: str) -> Iterator[None]:
    """Makes one line of what the user's own code raises, or of its wish to exit.

    What is raised elsewhere goes on as it is.

    Example:
        >>> with told("pruner", "my_module:Mine"):
        ...     pass
    """
    try:
        yield
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        if not line_of(error):
            raise
        raise InputError(f"{what} {name!r} fails: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What was raised, in one line that ends with the place in the user's code, if it is there."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    first = (said.splitlines() or ["no reason given"])[0]
    place = line_of(error)
    return f"{type(error).__name__}: {first}" + (f" ({place})" if place else "")


def line_of(error: BaseException) -> str | None:
    """File and line of the user's code that the error comes from; ``None`` if it is in none.

    Example:
        >>> line_of(ValueError("never raised"))
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if not frame.filename.startswith("<")
        and not str(Path(frame.filename).resolve()).startswith(OURS)
        and Path(frame.filename).name != "__main__.py"
    ]
    # What runs the commands may be a file of the user's, too; then ours come after it.
    last = next((n for n in reversed(range(len(frames))) if frames[n] in own), None)
    inside = last is not None and any(
        str(Path(frame.filename).resolve()).startswith(OURS[0]) and frame.name != "told"
        for frame in frames[:last]
    )
    return f"{frames[last].filename}, line {frames[last].lineno}" if inside else None  # type: ignore[index]
