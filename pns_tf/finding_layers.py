"""Keras finds this package's layers in saved models, also if nothing has imported them before.

A file of a model names its layers, such as "pns_tf>PruneBySaliency", and Keras looks the names up
among the classes that are registered. Importing the classes means importing TensorFlow, which
``import pns_tf`` does not do; so they are imported when they are asked for.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from typing import Any

REGISTRY = "tf_keras.src.saving.object_registration"
PLACES = {
    "pns_tf>PlantedConv2D": "pns_tf.hosts.layers",
    "pns_tf>PlantedDense": "pns_tf.hosts.layers",
    "pns_tf>PruneBySaliency": "pns_tf.tfmot.wrapper",
}


def install() -> None:
    """Extends Keras's look-up of names, now or as soon as Keras is imported."""
    if REGISTRY in sys.modules:
        _extend(sys.modules[REGISTRY])
    else:
        sys.meta_path.insert(0, _WhenImported())


def _extend(registry: Any) -> None:
    registered = registry.get_registered_object

    def get_registered_object(name, custom_objects=None, module_objects=None):
        found = registered(name, custom_objects, module_objects)
        if found is None and name in PLACES:
            importlib.import_module(PLACES[name])
            found = registered(name, custom_objects, module_objects)
        return found

    get_registered_object.__doc__ = registered.__doc__
    registry.get_registered_object = get_registered_object


class _WhenImported(importlib.abc.MetaPathFinder):
    """Lets Keras's registry be imported as it would be, and extends it then."""

    def find_spec(self, name, path=None, target=None):
        if name != REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_extend(module):
                execute(module)
                _extend(module)

            spec.loader.exec_module = execute_and_extend
        return spec
