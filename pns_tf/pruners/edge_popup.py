"""Edge-popup: strong tickets by learned scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import InputError, integer, number
from pns_tf.pruners.base import TRAINED_BY
from pns_tf.pruners.popup import HEADS, PopupSettings, popup_epoch
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.thresholds import density_steps, masks_from_scores
from pns_tf.tasks.task import kind_of
from pns_tf.training.schedules import cosine_decay


@dataclass
class EdgePopup(Searcher):
    """Learns a score per weight and bias, and computes with the highest of them; weights stay.

    Args:
        epochs: of the search.
        learning_rate: of SGD at the start; it decays by a cosine, epoch by epoch.
        momentum: of SGD.
        weight_decay: L2 penalty on the scores.
        anneal: density ρ^{i/E} in epoch i of E instead of ρ throughout.
        levels: anneal in so many steps of several epochs each; 0 for one step an epoch.
        scaled_loss: for regression, fit one positive scale per output and batch before the loss, as
            the scale of a strong ticket's outputs is free.
        zero_bias_scores: scores of biases start at zero, and so never get a gradient from abs().
        as_published: repeat three slips of the published code: a softmax after the last layer for
            every task, the loss on top of it, and ``zero_bias_scores``.
    """

    epochs: int = 10
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    anneal: bool = False
    levels: int = 0
    scaled_loss: bool = False
    zero_bias_scores: bool = False
    as_published: bool = False

    name = "edge_popup"
    reference = (
        "Ramanujan et al., What's Hidden in a Randomly Weighted Neural Network?, CVPR 2020, "
        "arXiv 1911.13299"
    )
    heeds = frozenset({"scope", "augmented", *TRAINED_BY})
    default_scope = "local"

    def __post_init__(self):
        integer("epochs of edge-popup", self.epochs, minimum=1)
        integer("levels of edge-popup", self.levels, minimum=0)
        number("learning_rate of edge-popup", self.learning_rate, 0.0, low_excluded=True)
        number("momentum of edge-popup", self.momentum, 0.0, 1.0)
        number("weight_decay of edge-popup", self.weight_decay, 0.0)
        if self.as_published and self.scaled_loss:
            raise InputError("as_published and scaled_loss exclude each other: choose one")

    def find(self, model, data, settings, loop):
        head = "softmax" if self.as_published else "scale" if self.scaled_loss else "none"
        scope = settings.scope or self.default_scope
        epoch = popup_epoch(
            model,
            PopupSettings(
                kind=kind_of(data),
                batch_size=settings.batch_size,
                momentum=self.momentum,
                weight_decay=self.weight_decay,
                scope=scope,
                learn_biases=not self._biases_stay,
                head=head,
            ),
        )
        epoch.start(self.initial_scores(epoch, loop.rng))
        densities = self.densities(settings.density)
        snapshots: list[list[np.ndarray]] = []

        def note(epochs: int) -> None:
            """Of epochs before an interruption only the last one's scores are known."""
            scores = [score.numpy() for score in epoch.scores]
            snapshots.extend([scores] * (epochs - len(snapshots)))

        def step(number: int) -> float:
            note(number - 1)
            order = loop.shuffled(len(data.x_train))
            rate = cosine_decay(self.learning_rate, number - 1, self.epochs)
            counts = _counts(epoch, scope, densities[number - 1])
            return epoch(data.x_train, data.y_train, order, counts, rate)

        history = loop.run(self.epochs, step, epoch.state)
        note(self.epochs)
        magnitudes = [np.abs(score) for score in snapshots[-1]]
        mask = masks_from_scores(magnitudes, settings.density, scope, rng=loop.rng)
        return SearchResult(
            mask,
            history=history,
            head=HEADS[head],
            snapshots=snapshots,
            densities=densities,
        )

    def densities(self, density: float) -> list[float]:
        """The density of each epoch on the way to ``density``."""
        if not self.anneal:
            return [density] * self.epochs
        if not self.levels:
            return density_steps(density, self.epochs)
        levels = density_steps(density, self.levels)
        return [levels[epoch * self.levels // self.epochs] for epoch in range(self.epochs)]

    def total_epochs(self, settings):
        return self.epochs + settings.epochs

    @property
    def _biases_stay(self) -> bool:
        return self.as_published or self.zero_bias_scores

    def initial_scores(self, epoch, rng: np.random.Generator) -> list[np.ndarray]:
        """U[−1/√fan_in, 1/√fan_in] (Kaiming-uniform with a = √5), biases like their weights.

        With ``zero_bias_scores`` the highest among the biases are, as published, the last ones.
        Tiny numbers in that order stand for the zeros.
        """
        scores = []
        for variable in epoch.scores:
            if len(variable.shape) > 1:
                bound = 1 / math.sqrt(math.prod(variable.shape[:-1]))
            if self._biases_stay and len(variable.shape) == 1:
                scores.append(np.arange(1, 1 + variable.shape[0], dtype=np.float32) * 1e-20)
            else:
                scores.append(rng.uniform(-bound, bound, variable.shape).astype(np.float32))
        return scores


@dataclass
class EdgePopupScaled(EdgePopup):
    """Edge-popup that works on regression: annealed, searching longer, with free output scales.

    Neither change suffices alone; the experiment edge_popup_ablation shows what each one gives.

    Args:
        epochs: of the search.
        anneal: density ρ^{i/E} in epoch i of E.
        scaled_loss: for regression, fit one positive scale per output and batch before the loss.
    """

    epochs: int = 50
    anneal: bool = True
    scaled_loss: bool = True

    name = "edge_popup_scaled"


def _counts(epoch, scope: str, density: float) -> list[int]:
    sizes = [math.prod(score.shape) for score in epoch.scores]
    return [round(density * size) for size in ([sum(sizes)] if scope == "global" else sizes)]
