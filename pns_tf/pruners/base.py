"""What all pruners share: a formula for scores, checks before and after.

No framework is imported here: the same pruners score models of tf_keras and of Keras 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pns_tf.checks import InputError, integer
from pns_tf.pruners.degenerate import check_derivatives, in_float32
from pns_tf.pruners.scored_network import ScoredNetwork
from pns_tf.recipe.search import SeekSettings

if TYPE_CHECKING:
    import tensorflow as tf
    import tf_keras as keras

    from pns_tf.pruners.network import Loss
    from pns_tf.pruners.result import SearchResult
    from pns_tf.pruning.prunable import PrunableWeight
    from pns_tf.tasks.task import Data
    from pns_tf.training.loop import Loop

# What some pruners go by and others do not; for these it is an error to give it.
TRAINED_BY = ("optimizer", "schedule_lr")  # of those whose ticket is trained as all others are
HEEDED = ("rounds", "prune_rounds", "scope", "schedule", "augmented", *TRAINED_BY)


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
        derivatives: whether scores are derivatives of what the network computes: then it is an
            error if they are infinite, or all zero in a network from which nothing is pruned yet.
        batches: whether samples may be taken in batches, since all that it asks of the loss is
            `gradient`, `hessian_product` and `mask_gradients` of what is linear in it.
        batch_statistics: whether batch normalisation uses the statistics of the samples while they
            are scored on. snip and grasp do, as in GraSP's published code: in a network that was
            never trained, those gathered say nothing, and layers lose all their weights. Synflow,
            which knows no samples, does not, as in its own.

    Example:
        >>> class Largest(Pruner):
        ...     def calculate_scores(self, network, x, y):
        ...         return network.values()
        >>> scores = Largest().score(host)
    """

    seed: int = 0

    name = "pruner"
    reference = ""
    uses_data = False
    heeds = frozenset(HEEDED)
    derivatives = False
    batches = False
    batch_statistics = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.name = vars(cls).get("name", cls.__name__)

    def calculate_scores(
        self, network: ScoredNetwork, x: tf.Tensor | None, y: tf.Tensor | None
    ) -> Sequence[tf.Tensor | np.ndarray]:
        """Computes one score for each parameter; the only method a pruner overrides.

        Args:
            network: the model, its ``weights``, and what scores are made of: ``values()``,
                ``gradient``, ``hessian_product``, see
                `pns_tf.pruners.scored_network.ScoredNetwork`. Its variables may be changed:
                `score` puts them back.
            x, y: the samples as the framework's tensors, or None.

        Returns:
            One array for each of ``network.weights``, of that weight's shape.
        """
        raise InputError(
            f"pruner {self.name!r} gives no scores: expected one that overrides calculate_scores"
        )

    def find(
        self, model: keras.Model, data: Data, settings: SeekSettings, loop: Loop
    ) -> SearchResult:
        """Looks for a ticket: by its scores, in rounds, see `pns_tf.pruners.rounds`.

        Args:
            model: a host with its initial parameters, its planted masks cleared; may be changed.
            data: the task's data; from `pns_tf.seek` without the test set, read-only.
            settings: density, epochs, batch size and so on. To a pruner that does not come along
                `pns_tf.seek` gives another seed than the host's.
            loop: a new one. Everything random in the search is drawn from its ``rng``, and epochs
                that it runs are kept, told, and refused if they diverge.

        Example:
            >>> from pns_tf.training.loop import Loop
            >>> planted, settings = pns_tf.plant("relu"), SeekSettings("magnitude", density=0.2)
            >>> pruner = pns_tf.pruners.get("magnitude")
            >>> found = pruner.find(planted.host, planted.data(), settings, Loop(rng))
            >>> round(found.mask.density, 3)
            0.2
        """
        from pns_tf.pruners.rounds import prune_in_rounds

        return prune_in_rounds(self, model, data, settings, loop)

    def total_epochs(self, settings: SeekSettings) -> int:
        """Epochs of the search and of the training after it."""
        return settings.total_epochs

    def score(
        self,
        model: keras.Model,
        x: Any = None,
        y: Any = None,
        loss: Loss | None = None,
        *,
        weights: Sequence[PrunableWeight] | None = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        batch_statistics: bool | None = None,
        batch_size: int | None = None,
    ) -> list[np.ndarray]:
        """Scores a model's prunable parameters, and leaves every variable bit-equal.

        The masks the model carries are applied. Dropout and the like are as in inference. Models of
        a mixed precision are scored in float32.

        Args:
            model: any tf_keras model with a prunable layer.
            x: samples, ``(n, …)``; what the model takes.
            y: labels, ``(n, …)``; what ``fit`` takes.
            loss: a Keras loss, its name, or ``loss(y, outputs)``; or several, as for ``compile``.
                By default what ``fit`` minimises, where the model is compiled: with its loss
                weights, regularisers and ``add_loss``; else cross entropy from logits if ``y``
                holds integers, else MSE.
            weights: what to score; by default all of `prunable_weights`.
            sample_weight, class_weight: of the samples and of their classes, as for ``fit``.
            batch_statistics: whether batch normalisation uses the mean and variance of ``x`` or
                those it has gathered in training. By default as the pruner says, see `Pruner`.
            batch_size: samples that are taken at a time, for which there has to be memory; by
                default all. The loss is the mean of the batches' losses, each by its number of
                samples: the same where it is a mean over samples, but not quite where batch
                normalisation uses a batch's own statistics or where losses are masked.

        Returns:
            float32 arrays of the weights' shapes, in the order kernel, bias of each layer.

        Raises:
            ValueError: no prunable layer, samples missing or not finite, scores that are NaN or of
                the wrong shape; derivatives that are infinite, or all zero where nothing is pruned
                yet.

        Example:
            >>> host = build_host([1, 5, 2])
            >>> [score.shape for score in pns_tf.pruners.get("synflow").score(host)]
            [(1, 5), (5,), (5, 2), (2,)]
        """
        from pns_tf.pruners import scoring

        return scoring.score(
            self,
            model,
            x,
            y,
            loss,
            weights,
            sample_weight,
            class_weight,
            batch_statistics,
            batch_size,
        )

    def check_samples(self, x, y, unlabelled: bool = False) -> None:
        """Raises `InputError` if samples are missing, or labels and not ``unlabelled``."""
        missing = [name for name, data in (("x", x), ("y", y)) if data is None]
        if self.uses_data and missing and not (unlabelled and missing == ["y"]):
            got = "none" if len(missing) == 2 else f"no {missing[0]}"
            raise InputError(f"pruner {self.name!r} scores by samples: expected x and y, got {got}")

    def check_batch_size(self, batch_size: int | None) -> int | None:
        """Returns it, or raises `InputError` unless it is ``None`` or the pruner can heed it."""
        if batch_size is None:
            return None
        if self.uses_data and not self.batches:
            raise InputError(
                f"pruner {self.name!r} takes its samples at once and cannot heed batch_size: one "
                "whose scores are derivatives linear in the loss says so by batches = True"
            )
        return integer("batch_size", batch_size, minimum=1)

    def check_meaning(self, scores: Sequence[np.ndarray], network: ScoredNetwork) -> None:
        """Raises `InputError` if derivatives are infinite, or say nothing."""
        if self.derivatives:
            check_derivatives(self.name, scores, network)

    def checked_scores(self, network: ScoredNetwork, x, y) -> list[np.ndarray]:
        """`calculate_scores` as float32 arrays.

        Raises:
            ValueError: scores that are NaN, of the wrong shape, or of another number.
        """
        scores, weights = self.calculate_scores(network, x, y), network.weights
        if len(scores) != len(weights):
            raise InputError(
                f"pruner {self.name!r} must return {len(weights)} arrays of scores, one for each "
                f"of {', '.join(weight.name for weight in weights)}, got {len(scores)}"
            )
        arrays = in_float32([np.asarray(score) for score in scores])
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
