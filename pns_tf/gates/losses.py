"""What gate training minimises beside the loss of the task."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION
from pns_tf.training.losses import LOSSES


def balanced_pressure(
    slopes: Sequence[tf.Tensor],
    closing: Sequence[tf.Tensor],
    openness: tf.Tensor,
    density: tf.Tensor,
) -> tf.Tensor:
    """GradBalance (Arora & Teuscher 2025): the factor that makes the penalty's gradient as long.

    Times log(openness / density), clipped to ±1, so that it fades at the wanted density and turns
    round below it.

    Args:
        slopes: gradient of the loss.
        closing: gradient of the mean openness.
        openness: mean openness.
        density: wanted.
    """
    lengths = tf.linalg.global_norm(slopes), tf.linalg.global_norm(closing)
    excess = tf.clip_by_value(tf.math.log(openness / density), -1.0, 1.0)
    return tf.math.divide_no_nan(*lengths) * excess


def normalised(outputs: tf.Tensor) -> tf.Tensor:
    """Outputs ``(batch, outputs)`` over their root mean square, a number for all of them.

    The gradient is that of the outputs at a given size, as if a scale had been learned that follows
    at once. With the gradient of the size as well (root mean square normalisation, Zhang & Sennrich
    2019, arXiv 1910.07467) half-open gates cost nothing, and fewer of them decide.

    Args:
        outputs: of any size that single precision holds; zeros stay zeros.

    Example:
        >>> normalised(tf.constant([[3e-30, 3e-30], [3e-30, -3e-30]])).numpy().tolist()
        [[1.0, 1.0], [1.0, -1.0]]
    """
    # Squares of small outputs would leave single precision.
    outputs = tf.math.divide_no_nan(outputs, tf.stop_gradient(tf.reduce_max(tf.abs(outputs))))
    size = tf.sqrt(tf.reduce_mean(tf.stop_gradient(outputs) ** 2))
    return tf.math.divide_no_nan(outputs, size)


def reverse_kl(outputs: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """KL(p ‖ q) of p = softmax(outputs) from q = softmax(teacher), mean over the batch."""
    log_p, log_q = tf.nn.log_softmax(outputs), tf.nn.log_softmax(teacher)
    return tf.reduce_mean(tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1))


# How far outputs are from those of the whole network, for each kind of task.
TO_TEACHER = {
    CLASSIFICATION: reverse_kl,
    REGRESSION: lambda outputs, teacher: LOSSES[REGRESSION](teacher, outputs),
}
