"""Edge-popup's search for strong tickets: weights stay, scores learn which of them to use.

As in training, an epoch is one XLA-compiled function around the functional model; on images, each
step is one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.epoch import gather_batches
from pns_tf.training.losses import LOSSES
from pns_tf.training.steps import Steps, takes_images


@dataclass(frozen=True)
class PopupSettings:
    """What an epoch of edge-popup is compiled for.

    Attributes:
        kind: of the task, or its name.
        batch_size: samples a step.
        momentum: of SGD.
        weight_decay: L2 penalty on the scores, added to their gradient.
        scope: "local" for one threshold per weight array (published), "global" for one over all.
        learn_biases: whether the scores of biases receive a gradient.
        head: what is put between the model's outputs and the loss: "none"; "softmax", as in the
            published code; or "scale", one positive least-squares scale per output and batch.
    """

    kind: Kind | str
    batch_size: int = 32
    momentum: float = 0.9
    weight_decay: float = 5e-4
    scope: str = "local"
    learn_biases: bool = True
    head: str = "none"

    def __post_init__(self):
        object.__setattr__(self, "kind", kind_named(self.kind))


class PopupEpoch:
    """One epoch of edge-popup (Ramanujan et al. 2020) on a model whose layers carry masks.

    Every weight and bias θ has a score s. A step computes with θ ⊙ m, where m keeps the largest
    abs(s); the gradient by m goes straight through to abs(s). Only scores and masks change.

    Args:
        model: any functional model with mask variables of its own, such as a host.
        settings: see `PopupSettings`.
    """

    def __init__(self, model: keras.Model, settings: PopupSettings):
        if tf.distribute.has_strategy():
            raise InputError("edge-popup runs on one device, without a strategy")
        self.model, self.settings = model, settings
        weights = prunable_weights(model)
        unmasked = [weight.name for weight in weights if weight.mask is None]
        if unmasked:
            raise InputError(
                f"edge-popup needs a mask for every weight, got none for {', '.join(unmasked)}: "
                "expected a host or a model wrapped by pns_tf.prune"
            )
        self._masks = [weight.mask for weight in weights]
        self.scores = [tf.Variable(tf.zeros(weight.variable.shape)) for weight in weights]
        self._optimizer = keras.optimizers.SGD(0.1, momentum=settings.momentum)
        self._optimizer.build(self.scores)
        if takes_images(model):
            self._run = Steps(self._step, settings.batch_size)
            self._kth_largest = kth_largest_by_partition
        else:
            self._kth_largest = kth_largest
            self._run = tf.function(self._epoch, jit_compile=True)

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that is left of an epoch: scores and the optimizer's momenta."""
        return [*self.scores, *self._optimizer.variables]

    def start(self, scores: Sequence[np.ndarray]) -> None:
        """Sets the scores, and forgets momenta and step counts."""
        for variable, score in zip(self.scores, scores, strict=True):
            variable.assign(score)
        for variable in self._optimizer.variables:
            if variable is not self._optimizer.learning_rate:
                variable.assign(tf.zeros_like(variable))

    def __call__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        order: np.ndarray,
        counts: Sequence[int],
        learning_rate: float,
    ) -> float:
        """Searches through the samples once; returns the mean loss.

        Args:
            x: samples ``(n, …)``.
            y: labels.
            order: permutation of the samples.
            counts: how many parameters to keep: of each array, or one number for global scope.
            learning_rate: of SGD in this epoch.
        """
        self._optimizer.learning_rate.assign(learning_rate)
        return float(self._run(x, y, order, tf.constant(counts, tf.int32)))

    def _epoch(self, x, y, order, counts):
        return gather_batches(
            lambda xs, ys: self._step(xs, ys, counts), x, y, order, self.settings.batch_size
        )

    def _step(self, x, y, counts):
        for variable, mask in zip(self._masks, self._top(counts), strict=True):
            variable.assign(mask)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self._masks)
            outputs = self.model(x, training=False)
            loss = popup_loss(self.settings.kind, self.settings.head, y, outputs)
        updates = [
            (gradient * tf.sign(score) + self.settings.weight_decay * score, score)
            for gradient, score in zip(tape.gradient(loss, self._masks), self.scores, strict=True)
            if self.settings.learn_biases or score.shape.rank > 1
        ]
        self._optimizer.apply_gradients(updates)
        return loss

    def _top(self, counts):
        """The masks of the largest abs(score)."""
        sizes = [tf.abs(score) for score in self.scores]
        if self.settings.scope == "global":
            flat = tf.concat([tf.reshape(size, [-1]) for size in sizes], axis=0)
            thresholds = [self._kth_largest(flat, counts[0])] * len(sizes)
        else:
            thresholds = [self._kth_largest(size, counts[i]) for i, size in enumerate(sizes)]
        return [
            tf.cast(size >= threshold, tf.float32)
            for size, threshold in zip(sizes, thresholds, strict=True)
        ]


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


def popup_loss(kind: Kind | str, head: str, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """The loss that is searched with: cross entropy or MSE behind the chosen head."""
    kind = kind_named(kind)
    if head == "scale" and not kind.discrete:
        outputs = outputs * best_scales(outputs, y)
    return LOSSES[kind](y, HEADS[head](outputs))


def best_scales(outputs: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """The least-squares scale of each output over the batch, not below zero; ``(outputs,)``."""
    power = tf.reduce_sum(outputs**2, axis=0)
    return tf.nn.relu(tf.math.divide_no_nan(tf.reduce_sum(outputs * y, axis=0), power))


def published_softmax(outputs: tf.Tensor) -> tf.Tensor:
    """A softmax that stays: Keras' cross entropy from logits would take a bare one away again."""
    return tf.identity(tf.nn.softmax(outputs))


HEADS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "none": tf.identity,
    "softmax": published_softmax,
    "scale": tf.identity,
}


def popup_epoch(model: keras.Model, settings: PopupSettings) -> PopupEpoch:
    """The compiled epoch for models of this architecture, with this model's weights.

    Args:
        model: a host, or any model whose prunable weights have masks that it computes with, such as
            what `pns_tf.prune` makes with ``keep_pruned_weights``.
        settings: see `PopupSettings`.

    Returns:
        A `PopupEpoch` around a model of its own, compiled once per process.

    Raises:
        ValueError: a prunable weight has no mask.
    """
    epoch = _compiled(model.to_json(), settings)
    epoch.model.set_weights(model.get_weights())
    return epoch


@functools.lru_cache(maxsize=8)
def _compiled(architecture: str, settings: PopupSettings) -> PopupEpoch:
    return PopupEpoch(keras.models.model_from_json(architecture), settings)
