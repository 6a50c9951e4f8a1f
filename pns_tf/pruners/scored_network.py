"""What a pruner sees of a model, in whichever framework it computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from pns_tf.pruners.sample_batches import SampleBatches


class ScoredWeight(Protocol):
    """A weight to be scored.

    Attributes:
        name: where it is; unique in its model.
        layer: the layer that it belongs to.
        variable: the framework's.
        mask: the variable that holds its mask, if it has one.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def layer(self) -> Any:
        """See above."""

    @property
    def variable(self) -> Any:
        """See above."""

    @property
    def mask(self) -> Any:
        """See above."""


class ScoredNetwork(ABC):
    """A model whose weights are scored: values, gradients and Hessian-vector products.

    A *quantity* is a function that computes a number of the network, such as
    ``lambda: network.loss(x, y)``. What comes out are NumPy arrays in the shapes of ``weights``.
    Variables may be changed: who asked for scores puts them back.

    Attributes:
        model: the model.
        weights: the weights to be scored, in order.
        sample_weight: of the samples.
        batches: how many samples a loss sees at a time.
    """

    model: Any
    weights: Sequence[ScoredWeight]
    sample_weight: Any
    batches: SampleBatches

    @property
    @abstractmethod
    def derivatives(self) -> ModuleType:
        """One of the modules of `pns_tf.derivatives`."""

    @property
    def variables(self) -> list:
        """The variables of ``weights``, as the framework has them."""
        return [weight.variable for weight in self.weights]

    @property
    @abstractmethod
    def parameters(self) -> list:
        """The variables to be scored and all trainable ones of the model, float only."""

    def loss(self, x, y, temperature: float = 1.0):
        """The loss that ``fit`` minimises on these samples, with outputs f(x) / T.

        In batches, a quantity is to be linear in it.
        """

        def of(x, y, sample_weight):
            return self.loss_of_batch(x, y, sample_weight, temperature)

        return self.batches.mean(of, x, y, self.sample_weight)

    @abstractmethod
    def loss_of_batch(self, x, y, sample_weight, temperature: float):
        """`loss` of samples that are taken at once."""

    @abstractmethod
    def check_batches(self) -> None:
        """Raises `InputError` if the loss is no mean over samples, as batches need it."""

    @abstractmethod
    def flow(self, x):
        """The sum of all outputs for these samples."""

    @abstractmethod
    def ones(self, x=None):
        """One sample of ones, shaped like those of ``x``, or as the model's inputs say."""

    @abstractmethod
    def softmax_at_the_end(self) -> str | None:
        """The name of an output layer that is a softmax; ``None`` if there is none."""

    @abstractmethod
    def in_float64(self) -> AbstractContextManager[ScoredNetwork]:
        """The same on a copy of the model that computes in float64.

        Raises:
            ValueError: the model cannot be copied.
        """

    @abstractmethod
    def array_of(self, variable) -> np.ndarray:
        """The value of one of the framework's variables."""

    def values(self) -> list[np.ndarray]:
        """θ."""
        return [self.array_of(variable) for variable in self.variables]

    def make_positive(self) -> None:
        """Puts abs(θ) in place of θ, in all parameters."""
        for parameter in self.parameters:
            parameter.assign(abs(parameter))

    def gradient(self, quantity: Callable) -> list[np.ndarray]:
        """∂quantity/∂θ, zero where nothing depends on a weight."""
        return [
            np.zeros_like(theta) if found is None else found
            for theta, found in zip(
                self.values(), self.gradients_by(quantity, self.variables), strict=True
            )
        ]

    def gradients_by(self, quantity: Callable, variables: Sequence) -> list[np.ndarray | None]:
        """∂quantity/∂v, ``None`` where it is known that nothing depends on a variable."""
        return self.batches.added(lambda: self.derivatives.gradient(quantity, variables))

    def hessian_product(self, quantity: Callable, vector: Sequence[np.ndarray]) -> list[np.ndarray]:
        """H v, for the Hessian H of a quantity by θ and a vector in the weights' shapes."""
        return self.batches.added(
            lambda: self.derivatives.hessian_product(quantity, self.variables, vector)
        )

    def mask_gradients(self, quantity: Callable) -> list[np.ndarray]:
        """∂quantity/∂m for each weight, where θ ⊙ m is what the model computes with.

        That is θ ⊙ ∂quantity/∂θ where masks have been multiplied in beforehand.
        """
        gradients = self.gradient(quantity)
        return [theta * found for theta, found in zip(self.values(), gradients, strict=True)]

    def is_pruned(self) -> bool:
        """Whether a mask of these weights has a zero."""
        masks = [weight.mask for weight in self.weights if weight.mask is not None]
        return not all(self.array_of(mask).all() for mask in masks)
