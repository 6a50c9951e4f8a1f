"""Training by gradient descent: its compiled epoch, and the epochs one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.checkpoints import Kept
from pns_tf.training.compiled import Epoch, compiled
from pns_tf.training.loop import Loop
from pns_tf.training.losses import LOSSES
from pns_tf.training.validation import ValidationCurve


class CompiledEpoch(Epoch):
    """One epoch of stochastic gradient descent on a functional model.

    Args:
        model: any functional model; its trainable weights are trained.
        loss: a Keras loss, the mean over a batch.
        optimizer: a ``tf_keras`` optimizer, not shared with others.
        batch_size: samples a step; the last short batch is a step too.

    Example:
        >>> from pns_tf.hosts.models import build_host
        >>> model = build_host([1, 10, 1])
        >>> epoch = CompiledEpoch(model, LOSSES["regression"], keras.optimizers.Adam(1e-3))
        >>> x = np.ones((100, 1), np.float32)
        >>> loss = epoch(x, x, order=np.arange(100))
    """

    def __init__(
        self,
        model: keras.Model,
        loss: keras.losses.Loss,
        optimizer: keras.optimizers.Optimizer,
        batch_size: int = 32,
    ):
        super().__init__(model, optimizer, model.trainable_variables, batch_size)
        self._loss = loss

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that training changes: trainable weights, statistics and the optimizer."""
        statistics = moving_statistics(self.model)
        return [*self.model.trainable_variables, *statistics, *self._optimizer.variables]

    def __call__(
        self, x: np.ndarray, y: np.ndarray, order: np.ndarray, augmentation: int | None = None
    ) -> float:
        """Trains on the samples in the given order; returns the mean loss over the epoch.

        Args:
            x: samples ``(n, …)``.
            y: labels ``(n, …)``.
            order: permutation of the samples.
            augmentation: for images, the seed of random mirror images and shifts; ``None`` for
                none.
        """
        if augmentation is not None:
            return float(self._run(x, y, order, augmentation=augmentation))
        return float(self._run(x, y, order))

    def _step(self, x: tf.Tensor, y: tf.Tensor, shares: tf.Tensor | None = None) -> tf.Tensor:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.model(x, training=True)
            if shares is None:
                loss = self._loss(y, outputs)
            else:  # these are some of the batch's samples, on one of several devices
                loss = tf.reduce_sum(self._loss.call(y, outputs) * shares)
        self._optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss


def moving_statistics(model: keras.Model) -> list[tf.Variable]:
    """Mean and variance that batch normalisation gathers, of all its layers."""
    return [
        variable
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


def compiled_epoch(
    model: keras.Model, kind: Kind | str, learning_rate: float = 1e-3, batch_size: int = 32
) -> CompiledEpoch:
    """The compiled Adam epoch for models of this architecture; made once per process.

    Args:
        model: any functional model.
        kind: of the task, or its name.
        learning_rate: of Adam.
        batch_size: samples a step.

    Returns:
        A `CompiledEpoch` around a model of its own, for the devices of the strategy in whose scope
        this is called.
    """
    return compiled(_adam_epoch, model, kind_named(kind), learning_rate, batch_size)


def _adam_epoch(
    model: keras.Model, kind: Kind, learning_rate: float, batch_size: int
) -> CompiledEpoch:
    return CompiledEpoch(model, LOSSES[kind], keras.optimizers.Adam(learning_rate), batch_size)


def train(
    epoch: CompiledEpoch,
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    loop: Loop,
    *,
    validation: ValidationCurve | None = None,
    finished: Callable[[int], None] | None = None,
    noted: Sequence[Kept] = (),
) -> tuple[list[np.ndarray], list[float]]:
    """Trains from the given weights with a fresh optimizer, shuffling every epoch.

    Args:
        epoch: the compiled epoch; its model's weights are overwritten.
        weights: start values, as ``model.get_weights()`` of a model of the same shape gives them;
            masks among them, so that pruned parameters neither act nor change.
        x: ``(n, inputs)``.
        y: ``(n,)`` classes or ``(n, outputs)``.
        epochs: passes over the data.
        loop: runs them.
        validation: of the epoch's model, taken after each epoch.
        finished: called with the number of each epoch after it, while the epoch's model holds what
            this epoch has led to.
        noted: what ``finished`` writes to, part of the state that is kept.

    Returns:
        The trained weights and the mean loss of each epoch.

    Raises:
        ValueError: the loss stops being finite.
    """
    epoch.model.set_weights(weights)
    epoch.reset_optimizer()

    def step(number: int) -> float:
        order = loop.shuffled(len(x))
        return epoch(x, y, order, int(loop.rng.integers(2**31)) if loop.augmented else None)

    def judged(number: int) -> None:
        if validation:
            validation.judge(number)
        if finished:
            finished(number)

    state = [*epoch.state, *([validation.values] if validation else []), *noted]
    losses = loop.run(epochs, step, state, judged)
    return epoch.model.get_weights(), losses
