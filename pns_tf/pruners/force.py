"""FORCE and iterative SNIP: connection sensitivity, pruned step by step at initialisation."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import flag, integer
from pns_tf.hosts.models import set_masks
from pns_tf.masks import Mask
from pns_tf.pruners.base import TRAINED_BY
from pns_tf.pruners.batch import scoring_batch
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruners.snip import Snip
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import density_steps, masks_from_scores
from pns_tf.tasks.task import kind_of


@dataclass
class Force(Searcher):
    """Prunes by snip's scores in many small steps at initialisation; what was pruned may return.

    The score of a parameter is abs(θ ∂L/∂θ̄), where θ̄ = θ ⊙ m is the network pruned so far: what
    the parameter would do there (foresight), whether it is in it or not. Nothing is trained; the
    density falls exponentially (or linearly) to the one asked for.

    Args:
        rounds: steps, each with scores of its own.
        resurrect: let pruned parameters return. Without it this is iterative SNIP.
        samples_per_class: to score on.

    Example:
        >>> force = pns_tf.pruners.get("force", rounds=20)
    """

    rounds: int = 60
    resurrect: bool = True
    samples_per_class: int = 10

    name = "force"
    reference = (
        "de Jorge et al., Progressive Skeletonization: Trimming More Fat from a Network at "
        "Initialization, ICLR 2021, arXiv 2006.09081"
    )
    heeds = frozenset({"scope", "schedule", "augmented", *TRAINED_BY})

    def __post_init__(self):
        integer(f"rounds of {self.name}", self.rounds, minimum=1)
        integer(f"samples_per_class of {self.name}", self.samples_per_class, minimum=1)
        flag(f"resurrect of {self.name}", self.resurrect)

    def find(self, model, data, settings, loop):
        classes = kind_of(data).classes(model.output_shape[-1])
        x, y = scoring_batch(
            data.x_train, data.y_train, self.samples_per_class, classes, settings.seed
        )
        snip, scope = Snip(), settings.scope or "global"
        mask = Mask.ones_like([weight.variable for weight in prunable_weights(model)])
        densities = density_steps(settings.density, self.rounds, settings.schedule)
        for density in densities:
            scores = snip.score(model, x, y)
            alive = None if self.resurrect else mask
            mask = masks_from_scores(scores, density, scope, within=alive, rng=loop.rng)
            set_masks(model, mask)
        return SearchResult(mask)


@dataclass
class IterativeSnip(Force):
    """Prunes by snip's scores in many small steps at initialisation; what is pruned stays pruned.

    The same as ``snip`` with as many ``prune_rounds``.

    Args:
        rounds: steps, each with scores of its own.
    """

    resurrect: bool = False

    name = "iterative_snip"
