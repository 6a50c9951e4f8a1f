"""The k-th largest of many values, inside XLA and outside."""

from __future__ import annotations

import numpy as np
import tensorflow as tf


def kth_largest(values: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """The k-th largest of non-negative float32 values, by bisection over their bits.

    The bits of non-negative floats are in the same order as the floats. Counting 31 times is much
    faster than XLA's sort on a CPU, and k need not be known when compiling. For k = 0 the result is
    NaN, which no value reaches.
    """
    bits = tf.bitcast(tf.reshape(values, [-1]), tf.int32)

    def add_bit(step, threshold):
        candidate = threshold | tf.bitwise.left_shift(1, 30 - step)
        enough = tf.math.count_nonzero(bits >= candidate, dtype=tf.int32) >= k
        return step + 1, tf.where(enough, candidate, threshold)

    _, threshold = tf.while_loop(lambda step, _: step < 31, add_bit, (0, 0))
    return tf.bitcast(threshold, tf.float32)


def kth_largest_by_partition(values: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """The same as `kth_largest` outside XLA, where NumPy's partition is a dozen times faster."""

    def kth(values, k):
        place = values.size - k
        return np.partition(values.ravel(), place)[place] if k else np.float32(np.nan)

    threshold = tf.numpy_function(kth, [values, k], tf.float32, stateful=False)
    return tf.ensure_shape(threshold, [])
