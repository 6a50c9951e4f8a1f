"""Training: one epoch is one XLA-compiled function; of networks on images, each step is one.

A step on a small network costs less than Keras' own overhead, so the loop over an epoch's batches
is compiled together with the model, its loss and its optimizer. Compiled epochs are kept for each
architecture: another seed, mask or pruner only assigns other values to the same variables.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.checkpoints import next_stage
from pns_tf.training.losses import LOSSES
from pns_tf.training.steps import Steps, takes_images
from pns_tf.training.validation import ValidationCurve


class CompiledEpoch:
    """One epoch of stochastic gradient descent on a functional model, compiled as a whole.

    Args:
        model: any functional model; its trainable weights are trained.
        loss: a Keras loss, the mean over a batch.
        optimizer: a ``tf_keras`` optimizer, not shared with others.
        batch_size: samples a step; the last short batch is a step too.

    Made within the scope of a ``tf.distribute.Strategy``, together with its model and optimizer,
    the epoch of a network on images runs on all devices of the strategy.

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
        self.model = model
        self._loss = loss
        self._optimizer = optimizer
        self._batch_size = batch_size
        optimizer.build(model.trainable_variables)
        self._fresh = [variable.numpy() for variable in optimizer.variables]
        if takes_images(model):
            self._run = Steps(self._step, batch_size)
        else:
            self._run = tf.function(self._epoch, jit_compile=True)

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that training changes: the model's trainable weights and the optimizer."""
        return [*self.model.trainable_variables, *self._optimizer.variables]

    def reset_optimizer(self) -> None:
        """Forgets momenta and step counts."""
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

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

    def _epoch(self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
        return gather_batches(self._step, x, y, order, self._batch_size)

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


def gather_batches(
    step: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    x: tf.Tensor,
    y: tf.Tensor,
    order: tf.Tensor,
    batch_size: int,
) -> tf.Tensor:
    """Calls ``step`` on one batch after the other, the last short one included.

    Args:
        step: trains on ``(x, y)`` of a batch and returns its mean loss.
        x: samples ``(n, …)``.
        y: labels ``(n, …)``.
        order: permutation of the samples, of static shape ``(n,)``.
        batch_size: samples a step.

    Returns:
        The mean loss over all samples.
    """
    samples = order.shape[0]
    x, y = tf.gather(x, order), tf.gather(y, order)
    full = samples // batch_size

    def body(i, total):
        batch = tf.range(batch_size) + i * batch_size
        loss = step(tf.gather(x, batch), tf.gather(y, batch))
        return i + 1, total + loss * batch_size

    _, total = tf.while_loop(lambda i, _: i < full, body, (0, 0.0))
    if samples % batch_size:
        rest = slice(full * batch_size, samples)
        total += step(x[rest], y[rest]) * (samples % batch_size)
    return total / samples


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
    strategy = tf.distribute.get_strategy()
    return _compiled(model.to_json(), kind_named(kind), learning_rate, batch_size, strategy)


@functools.lru_cache(maxsize=8)
def _compiled(
    architecture: str,
    kind: Kind,
    learning_rate: float,
    batch_size: int,
    strategy: tf.distribute.Strategy,
) -> CompiledEpoch:
    model = keras.models.model_from_json(architecture)
    optimizer = keras.optimizers.Adam(learning_rate)
    return CompiledEpoch(model, LOSSES[kind], optimizer, batch_size=batch_size)


def train(
    epoch: CompiledEpoch,
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    rng: np.random.Generator,
    watch: Callable[[int, float], None] | None = None,
    augmented: bool = False,
    validation: ValidationCurve | None = None,
    finished: Callable[[int], None] = lambda number: None,
    noted: Sequence[tf.Variable] = (),
) -> tuple[list[np.ndarray], list[float]]:
    """Trains from the given weights with a fresh optimizer, shuffling every epoch.

    Within `pns_tf.training.checkpoints.kept_in` the state is kept after each epoch, and a training
    that was stopped goes on from there.

    Args:
        epoch: the compiled epoch; its model's weights are overwritten.
        weights: start values, as ``model.get_weights()`` of a model of the same shape gives them;
            masks among them, so that pruned parameters neither act nor change.
        x: ``(n, inputs)``.
        y: ``(n,)`` classes or ``(n, outputs)``.
        epochs: passes over the data.
        rng: shuffles.
        watch: told the number of each finished epoch, from 1, and its mean loss.
        augmented: mirror and shift images at random.
        validation: of the epoch's model, taken after each epoch.
        finished: called with the number of each epoch after it, unlike ``watch`` only while the
            epoch's model holds what this epoch has led to.
        noted: variables that ``finished`` writes to; they are part of the state that is kept.

    Returns:
        The trained weights and the mean loss of each epoch.

    Raises:
        ValueError: the loss stops being finite.
    """
    epoch.model.set_weights(weights)
    epoch.reset_optimizer()
    state = [*epoch.state, *([validation.values] if validation else []), *noted]
    stage = next_stage()
    history = stage.restore(state, rng)
    for number, loss in enumerate(history, start=1):
        if watch:
            watch(number, loss)
    for number in range(len(history) + 1, epochs + 1):
        order = rng.permutation(len(x)).astype(np.int32)
        seed = int(rng.integers(2**31)) if augmented else None
        history.append(epoch(x, y, order, seed))
        if not np.isfinite(history[-1]):
            raise InputError(
                f"training diverged: the loss of epoch {number} is {history[-1]}; "
                "are all data finite, and is the learning rate small enough?"
            )
        if validation:
            validation.judge(number)
        finished(number)
        stage.save(state, rng, history)
        if watch:
            watch(number, history[-1])
    return epoch.model.get_weights(), history
