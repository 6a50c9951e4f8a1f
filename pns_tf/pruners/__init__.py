"""Pruners: each gives every prunable parameter a score, or searches for a ticket by itself.

To add one, write a class derived from `Pruner`. Named "module:Class" it needs nothing else; one
that comes with the project has a row in `pns_tf.recipe.pruners`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

from pns_tf import own_modules
from pns_tf.checks import InputError, choice
from pns_tf.pruners.batch import scoring_batch
from pns_tf.recipe.pruners import PRUNERS, check_name
from pns_tf.seeding import generator

if TYPE_CHECKING:
    from pns_tf.pruners.base import Pruner
    from pns_tf.recipe.search import SeekSettings

__all__ = ["Pruner", "get", "load", "make_pruner", "names", "scoring_batch"]


def __getattr__(name: str):
    if name != "Pruner":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module("pns_tf.pruners.base").Pruner


def names() -> list[str]:
    """Names of all pruners that come with the project."""
    return list(PRUNERS)


def load(name: str) -> Callable[..., Pruner]:
    """Returns what makes a pruner: its class, by its name or as "module:Class".

    "module:function" may also name a plain function, see `pns_tf.pruners.function`. A module of
    the user's own may lie in the current directory.

    Raises:
        ValueError: no such pruner, or the class cannot be imported (the message says why).
    """
    known = PRUNERS.get(check_name(name))
    place = name if known is None else known.place
    pruner = own_modules.load("pruner", name, place)
    base = importlib.import_module("pns_tf.pruners.base").Pruner
    if inspect.isclass(pruner) and issubclass(pruner, base):
        return cast("type[Pruner]", pruner)
    if inspect.isclass(pruner) or not callable(pruner):
        raise InputError(
            f"pruner {name!r} must be a class derived from pns_tf.pruners.Pruner, or a function "
            "prune(instance, density, rng)"
        )
    made = importlib.import_module("pns_tf.pruners.function").FunctionPruner

    def of_function(seed: int = 0) -> Pruner:
        return made(seed=seed, function=pruner)

    return of_function


def get(name: str, **options) -> Pruner:
    """Returns the pruner ``name`` with ``options``.

    Args:
        name: one of `names()`, or "module:Class" for a class derived from `Pruner`.
        **options: the pruner's own, such as ``seed=1`` for "random".

    Raises:
        ValueError: unknown pruner or option (the message names the choices), an option of the
            wrong type, or a class that cannot be imported.

    Example:
        >>> pruner = get("grasp", temperature=100)
        >>> scores = pruner.score(host, x, y)  # kernel, bias of each layer
    """
    pruner = load(name)
    known = inspect.signature(pruner).parameters
    for option, value in options.items():
        choice(f"option of pruner {name!r}", option, known)
        _check_type(f"option {option!r} of pruner {name!r}", value, known[option].default)
    return pruner(**options)


def make_pruner(settings: SeekSettings) -> Pruner:
    """The pruner that the settings name, with their options, and with their seed if it comes along.

    That seed also draws the host, so that one of the user's own gets `own_seed` instead.

    Raises:
        ValueError: unknown pruner or option, or a class that cannot be imported.

    Example:
        >>> from pns_tf.recipe.search import SeekSettings
        >>> make_pruner(SeekSettings("grasp", seed=3, options={"temperature": 100})).seed
        3
    """
    known = settings.pruner in PRUNERS
    seed = settings.seed if known else own_seed(settings.seed)
    return get(settings.pruner, **{"seed": seed, **settings.options})


def own_seed(seed: int) -> int:
    """What a pruner that does not come along has for a seed, instead of that of its run.

    Example:
        >>> own_seed(0) == own_seed(0), own_seed(0) == 0
        (True, False)
    """
    return int(generator(seed, "pruner of one's own").integers(2**31))


def _check_type(what: str, value: object, default: object) -> None:
    """Raises `InputError` unless a number or switch replaces a default of its kind."""
    for kind, wanted in ((bool, bool), (int, Integral), (float, Real)):
        if isinstance(default, kind):
            if not isinstance(value, wanted) or isinstance(value, bool) != (kind is bool):
                raise InputError(
                    f"{what} must be of type {kind.__name__}, such as {default!r}, got {value!r}"
                )
            return
