"""Derivatives by TensorFlow, for tf_keras and for Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from pns_tf.derivatives import second_derivatives


def gradient(function: Callable, variables: Sequence) -> list[np.ndarray | None]:
    """∂function()/∂v for each variable, ``None`` where it is known that nothing depends on it.

    Args:
        function: computes a number with the variables as they are.
        variables: of TensorFlow, or Keras 3's around them.

    Example:
        >>> v = tf.Variable([1.0, 2.0])
        >>> gradient(lambda: tf.reduce_sum(v**2), [v])
        [array([2., 4.], dtype=float32)]
    """
    watched = [_inner(variable) for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        result = function()
    return [
        None if found is None else tf.convert_to_tensor(found).numpy()
        for found in tape.gradient(result, watched)
    ]


def hessian_product(
    function: Callable, variables: Sequence, vector: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """H v of ``function`` by the variables, for a vector in their shapes.

    Example:
        >>> v = tf.Variable([1.0, 2.0])
        >>> hessian_product(lambda: tf.reduce_sum(v**3), [v], [np.ones(2)])
        [array([ 6., 12.], dtype=float32)]
        >>> hessian_product(lambda: tf.nn.moments(v, 0)[1], [v], [np.ones(2)])
        [array([0., 0.], dtype=float32)]
    """
    watched = [_inner(variable) for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        outer.watch(watched)
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(watched)
            with second_derivatives.of_variances():
                result = function()
        gradients = inner.gradient(result, watched, unconnected_gradients="zero")
        gradients = [tf.convert_to_tensor(found) for found in gradients]
        # H v is the derivative of gᵀv.
        product = tf.add_n(
            [
                tf.reduce_sum(found * tf.constant(part, found.dtype))
                for found, part in zip(gradients, vector, strict=True)
            ]
        )
    products = outer.gradient(product, watched, unconnected_gradients="zero")
    return [tf.convert_to_tensor(found).numpy() for found in products]


def _inner(variable) -> tf.Variable:
    return variable if isinstance(variable, tf.Variable) else variable.value
