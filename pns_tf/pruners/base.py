"""What all pruners share: checks before and after, and a model left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.pruners.network import Loss, Network
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.rounds import prune_in_rounds
from pns_tf.pruning.prunable import PrunableWeight, check_model, prunable_weights
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.task import Data
from pns_tf.training.loop import Loop

# What some pruners go by and others do not; for these it is an error to give it.
HEEDED = ("rounds", "prune_rounds", "scope", "schedule", "augmented")


@dataclass
class Pruner:
    """A pruner scores every prunable parameter; larger scores are kept.

    A new pruner is a subclass with one method, `calculate_scores`. Its options are dataclass
    fields with defaults; its docstring's first line is its summary.

    Args:
        seed: of random scores, and of ties where the pruner is used by `pns_tf.prune`. A searcher
            draws from the seed of its settings instead.

    Attributes:
        name: what the user types; the class's name if left out.
        reference: the paper, in one line.
        uses_data: whether `score` must be given samples.
        heeds: which of `HEEDED` it goes by.

    Example:
        >>> class Largest(Pruner):
        ...     def calculate_scores(self, network, x, y):
        ...         return [weight.variable for weight in network.weights]
        >>> scores = Largest().score(host)
    """

    seed: int = 0

    name = "pruner"
    reference = ""
    uses_data = False
    heeds = frozenset(HEEDED)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.name = vars(cls).get("name", cls.__name__)

    def calculate_scores(
        self, network: Network, x: tf.Tensor | None, y: tf.Tensor | None
    ) -> Sequence[tf.Tensor | np.ndarray]:
        """Computes one score for each parameter; the only method a pruner overrides.

        Args:
            network: the model and its ``weights``, see `Network`. Its variables may be changed:
                `score` puts them back.
            x, y: the samples, or None.

        Returns:
            One tensor for each of ``network.weights``, of that weight's shape.
        """
        raise InputError(
            f"pruner {self.name!r} gives no scores: expected one that overrides calculate_scores"
        )

    def find(
        self, model: keras.Model, data: Data, settings: SeekSettings, loop: Loop
    ) -> SearchResult:
        """Looks for a ticket: by its scores, in rounds, see `pns_tf.pruners.rounds`.

        Args:
            model: a host with its initial parameters; may be changed.
            data: the task's data; only the training part is for the search.
            settings: density, epochs, batch size and so on.
            loop: a new one. Everything random in the search is drawn from its ``rng``, and epochs
                that it runs are kept, told, and refused if they diverge.

        Example:
            >>> planted, settings = pns_tf.plant("relu"), SeekSettings("magnitude", density=0.2)
            >>> pruner = pns_tf.pruners.get("magnitude")
            >>> found = pruner.find(planted.host, planted.data(), settings, Loop(rng))
            >>> round(found.mask.density, 3)
            0.2
        """
        return prune_in_rounds(self, model, data, settings, loop)

    def total_epochs(self, settings: SeekSettings) -> int:
        """Epochs of the search and of the training after it."""
        return settings.total_epochs

    def score(
        self,
        model: keras.Model,
        x: np.ndarray | None = None,
        y: np.ndarray | None = None,
        loss: Loss | None = None,
        *,
        weights: Sequence[PrunableWeight] | None = None,
    ) -> list[np.ndarray]:
        """Scores a model's prunable parameters, and leaves every variable bit-equal.

        The masks the model carries are applied. The model runs in inference mode.

        Args:
            model: any tf_keras model with a prunable layer.
            x: samples, ``(n, …)``; what the model takes.
            y: labels, ``(n, …)``.
            loss: a Keras loss, its name, or ``loss(y, outputs)``. By default the loss the model is
                compiled with; else cross entropy from logits if ``y`` holds integers, else MSE.
            weights: what to score; by default all of `prunable_weights`.

        Returns:
            float32 arrays of the weights' shapes, in the order kernel, bias of each layer.

        Raises:
            ValueError: no prunable layer, samples missing or not finite, scores that are NaN or of
                the wrong shape.

        Example:
            >>> host = build_host([1, 5, 2])
            >>> [score.shape for score in pns_tf.pruners.get("synflow").score(host)]
            [(1, 5), (5,), (5, 2), (2,)]
        """
        x, y = finite("x", x), finite("y", y)
        if self.uses_data and (x is None or y is None):
            raise InputError(f"pruner {self.name!r} scores by samples: expected x and y, got none")
        if isinstance(model, keras.Model) and not model.built and x is not None:
            model(x, training=False)
        check_model(model)
        weights = prunable_weights(model) if weights is None else weights
        with unchanged(model.variables):
            scores = self.calculate_scores(Network(model, weights, loss), x, y)
            return self._checked(scores, weights)

    def _checked(self, scores: Sequence, weights: Sequence[PrunableWeight]) -> list[np.ndarray]:
        if len(scores) != len(weights):
            raise InputError(
                f"pruner {self.name!r} must return {len(weights)} arrays of scores, one for each "
                f"of {', '.join(weight.name for weight in weights)}, got {len(scores)}"
            )
        arrays = [np.asarray(score, np.float32) for score in scores]
        for array, weight in zip(arrays, weights, strict=True):
            if array.shape != tuple(weight.variable.shape):
                raise InputError(
                    f"pruner {self.name!r} must score {weight.name} in shape "
                    f"{tuple(weight.variable.shape)}, got shape {array.shape}"
                )
            if np.isnan(array).any():
                raise InputError(
                    f"pruner {self.name!r} scores {weight.name} with NaN "
                    f"({np.isnan(array).sum()} of {array.size}); are the model's weights finite?"
                )
        return arrays


def finite(what: str, data):
    """Returns samples as tensors, in their structure, or raises `InputError` on NaN or infinity."""
    if data is None:
        return None
    if isinstance(data, dict | list | tuple) and not np.isscalar(
        next(iter(tf.nest.flatten(data)), 0)
    ):
        return tf.nest.map_structure(lambda array: finite(what, array), data)
    array = np.asarray(data)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        odd = np.count_nonzero(~np.isfinite(array))
        raise InputError(f"{what} holds {odd} values that are not finite (NaN or infinity)")
    return tf.convert_to_tensor(array)


@contextlib.contextmanager
def unchanged(variables: Iterable[tf.Variable]) -> Iterator[None]:
    """Puts the variables back at the end, bit for bit, whatever happens in between."""
    saved = [(variable, variable.read_value()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)
