"""Which seeds were used to choose defaults, and which are only for judging."""

from __future__ import annotations

from collections.abc import Iterable

from pns_tf.checks import InputError, integer

# All defaults of this project's pruners and of its ranking were chosen on some of these seeds.
TUNED = range(100)
FIRST_SEALED = 10_000  # from here on seeds judge; the docs name the exception


def sealed(count: int) -> range:
    """The first sealed seeds.

    Example:
        >>> list(sealed(3))
        [10000, 10001, 10002]
    """
    return range(FIRST_SEALED, FIRST_SEALED + integer("seeds", count, minimum=1))


def check_sealed(seeds: Iterable[float], where: str) -> None:
    """Raises `InputError` if a seed is not sealed, so that no ranking has rows of tuned ones.

    Example:
        >>> check_sealed([10_000, 3], "rows.csv")
        Traceback (most recent call last):
        pns_tf.checks.InputError: rows.csv has rows of seed 3, which are not ranked:
        seeds 0 to 99 were used to choose defaults, a ranking begins with seed 10000
    """
    open_ = sorted({int(seed) for seed in seeds if seed < FIRST_SEALED})
    if open_:
        words = ", ".join(map(str, open_[:5])) + (", …" if len(open_) > 5 else "")
        raise InputError(
            f"{where} has rows of seed{'s' * (len(open_) > 1)} {words}, which are not ranked: "
            f"seeds {TUNED[0]} to {TUNED[-1]} were used to choose defaults, a ranking begins with "
            f"seed {FIRST_SEALED}"
        )
