"""Plant winning lottery tickets into random networks, then ask pruning methods to find them.

TensorFlow is imported only when a name that needs it is first used.
"""

from __future__ import annotations

import importlib
import pkgutil

from pns_tf import finding_layers

__version__ = "0.1.0"

# Public name -> module that defines it.
_PUBLIC = {
    "Constructed": "pns_tf.constructing.constructed",
    "FoundTicket": "pns_tf.found_ticket",
    "Host": "pns_tf.recipe.hosts",
    "Mask": "pns_tf.masks",
    "Planted": "pns_tf.planting.planted",
    "UpdateMasks": "pns_tf.tfmot.update_masks",
    "apply_masks": "pns_tf.tfmot.wrapper",
    "construct": "pns_tf.constructing.constructed",
    "host_from_arrays": "pns_tf.hosts.models",
    "host_from_model": "pns_tf.hosts.models",
    "load_found": "pns_tf.saving.found_again",
    "load_planted": "pns_tf.saving.exporting",
    "plant": "pns_tf.planting.planted",
    "prune": "pns_tf.tfmot.prune",
    "seek": "pns_tf.seeking",
    "vgg_host": "pns_tf.hosts.vgg",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str):
    if name in _modules():
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC, *_modules()})


def _modules() -> set[str]:
    """Names of the package's own modules: each is an attribute without being imported first."""
    return {module.name for module in pkgutil.iter_modules(__path__)} - {"__main__"}


finding_layers.install()
