"""Checks of what a user passes in: one clear line for each bad value."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path


class InputError(ValueError):
    """A value from the user that cannot work; its message is one line for the user.

    The command line prints the message and ends with exit code 2.
    """


def integer(name: str, value: object, minimum: int) -> int:
    """Returns ``value`` as an int, or raises ``InputError`` unless it is one >= ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        raise InputError(f"{name} must be an integer of at least {minimum}, got {value!r}")
    return int(value)


def number(
    name: str, value: object, low: float, high: float = math.inf, *, low_excluded: bool = False
) -> float:
    """Returns ``value`` as a float, or raises ``InputError`` unless it lies in [low, high]."""
    found = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    valid = math.isfinite(found) and low <= found <= high and not (low_excluded and found == low)
    if not valid:
        wanted = f"of at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        if low_excluded:
            wanted = f"above {low:g}" + ("" if high == math.inf else f" and at most {high:g}")
        raise InputError(f"{name} must be a number {wanted}, got {value!r}")
    return found


def text(name: str, value: object, wanted: str) -> str:
    """Returns ``value``, or raises ``InputError`` saying what is ``wanted`` unless it is a word."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InputError(f"{name} must be {wanted}, got {value!r}")
    return value


def choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Returns ``value``, or raises ``InputError`` naming the choices unless it is one of them."""
    choices = list(choices)
    if value not in choices:
        raise InputError(
            f"unknown {name} {value!r}: choose from {', '.join(choices)}{similar(value, choices)}"
        )
    return str(value)


def similar(value: object, choices: Iterable[str]) -> str:
    """Returns " (did you mean 'x'?)" for the choice that looks most like ``value``, or ""."""
    close = difflib.get_close_matches(str(value), list(choices), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def flag(name: str, value: object) -> bool:
    """Returns ``value``, or raises ``InputError`` unless it is True or False."""
    if not isinstance(value, bool):
        raise InputError(f"{name} must be True or False, got {value!r}")
    return value


def options_of(value: object) -> dict:
    """A pruner's options, ``None`` for none.

    Raises:
        InputError: no dict of names and values that a record can keep.

    Example:
        >>> options_of({"temperature": 100}), options_of(None)
        ({'temperature': 100}, {})
    """
    wanted = "options must be a dict such as '{temperature: 100}'"
    if isinstance(value, str):
        raise InputError(
            f"{wanted}, got {value!r}: words with dots, slashes and the like need quotes, "
            "as in --options=\"{path: 'x.npz'}\""
        )
    if not isinstance(value or {}, dict):
        raise InputError(f"{wanted}, got {value!r}")
    found = dict(value or {})  # type: ignore[call-overload]
    for name in found:
        if not isinstance(name, str):
            raise InputError(f"options must have names such as temperature, got {name!r}")
    try:
        json.dumps(found)
    except (TypeError, ValueError) as error:
        raise InputError(f"options must be numbers, words and lists of them: {error}") from error
    return found


def several(values: object) -> list:
    """One or several values of a flag: ``a,b`` comes as a tuple or as one word, and ``a`` alone.

    Raises:
        InputError: not such a list.

    Example:
        >>> several((0.1, "baseline")), several("snip,my.module:Mine"), several(5), several(())
        ([0.1, 'baseline'], ['snip', 'my.module:Mine'], [5], [])
    """
    found = list(values) if isinstance(values, tuple | list) else [values]
    if any(value is None or isinstance(value, bool | dict | tuple | list) for value in found):
        raise InputError(f"one or several values are needed, separated by commas, got {values!r}")
    parts = [value.split(",") if isinstance(value, str) else [value] for value in found]
    return [each.strip() if isinstance(each, str) else each for part in parts for each in part]


def json_object(path: Path, what: str, keys: Iterable[str] = ()) -> dict:
    """The JSON object in a file that makes its folder ``what``; it must say ``keys``."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.parent} is no {what}: expected a folder with a readable {path.name}"
        ) from error
    if missing := [key for key in keys if not isinstance(content, dict) or key not in content]:
        raise InputError(
            f"{path.parent} is no {what}: its {path.name} does not say {', '.join(missing)}"
        )
    if not isinstance(content, dict):
        raise InputError(f'{path} must hold a JSON object, such as {{"name": "mine"}}')
    return content
