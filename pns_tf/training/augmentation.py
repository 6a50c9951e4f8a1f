"""Random mirror images and shifts, so that no image is seen twice."""

from __future__ import annotations

import tensorflow as tf

SHIFT = 4  # pixels
BLACK = -1.0  # of a normalised image


@tf.function(reduce_retracing=True)
def augment(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors every second image, on average, and shifts each by up to 4 pixels, black behind.

    Args:
        x: ``(batch, rows, columns, channels)`` in [−1, 1].
        seed: int32 ``(2,)``; the same seed gives the same images.

    Example:
        >>> augment(tf.ones((2, 8, 8, 3)), seed=(0, 1)).shape
        TensorShape([2, 8, 8, 3])
    """
    rows, columns = tf.unstack(tf.shape(x)[1:3])  # known when it runs: sizes may change
    draws = tf.random.stateless_uniform((3, tf.shape(x)[0]), seed)
    down, right = tf.unstack(tf.floor(draws[:2] * (2 * SHIFT + 1)) - SHIFT)
    direction = tf.where(draws[2] < 0.5, 1.0, -1.0)
    start = tf.where(draws[2] < 0.5, 0.0, tf.cast(columns - 1, tf.float32))
    zero, one = tf.zeros_like(down), tf.ones_like(down)
    # Where each pixel comes from: column = direction · column + start + right, row = row + down.
    origin = [direction, zero, start + right, zero, one, down, zero, zero]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=tf.stack(origin, axis=1),
        output_shape=tf.stack([rows, columns]),
        fill_value=BLACK,
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
