"""The backends of Keras that derivatives are known for."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

import keras
import numpy as np

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


def array_of(held: Any) -> np.ndarray:
    """The value of a variable or tensor; NumPy's own conversion warns of TensorFlow's."""
    if check_backend() == "tensorflow" and hasattr(held, "numpy"):
        return held.numpy()
    return keras.ops.convert_to_numpy(held.value if isinstance(held, keras.Variable) else held)


@contextlib.contextmanager
def allowing_float64() -> Iterator[None]:
    """Within this, float64 is float64: on JAX and PyTorch, Keras would make it float32."""
    narrowed = importlib.import_module("keras.src.backend.common.dtypes").BIT64_TO_BIT32_DTYPE
    before = narrowed["float64"]
    narrowed["float64"] = "float64"
    try:
        with _jax_in_float64() if check_backend() == "jax" else contextlib.nullcontext():
            yield
    finally:
        narrowed["float64"] = before


def _jax_in_float64() -> AbstractContextManager:
    jax = importlib.import_module("jax")
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    return importlib.import_module("jax.experimental").enable_x64()  # of older versions
