"""The words of a command line, before Fire makes values of them.

Fire would walk into attributes (``plant __class__``), take flags of its own behind ``--``, and read
values as Python: ``0x5`` is 5 to it, and ``results # 2`` is results.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence

import fire
from fire.parser import DefaultParseValue

from pns_tf.checks import InputError

TEXT = ("str", "str | None")  # annotations of flags whose value is the word itself
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Python's other ways to write a number: 0x5, 0b11, 1_000.
ODD_NUMBER = re.compile(r"(?<![\w.'\"])[+-]?(0[xXoObB][0-9a-fA-F_]+|\d+(_\d+)+)(?![\w'\"])")


def is_flag(word: str) -> bool:
    """Whether Fire takes a word for a flag; ``-1`` is none."""
    return re.match("--|-[a-zA-Z]", word) is not None


def check_words(argv: Sequence[str], flags: Sequence[str]) -> None:
    """Raises ``InputError`` unless all that follows the command are flags, once each, and values.

    Args:
        argv: the command's name, then its words.
        flags: that it has, such as "--out".
    """
    command, *words = argv
    given: set[str] = set()
    for word, before in zip(words, [command, *words], strict=False):
        value_of = before if is_flag(before) and "=" not in before else None
        if word == "-" or re.match("--(-|$)", word) or not (is_flag(word) or value_of):
            raise InputError(
                f"{command} takes flags only, got {word!r}: choose from {', '.join(flags)}"
            )
        name = (word if is_flag(word) else value_of or "").split("=")[0].lstrip("-")
        if CONTROL.search(word if name != "options" else re.sub(r"[\t\n]", "", word)):
            raise InputError(f"line breaks and the like have no place in a flag, got {word!r}")
        if is_flag(word):
            flag = name.replace("-", "_")
            if flag in given:  # Fire would take the last one without a word
                raise InputError(
                    f"--{flag} is given twice: several values are separated by commas, where it "
                    f"takes several, got {word!r}"
                )
            given.add(flag)


def read_as_meant(command: Callable, function: Callable) -> None:
    """Tells Fire how to read the values of a function that is called like ``command``.

    Flags that are text are what was written, and numbers are decimal. What else Fire makes of a
    word, such as a list or True, is kept, so that checks can name it.
    """
    for name, parameter in inspect.signature(command).parameters.items():
        read = _text if parameter.annotation in TEXT else _value
        fire.decorators.SetParseFn(read, name)(function)


def _text(word: str) -> object:
    value = DefaultParseValue(word)
    quoted = isinstance(value, str) and word[:1] in ("'", '"') and word[-1:] == word[:1]
    kept = isinstance(value, bool | None | list | tuple | dict | set)
    return value if quoted or kept else word


def _value(word: str) -> object:
    """As Fire reads it; a number that is none to most people stays a word."""
    return word if ODD_NUMBER.search(word) else DefaultParseValue(word)
