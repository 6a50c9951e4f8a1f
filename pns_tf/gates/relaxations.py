"""Gates between 0 and 1 as functions of scores, in place of masks that have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

STRETCH = 0.1  # hard concrete reaches from −0.1 to 1.1 before it is clipped
ARRIVED = 1e-5  # relative error of the sum of gates, where single precision ends
STEPS = 40  # towards a threshold, at most


@dataclass(frozen=True)
class Relaxation:
    """One way to make gates of scores s. A gate at score zero is half open.

    Attributes:
        gates: ``gates(s, sharpness, noise)``, the values that the parameters are multiplied by.
        openness: ``openness(s, sharpness)``, what a sparsity penalty counts: how probable, or how
            far, a gate is open.
        noise: the distribution of the noise while searching, of `NOISES`; without noise
            (``noise=0``) gates are at their median.
        limit: scores are kept within ±limit.
    """

    gates: Callable[[tf.Tensor, tf.Tensor, tf.Tensor | float], tf.Tensor]
    openness: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    noise: str = "none"
    limit: float = float("inf")


def _sigmoid(s, sharpness, noise):
    """σ(β(s + noise)): Savarese et al. 2020 without noise, binary concrete with logistic noise."""
    return tf.sigmoid(sharpness * (s + noise))


def _hard_concrete(s, sharpness, noise):
    """Binary concrete, stretched and clipped, so that it is often exactly 0 or 1."""
    stretched = (1 + 2 * STRETCH) * _sigmoid(s, sharpness, noise) - STRETCH
    return tf.clip_by_value(stretched, 0.0, 1.0)


def _hard_concrete_openness(s, sharpness):
    """P(gate > 0) = σ(s − log(0.1 / 1.1) / β)."""
    return tf.sigmoid(s - tf.math.log(STRETCH / (1 + STRETCH)) / sharpness)


def _gaussian(s, sharpness, noise):
    """½ + s + ε/β, clipped; ε is normal: the stochastic gates of Yamada et al. 2020."""
    return tf.clip_by_value(0.5 + s + noise / sharpness, 0.0, 1.0)


def _gaussian_openness(s, sharpness):
    """P(gate > 0) = Φ(β(½ + s))."""
    return 0.5 * (1 + tf.math.erf(sharpness * (0.5 + s) / tf.sqrt(2.0)))


def _step(s, sharpness, noise):
    """1 where s ≥ 0; the gradient goes straight through."""
    return s + tf.stop_gradient(tf.cast(s >= 0, s.dtype) - s)


RELAXATIONS = {
    "sigmoid": Relaxation(_sigmoid, lambda s, sharpness: tf.sigmoid(sharpness * s)),
    "concrete": Relaxation(_sigmoid, lambda s, sharpness: tf.sigmoid(s), "logistic"),
    "hard_concrete": Relaxation(_hard_concrete, _hard_concrete_openness, "logistic"),
    "gaussian": Relaxation(_gaussian, _gaussian_openness, "normal"),
    "step": Relaxation(_step, lambda s, sharpness: (0.5 + s) ** 2, limit=0.5),
}


def _logistic(shape, seed):
    uniform = tf.random.stateless_uniform(shape, seed, 1e-6, 1 - 1e-6)
    return tf.math.log(uniform) - tf.math.log1p(-uniform)


NOISES: dict[str, Callable[[tf.TensorShape, tf.Tensor], tf.Tensor | float]] = {
    "none": lambda shape, seed: 0.0,
    "logistic": _logistic,
    "normal": tf.random.stateless_normal,
}


def capacity_threshold(
    scores: list[tf.Tensor],
    sharpness: tf.Tensor | float,
    count: tf.Tensor | float,
    near: tf.Tensor | float = 0.0,
) -> tf.Tensor:
    """The threshold t at which the gates σ(β(s − t)) add up to ``count``.

    Newton's method on the logarithm of the sum, or halving where it would leave the interval that t
    is known to lie in. The derivatives of t are those of the implicit function: ∂t/∂s_i = g_i / Σ g
    with g = ∂gates/∂s, so that a gate can open only at the cost of others.

    Args:
        scores: s, arrays of any shape.
        sharpness: β.
        count: more than 0, less than there are scores.
        near: where to begin; a threshold of similar scores is reached in two or three steps.

    Example:
        >>> t = capacity_threshold([tf.constant([0.0, 1.0, 2.0])], sharpness=50.0, count=1.0)
        >>> 1 < float(t) < 2
        True
    """
    flat = tf.concat([tf.reshape(score, [-1]) for score in scores], axis=0)
    constant = tf.stop_gradient(flat)
    reach = 20 / sharpness
    low, high = tf.reduce_min(constant) - reach, tf.reduce_max(constant) + reach

    def gates_and_slopes(threshold):
        gates = tf.sigmoid(sharpness * (constant - threshold))
        return gates, gates * (1 - gates)

    def nearer(step, threshold, low, high, _):
        gates, slopes = gates_and_slopes(threshold)
        total = tf.reduce_sum(gates)
        error = tf.math.log(total / count)
        low, high = tf.where(error > 0, threshold, low), tf.where(error > 0, high, threshold)
        newton = threshold + error * total / (sharpness * tf.reduce_sum(slopes))
        inside = (newton > low) & (newton < high)  # false for what is not a number, too
        following = tf.where(inside, newton, (low + high) / 2)
        arrived = tf.abs(error) < ARRIVED
        return step + 1, tf.where(arrived, threshold, following), low, high, arrived

    start = (0, tf.clip_by_value(near, low, high), low, high, False)
    _, threshold, *_ = tf.while_loop(
        lambda step, threshold, low, high, arrived: ~arrived & (step < STEPS), nearer, start
    )
    _, slopes = gates_and_slopes(threshold)
    share = tf.math.divide_no_nan(slopes, tf.reduce_sum(slopes))
    return threshold + tf.reduce_sum(share * (flat - constant))
