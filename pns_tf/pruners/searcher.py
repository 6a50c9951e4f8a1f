"""Methods that train while they prune, instead of scoring parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks import Data


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a searcher returns.

    Attributes:
        mask: the found ticket, in the order kernel, bias of each layer.
        weights: the trained ticket as ``model.get_weights()`` gives it, if the search has trained
            it; ``None`` leaves training to `pns_tf.seek`.
        history: mean loss of each epoch of the search.
        head: what the strong ticket's outputs go through before they are judged, if anything.
        snapshots: the scores after each epoch, for TensorBoard.
        densities: the density of each epoch, for TensorBoard.
        metrics: what the search has measured about itself; they join `FoundTicket.metrics`.
    """

    mask: Mask
    weights: list[np.ndarray] | None = None
    history: list[float] = field(default_factory=list)
    head: Callable[[tf.Tensor], tf.Tensor] | None = None
    snapshots: list[list[np.ndarray]] = field(default_factory=list)
    densities: list[float] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)


class Searcher(Pruner):
    """A pruner with a training of its own; a new one overrides `search`.

    Attributes:
        uses_scope: whether `search` heeds ``settings.scope``; otherwise giving one is an error.
        uses_schedule: the same for ``settings.schedule``.
    """

    uses_data = True
    uses_scope = False
    uses_schedule = False

    def search(
        self,
        model: keras.Model,
        data: Data,
        settings: SeekSettings,
        rng: np.random.Generator,
        watch: Callable[[int, float], None] | None = None,
    ) -> SearchResult:
        """Looks for a ticket.

        Args:
            model: a host with its initial parameters; may be changed.
            data: the task's data; only the training part is for the search.
            settings: density, epochs, batch size and so on.
            rng: for everything random.
            watch: told the number of each finished epoch and its mean loss.
        """
        raise InputError(f"pruner {self.name!r} finds nothing: expected one that overrides search")

    def total_epochs(self, settings: SeekSettings) -> int:
        """Epochs of the search and of the training after it."""
        return settings.epochs
