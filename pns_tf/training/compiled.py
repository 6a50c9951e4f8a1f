"""What all epochs share: they are compiled once per process for each architecture.

A step on a small network costs less than Keras' own overhead, so the loop over an epoch's batches
is compiled together with the model, its loss and its optimizer: one XLA-compiled function. Of
networks on images each step is one. Another seed, mask or pruner only assigns other values to the
same variables.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import tensorflow as tf
import tf_keras as keras

from pns_tf.hosts.forward import takes_images
from pns_tf.training.steps import Steps

KEPT = 8  # epochs of each kind; the variables of a large network take a gigabyte


class Epoch(ABC):
    """One pass through the samples; a kind of epoch says in `_step` what is done with a batch.

    Made within the scope of a ``tf.distribute.Strategy``, together with its model and optimizer,
    the epoch of a network on images runs on all devices of the strategy.

    Args:
        model: any functional model.
        optimizer: a ``tf_keras`` optimizer, not shared with others.
        variables: what the optimizer changes.
        batch_size: samples a step; the last short batch is a step too.

    Attributes:
        model: as given.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        variables: Sequence[tf.Variable],
        batch_size: int,
    ):
        self.model = model
        self._optimizer = optimizer
        self._batch_size = batch_size
        optimizer.build(variables)
        self._fresh = [variable.numpy() for variable in optimizer.variables]
        if takes_images(model):
            self._run = Steps(self._step, batch_size)
        else:
            self._run = tf.function(self._batches, jit_compile=True)

    def reset_optimizer(self) -> None:
        """Forgets momenta and step counts."""
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

    @abstractmethod
    def _step(self, x: tf.Tensor, y: tf.Tensor, *constants: tf.Tensor) -> tf.Tensor:
        """Changes variables by one batch, and returns its mean loss."""

    def _batches(
        self, x: tf.Tensor, y: tf.Tensor, order: tf.Tensor, *constants: tf.Tensor
    ) -> tf.Tensor:
        """Steps through ``order``, of static shape ``(n,)``; the mean loss over all samples."""
        samples, size = order.shape[0], self._batch_size
        x, y = tf.gather(x, order), tf.gather(y, order)
        full = samples // size

        def body(i, total):
            batch = tf.range(size) + i * size
            loss = self._step(tf.gather(x, batch), tf.gather(y, batch), *constants)
            return i + 1, total + loss * size

        _, total = tf.while_loop(lambda i, _: i < full, body, (0, 0.0))
        if samples % size:
            rest = slice(full * size, samples)
            total += self._step(x[rest], y[rest], *constants) * (samples % size)
        return total / samples


AnyEpoch = TypeVar("AnyEpoch", bound=Epoch)


def compiled(make: Callable[..., AnyEpoch], model: keras.Model, *arguments: Hashable) -> AnyEpoch:
    """The epoch that ``make(model, *arguments)`` makes; once per process for equal arguments.

    Args:
        make: a kind of epoch, or a function that makes one.
        model: gives the architecture; the epoch has a model of its own, with weights of its own.
        *arguments: for ``make``.

    Returns:
        An epoch for the devices of the strategy in whose scope this is called.

    Example:
        >>> from pns_tf.pruners.rigl import MovingEpoch
        >>> epoch = compiled(MovingEpoch, host, "regression", 1e-3, 32)
        >>> epoch is compiled(MovingEpoch, host, "regression", 1e-3, 32)
        True
    """
    return _kept(make)(model.to_json(), tf.distribute.get_strategy(), *arguments)


@functools.cache
def _kept(make: Callable[..., AnyEpoch]) -> Callable[..., AnyEpoch]:
    """Each kind has its own room, so that none drives the others out."""

    @functools.lru_cache(maxsize=KEPT)
    def made(architecture, strategy, *arguments):
        return make(keras.models.model_from_json(architecture), *arguments)

    return made
