"""From scores to a ticket: {train, prune, rewind}, as often as the settings say."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import tf_keras as keras

from pns_tf.hosts.models import set_masks
from pns_tf.masks import Mask
from pns_tf.pruners.batch import scoring_batch
from pns_tf.pruners.result import SearchResult
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import density_steps, masks_from_scores
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeding import generator
from pns_tf.tasks.task import Data, kind_of
from pns_tf.training.host import train_host
from pns_tf.training.loop import Loop

if TYPE_CHECKING:
    from pns_tf.pruners.base import Pruner


def prune_in_rounds(
    pruner: Pruner, model: keras.Model, data: Data, settings: SeekSettings, loop: Loop
) -> SearchResult:
    """Prunes by a pruner's scores, singleshot or multishot.

    Multishot is {train, prune to ρ^{r/R}, rewind} for each round r of R; singleshot prunes to ρ
    what has not been trained. Each pruning may itself take several steps with new scores.

    Args:
        pruner: gives the scores.
        model: a host with its initial parameters, which it has again at the end.
        data: their training part is scored and trained on.
        settings: density, rounds, scope and so on.
        loop: runs the trainings.
    """
    initial, rounds, seconds = model.get_weights(), settings.rounds, 0.0
    classes = kind_of(data).classes(model.output_shape[-1])
    batch = scoring_batch(data.x_train, data.y_train, classes=classes, seed=settings.seed)
    ties = generator(settings.seed, "ties")
    mask = Mask.ones_like([weight.variable for weight in prunable_weights(model)])
    for number in range(1, rounds + 1):
        if rounds > 1:
            start = time.perf_counter()
            train_host(model, data, settings, settings.round_epochs, loop)
            seconds += time.perf_counter() - start
        before, after = mask.density, settings.density ** (number / rounds)
        steps = density_steps(min(after / before, 1.0), settings.prune_rounds, settings.schedule)
        for step in steps:
            scores = pruner.score(model, *batch)
            mask = masks_from_scores(
                scores, before * step, settings.scope or "global", within=mask, rng=ties
            )
            set_masks(model, mask)
        model.set_weights(initial)
        set_masks(model, mask)
    return SearchResult(mask, training_seconds=seconds)
