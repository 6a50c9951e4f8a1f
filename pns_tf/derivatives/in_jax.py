"""Derivatives by JAX, for Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import keras
import numpy as np


def gradient(function: Callable, variables: Sequence) -> list[np.ndarray | None]:
    """The same as `pns_tf.derivatives.in_tensorflow.gradient`, by variables of Keras 3."""
    found = jax.grad(_of_values(function, variables))(_values(variables))
    return [np.asarray(part) for part in found]


def hessian_product(
    function: Callable, variables: Sequence, vector: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """The same as `pns_tf.derivatives.in_tensorflow.hessian_product`: forward over reverse."""
    values = _values(variables)
    tangents = [jax.numpy.asarray(v, p.dtype) for v, p in zip(vector, values, strict=True)]
    _, products = jax.jvp(jax.grad(_of_values(function, variables)), (values,), (tangents,))
    return [np.asarray(part) for part in products]


def _values(variables: Sequence) -> list[jax.Array]:
    return [variable.value for variable in variables]


def _of_values(function: Callable, variables: Sequence) -> Callable:
    """``function`` with these values in the variables; whatever it assigns is forgotten."""

    def of_values(values):
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            return function()

    return of_values
