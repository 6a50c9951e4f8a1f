"""The command line (Google Fire).

Fire calls a function before it notices an unknown flag. So the functions that Fire sees only note
down what they were asked for; the work starts once Fire has understood the whole line.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, MutableMapping, Sequence

import fire
from fire.core import FireExit

from pns_tf import __version__
from pns_tf.checks import InputError, similar
from pns_tf.commands.flags import RENAMED
from pns_tf.commands.words import check_words, read_as_meant


class Commands(MutableMapping[str, Callable]):
    """Commands by name: the module of each is imported when it is first asked for.

    Args:
        *names: of functions, each in the module ``pns_tf.commands.<name>``.

    Example:
        >>> COMMANDS["tasks"].__module__
        'pns_tf.commands.tasks'
    """

    def __init__(self, *names: str) -> None:
        self._found: dict[str, Callable | None] = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Callable:
        command = self._found[name]
        if command is None:
            module = importlib.import_module(f"{__name__}.{name}")
            command = self._found[name] = getattr(module, name)
        return command

    def __setitem__(self, name: str, command: Callable) -> None:
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


COMMANDS = Commands(
    "plant",
    "construct",
    "seek",
    "instance",
    "judge",
    "reproduce",
    "leaderboard",
    "sweep",
    "minimal_width",
    "existence",
    "detect",
    "tasks",
    "pruners",
    "experiments",
)


def _deferred(command: Callable, requests: list[Callable]) -> Callable:
    """Looks like ``command`` to Fire, but only appends the call to ``requests``."""

    @functools.wraps(command)
    def note_down(*args, **kwargs) -> None:  # a result would be something for Fire to walk into
        requests.append(functools.partial(command, *args, **kwargs))

    return note_down


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command; exits with code 2 and one line on standard error if it cannot."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if not argv or {"-h", "--help"} & {*argv}:  # to Fire, -h is a flag that starts so
        argv = [*(word for word in argv[:1] if word in COMMANDS), "--help"]
    if argv == ["--version"]:
        print(f"pns_tf {__version__}")
        return
    os.environ.setdefault("PAGER", "cat")  # Fire would open help in a pager
    try:
        request = _parse(argv)
        if request is not None:
            request()
        sys.stdout.flush()  # a reader that has gone, such as head, is noticed here
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor at exit
    except (InputError, MemoryError) as error:
        print(f"pns_tf: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("pns_tf: stopped", file=sys.stderr)
        sys.exit(130)


def _parse(argv: list[str]) -> Callable | None:
    """The call that Fire makes of the line; ``None`` if help was asked for and shown."""
    if argv[0] not in (*COMMANDS, "--help"):
        raise InputError(
            f"unknown command {argv[0]!r}: choose from {', '.join(COMMANDS)}"
            f"{similar(argv[0], COMMANDS)}"
        )
    said, requests = io.StringIO(), list[Callable]()
    names = COMMANDS if argv[0] == "--help" else argv[:1]
    components = {name: _deferred(COMMANDS[name], requests) for name in names}
    if "--help" not in argv:
        check_words(argv, _flags(argv[0]))
        read_as_meant(COMMANDS[argv[0]], components[argv[0]])  # help would show what this adds
    try:
        with contextlib.redirect_stderr(said):
            fire.Fire(
                components,
                command=argv,
                name="pns_tf",
                serialize=lambda result: None,
            )
    except FireExit as stop:
        if stop.code == 0:
            print(said.getvalue().rstrip())
            return None
        raise InputError(_in_one_line(argv, str(stop.trace.elements[-1].ErrorAsStr()))) from None
    return requests[0] if requests else None


def _flags(command: str) -> list[str]:
    """All that a command has, as they are written."""
    spec = fire.inspectutils.GetFullArgSpec(COMMANDS[command])
    return [f"--{name}" for name in spec.kwonlyargs]


def _in_one_line(argv: list[str], complaint: str) -> str:
    """Fire's complaint, with the flags that the command has."""
    flags = _flags(argv[0])
    unused = re.search(r"Could not consume arg: (\S+)", complaint)
    if not unused:
        return f"{argv[0]}: {complaint}"
    flag = unused.group(1).split("=")[0]
    now = f"--{RENAMED.get(flag.lstrip('-'))}"
    if "spars" in flag and "--density" in flags:
        return f"{argv[0]} has no flag {flag}: densities are fractions kept, --density=1-sparsity"
    meant = f" (did you mean {now!r}?)" if now in flags else similar(flag, flags)
    return f"{argv[0]} has no flag {flag}: choose from {', '.join(flags)}{meant}"
