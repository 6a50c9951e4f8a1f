"""Training whose connections change: a compiled epoch with access to parameters and masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.masks import Mask
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.epoch import CompiledEpoch
from pns_tf.training.losses import LOSSES


class SparseEpoch(CompiledEpoch):
    """One epoch on a model of its own, whose parameters and masks may be set between epochs.

    Args:
        model: with masks; not shared with others.
        kind: of the task, or its name.
        optimizer: a ``tf_keras`` optimizer, not shared with others.
        batch_size: samples a step.

    Attributes:
        weights: what can be pruned, in the order kernel, bias of each layer.
        layers: for each layer, where its kernel and bias are in that order.
        optimizer: the optimizer.
    """

    def __init__(
        self,
        model: keras.Model,
        kind: Kind | str,
        optimizer: keras.optimizers.Optimizer,
        batch_size: int,
    ):
        super().__init__(model, LOSSES[kind_named(kind)], optimizer, batch_size)
        self.optimizer = optimizer
        self.weights = prunable_weights(model)
        self._masks = [weight.mask for weight in self.weights if weight.mask is not None]
        layers: dict[int, list[int]] = {}
        for position, weight in enumerate(self.weights):
            layers.setdefault(id(weight.layer), []).append(position)
        self.layers = list(layers.values())

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that changes: parameters, masks and the optimizer."""
        return [*super().state, *self._masks]

    def start(self, weights: Sequence[np.ndarray]) -> None:
        """Sets all variables, as ``model.get_weights()`` gives them, and forgets momenta."""
        self.model.set_weights(weights)
        self.reset_optimizer()

    @property
    def values(self) -> list[np.ndarray]:
        """The parameters, whatever their masks."""
        return [weight.variable.numpy() for weight in self.weights]

    @property
    def mask(self) -> Mask:
        """Which of them the model computes with."""
        return Mask([mask.numpy() for mask in self._masks])

    def assign(self, values: Sequence[np.ndarray], mask: Sequence[np.ndarray]) -> None:
        """Sets parameters and masks."""
        for weight, variable, value, kept in zip(
            self.weights, self._masks, values, mask, strict=True
        ):
            weight.variable.assign(value)
            variable.assign(kept.astype(np.float32))
