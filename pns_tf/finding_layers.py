"""Keras finds this package's layers in saved models, also if nothing has imported them before.

A file of a model names its layers, such as "pns_tf>PruneBySaliency", and Keras looks the names up
among the classes that are registered. Importing the classes means importing TensorFlow, which
``import pns_tf`` does not do. So stand-ins are registered, which import the class when a layer is
to be made; the class then takes their place.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from typing import Any

REGISTRY = "tf_keras.src.saving.object_registration"
PLACES = {
    "PlantedConv2D": "pns_tf.hosts.layers",
    "PlantedDense": "pns_tf.hosts.layers",
    "PruneBySaliency": "pns_tf.tfmot.wrapper",
}


def install() -> None:
    """Registers the stand-ins, now or as soon as Keras is imported."""
    if REGISTRY in sys.modules:
        _register(sys.modules[REGISTRY])
    else:
        sys.meta_path.insert(0, _WhenImported())


def _register(registry: Any) -> None:
    for name, place in PLACES.items():
        registry._GLOBAL_CUSTOM_OBJECTS.setdefault(f"pns_tf>{name}", _stand_in(name, place))


def _stand_in(name: str, place: str) -> type:
    def from_config(cls, config):
        return getattr(importlib.import_module(place), name).from_config(config)

    return type(name, (), {"__module__": place, "from_config": classmethod(from_config)})


class _WhenImported(importlib.abc.MetaPathFinder):
    """Lets Keras's registry be imported as it would be, and adds the stand-ins then."""

    def find_spec(self, name, path=None, target=None):
        if name != REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                _register(module)

            spec.loader.exec_module = execute_and_register
        return spec
