"""Edge-popup's search for strong tickets: weights stay, scores learn which of them to use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.forward import takes_images
from pns_tf.pruning.largest import kth_largest, kth_largest_by_partition
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.compiled import Epoch, compiled
from pns_tf.training.losses import LOSSES


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

    kind: Kind
    batch_size: int = 32
    momentum: float = 0.9
    weight_decay: float = 5e-4
    scope: str = "local"
    learn_biases: bool = True
    head: str = "none"

    def __post_init__(self):
        object.__setattr__(self, "kind", kind_named(self.kind))


class PopupEpoch(Epoch):
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
        self.settings = settings
        weights = prunable_weights(model)
        unmasked = [weight.name for weight in weights if weight.mask is None]
        if unmasked:
            raise InputError(
                f"edge-popup needs a mask for every weight, got none for {', '.join(unmasked)}: "
                "expected a host or a model wrapped by pns_tf.prune"
            )
        self._masks = [weight.mask for weight in weights]
        self.scores = [tf.Variable(tf.zeros(weight.variable.shape)) for weight in weights]
        self._kth_largest = kth_largest_by_partition if takes_images(model) else kth_largest
        optimizer = keras.optimizers.SGD(0.1, momentum=settings.momentum)
        super().__init__(model, optimizer, self.scores, settings.batch_size)

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that is left of an epoch: scores and the optimizer's momenta."""
        return [*self.scores, *self._optimizer.variables]

    def start(self, scores: Sequence[np.ndarray]) -> None:
        """Sets the scores, and forgets momenta and step counts."""
        for variable, score in zip(self.scores, scores, strict=True):
            variable.assign(score)
        self.reset_optimizer()

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


def head_name(head: Callable[[tf.Tensor], tf.Tensor]) -> str:
    """The first name that it has in `HEADS`."""
    return next(name for name, known in HEADS.items() if known is head)


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
    epoch = compiled(PopupEpoch, model, settings)
    epoch.model.set_weights(model.get_weights())
    return epoch
