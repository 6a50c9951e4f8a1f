"""What a pruner finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from pns_tf.masks import Mask


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What `pns_tf.pruners.base.Pruner.find` returns.

    Attributes:
        mask: the found ticket, in the order kernel, bias of each layer; no more than the settings'
            density allows, see `pns_tf.pruners.taken_back.most_kept`.
        weights: the trained ticket as ``model.get_weights()`` gives it, if the search has trained
            it; ``None`` leaves training to `pns_tf.seek`. It is an error if the network computes
            with any that are outside the mask.
        history: mean loss of each epoch of a search of the pruner's own; trainings between rounds
            of scoring are no such search.
        head: what the strong ticket's outputs go through before they are judged, if anything: one
            of `pns_tf.pruners.popup.HEADS`, which have no parameters.
        snapshots: the scores after each epoch, for TensorBoard.
        densities: the density of each epoch, for TensorBoard.
        metrics: what the search has measured about itself; they join `FoundTicket.metrics`, whose
            own names they must not have.
        gates: of a search with gates, the network with soft ones and with hard ones: functions of
            samples; `pns_tf.seek` judges them like strong tickets.
        training_seconds: what trainings between rounds of scoring took.
    """

    mask: Mask
    weights: list[np.ndarray] | None = None
    history: list[float] = field(default_factory=list)
    head: Callable[[tf.Tensor], tf.Tensor] | None = None
    snapshots: list[list[np.ndarray]] = field(default_factory=list)
    densities: list[float] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    gates: tuple[Callable, Callable] | None = None
    training_seconds: float = 0.0
