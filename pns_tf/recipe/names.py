"""Names of folders, from the settings of what is in them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from pns_tf.recipe.search import SeekSettings


def shape_name(task: str, depth: int, width: int) -> str:
    """Folder name of what is said of hosts of one shape."""
    return f"{re.sub('[:/]', '.', task)}-d{depth}-w{width}"


def run_name(task: str, depth: int, width: int, seed: int) -> str:
    """Folder name of a planted run."""
    return f"{shape_name(task, depth, width)}-s{seed}"


def found_name(run: str, settings: SeekSettings, planted_seed: int) -> str:
    """Folder name of a search in a planted run: run, pruner, density, and what is not the default.

    The pruner's options stand before the density. What the data and the host are made of is said by
    the planted run, see `pns_tf.recipe.planting.Planting.unusual`.

    Example:
        >>> settings = SeekSettings("edge_popup", 0.5, epochs=20, options={"anneal": True})
        >>> found_name("circle-d5-w100-s0", settings, planted_seed=0)
        'circle-d5-w100-s0-edge_popup-anneal-0.5-epochs=20'
    """
    elsewhere = ("pruner", "density", "seed", "options", "samples", "noise")
    search = {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.name not in elsewhere and getattr(settings, field.name) != field.default
    }
    if settings.seed != planted_seed:
        search["seed"] = settings.seed
    words = [run, settings.pruner.replace(":", "."), *_words(settings.options)]
    words += [f"{settings.density:.6g}", *_words(search)]
    return re.sub(r"[^\w.=+-]", "_", "-".join(words))


def _words(settings: dict[str, object]) -> list[str]:
    return [name if value is True else f"{name}={value}" for name, value in settings.items()]


def augmented_word(augmented: bool) -> str:
    """What the folder of a search in mirrored and shifted images ends with."""
    return "-augmented" if augmented else ""


def unusual_words(settings: Mapping[str, object]) -> str:
    """Settings that are not the default, to be put behind a name.

    Example:
        >>> unusual_words({"hide": "strong", "epsilon": 0.05})
        '-hide=strong-epsilon=0.05'
    """
    return "".join(f"-{name}={value}" for name, value in settings.items())
