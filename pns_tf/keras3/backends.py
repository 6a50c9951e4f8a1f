"""The backends of Keras that derivatives are known for."""

from __future__ import annotations

import contextlib
import importlib
from contextlib import AbstractContextManager
from types import ModuleType

import keras

from pns_tf.checks import InputError

DERIVATIVES = {
    "tensorflow": "pns_tf.derivatives.in_tensorflow",
    "jax": "pns_tf.derivatives.in_jax",
    "torch": "pns_tf.derivatives.in_torch",
}


def check_backend() -> str:
    """The name of Keras's backend.

    Raises:
        ValueError: one that is not known here.
    """
    backend = keras.backend.backend()
    if backend not in DERIVATIVES:
        raise InputError(
            f"Keras runs on backend {backend!r}, which cannot be pruned: choose from "
            f"{', '.join(DERIVATIVES)} (KERAS_BACKEND, before Keras is imported)"
        )
    return backend


def derivatives() -> ModuleType:
    """The module of `pns_tf.derivatives` for this backend."""
    return importlib.import_module(DERIVATIVES[check_backend()])


def allowing_float64() -> AbstractContextManager:
    """Within this, float64 is float64: JAX would make it float32."""
    if check_backend() != "jax":
        return contextlib.nullcontext()
    jax = importlib.import_module("jax")
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return importlib.import_module("jax.experimental").enable_x64()  # of older versions
