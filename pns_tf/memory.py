"""What would not fit into the memory of this machine is refused before any of it is taken."""

from __future__ import annotations

import os
from pathlib import Path

from pns_tf.checks import InputError

LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container that this runs in
WEIGHT = 16  # bytes of each weight: host, ticket and their masks, float32 each


def check_memory(what: str, needed: int) -> None:
    """Raises ``InputError`` if so much memory is more than this machine has.

    Args:
        what: needs it, as the message says it.
        needed: bytes.

    Example:
        >>> check_memory("a network of width 10", needed=1600)
    """
    there = memory()
    if there is not None and needed > there:
        raise InputError(
            f"{what} needs at least {in_words(needed)} of memory, this machine has "
            f"{in_words(there)}"
        )


def memory() -> int | None:
    """Bytes that this process may take at most; ``None`` where the system does not say it."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has none of it
        return None
    try:
        return min(there, int(LIMIT.read_text()))
    except (OSError, ValueError):  # no such limit
        return there


def in_words(size: int) -> str:
    """Bytes as a number of at most three digits.

    Example:
        >>> in_words(1_610_000_000)
        '1.61 GB'
    """
    value, units = float(size), ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.3g} {units[0]}"
