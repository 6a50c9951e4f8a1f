"""The command line (Google Fire).

Fire calls a function before it notices an unknown flag. So the functions that Fire sees only note
down what they were asked for; the work starts once Fire has understood the whole line.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import sys
from collections.abc import Callable, Sequence

import fire
from fire.core import FireExit

from pns_tf import __version__
from pns_tf.checks import InputError, similar
from pns_tf.commands.construct import construct
from pns_tf.commands.detect import detect
from pns_tf.commands.existence import existence
from pns_tf.commands.experiments import experiments
from pns_tf.commands.flags import RENAMED
from pns_tf.commands.instance import instance
from pns_tf.commands.judge import judge
from pns_tf.commands.leaderboard import leaderboard
from pns_tf.commands.minimal_width import minimal_width
from pns_tf.commands.plant import plant
from pns_tf.commands.pruners import pruners
from pns_tf.commands.reproduce import reproduce
from pns_tf.commands.seek import seek
from pns_tf.commands.sweep import sweep
from pns_tf.commands.tasks import tasks
from pns_tf.commands.words import check_words, read_as_meant

COMMANDS: dict[str, Callable] = {
    "plant": plant,
    "construct": construct,
    "seek": seek,
    "instance": instance,
    "judge": judge,
    "reproduce": reproduce,
    "leaderboard": leaderboard,
    "sweep": sweep,
    "minimal_width": minimal_width,
    "existence": existence,
    "detect": detect,
    "tasks": tasks,
    "pruners": pruners,
    "experiments": experiments,
}


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
    components = {name: _deferred(command, requests) for name, command in COMMANDS.items()}
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
