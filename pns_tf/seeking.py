"""Seek: a pruner looks for a ticket in a planted host, and is judged against the planted one."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf import pruners, thresholds
from pns_tf.evaluation import Strength, evaluate, evaluate_strong
from pns_tf.hosts import build_host, planted_layers, set_masks
from pns_tf.masks import Mask
from pns_tf.planted import Planted
from pns_tf.pruners import scoring_batch
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.searcher import Searcher, SearchResult
from pns_tf.recovery import mask_metrics
from pns_tf.seeding import generator
from pns_tf.settings import SeekSettings
from pns_tf.training import compiled_epoch, train
from tasks import Data, InputError
from tasks.task import check_finite, kind_of


@dataclass(frozen=True, eq=False)
class FoundTicket:
    """What a pruner found.

    Attributes:
        masks: the found ticket, in the order kernel, bias of each layer.
        metrics: flat dict of numbers: ``before`` pruning, ``strong`` (pruned, not trained) and
            ``final`` (trained) test metric, ``planted`` that of the planted ticket, and those of
            `pns_tf.recovery.mask_metrics`. The first two are taken after one positive scale per
            output, fitted on training data; ``strong_unscaled`` without it.
        history: mean training loss of each epoch, multishot rounds first.
        seconds: time spent on pruning and on training.
        kind: of the task, "classification" or "regression".
        sizes: neurons in each layer of the host, input first.
        weights: of the ticket after training, as ``model.get_weights()`` gives them.
        initial_weights: of the ticket before training.
        scales: the strong ticket's outputs are to be divided by them, ``(outputs,)``.
        search: what a pruner with a search of its own returned.
    """

    masks: Mask
    metrics: dict[str, float]
    history: list[float]
    seconds: dict[str, float]
    kind: str
    sizes: list[int]
    weights: list[np.ndarray]
    initial_weights: list[np.ndarray]
    scales: np.ndarray
    search: SearchResult | None = None

    @functools.cached_property
    def model(self) -> keras.Model:
        """The ticket after training: a host model with the found pruning masks."""
        return self._build("found", self.weights)

    @functools.cached_property
    def pruned(self) -> keras.Model:
        """The ticket before training: the host's own parameters under the found masks."""
        return self._build("pruned", self.initial_weights)

    def _build(self, name: str, weights: list[np.ndarray]) -> keras.Model:
        model = build_host(self.sizes, name)
        model.set_weights(weights)
        return model


def seek(
    planted: Planted,
    pruner: str | Pruner = "synflow",
    density: float | str = 0.1,
    seed: int = 0,
    *,
    data: Data | None = None,
    watch: Callable[[int, float], None] | None = None,
    **settings,
) -> FoundTicket:
    """Prunes a planted host, trains the ticket, and compares it with the planted one.

    Args:
        planted: a host of `pns_tf.plant`.
        pruner: a pruner, its name, or "module:Class" for one of your own.
        density: fraction of all parameters that the ticket keeps, in (0, 1], or "baseline".
        seed: scores, ties and shuffling follow from it.
        data: the data to use instead of the planted task's own.
        watch: told the number of each finished training epoch and its mean loss.
        **settings: any other field of `SeekSettings`, such as ``rounds=10`` for multishot.

    Raises:
        ValueError: unknown pruner, a value out of range, data or scores that are not finite.

    Example:
        >>> planted = pns_tf.plant("circle", depth=3, width=50)
        >>> found = seek(planted, "synflow", density=0.5, epochs=1)
        >>> round(found.masks.density, 3)
        0.5
    """
    density = planted.density if density == "baseline" else density
    name = pruner if isinstance(pruner, str) else pruner.name
    return seek_with(
        planted,
        SeekSettings(name, density, seed=seed, **settings),
        pruner=None if isinstance(pruner, str) else pruner,
        data=data,
        watch=watch,
    )


def seek_with(
    planted: Planted,
    settings: SeekSettings,
    *,
    pruner: Pruner | None = None,
    data: Data | None = None,
    watch: Callable[[int, float], None] | None = None,
) -> FoundTicket:
    """Like `seek`, with the settings as one object; the pruner is made from them if not given."""
    pruner = pruner or make_pruner(settings)
    if data is None:
        data = planted.data(settings.samples, settings.noise)
    check_finite(data)
    return _Search(planted, pruner, settings, data, watch).run()


def make_pruner(settings: SeekSettings) -> Pruner:
    """The pruner that the settings name, with their seed and options.

    Raises:
        ValueError: unknown pruner or option, or a class that cannot be imported.
    """
    return pruners.get(settings.pruner, **{"seed": settings.seed, **settings.options})


@functools.lru_cache(maxsize=4)
def _working_model(sizes: tuple[int, ...]) -> keras.Model:
    """A host that searches put their weights into; building one takes as long as scoring."""
    return build_host(sizes, name="found")


class _Search:
    """One search: the working model, and the random streams that its steps share."""

    def __init__(self, planted: Planted, pruner: Pruner, settings: SeekSettings, data: Data, watch):
        self.planted, self.pruner, self.settings, self.data = planted, pruner, settings, data
        self.watch = watch
        self.kind = planted.kind or kind_of(data)
        self.initial = planted.host.get_weights()
        self.model = _working_model(tuple(planted.sizes))
        self.model.set_weights(self.initial)
        self.ties = generator(settings.seed, "ties")
        self.shuffling = generator(settings.seed, "shuffling")
        self.history: list[float] = []
        self.seconds = {"pruning": 0.0, "training": 0.0}

    def run(self) -> FoundTicket:
        metrics = {
            "planted": self._judge(self.planted.ticket, self.planted.scales),
            "before": self._judge_strong(self.model).metric,
        }
        search = self._search() if isinstance(self.pruner, Searcher) else None
        mask = search.mask if search else self._prune_in_rounds()
        self._rewind(mask)
        head = search.head if search and search.head else tf.identity
        strength = self._judge_strong(lambda x: head(self.model(x)))
        metrics |= {"strong": strength.metric, "strong_unscaled": strength.unscaled}
        pruned = self.model.get_weights()
        if search and search.weights is not None:
            self.model.set_weights(search.weights)
        else:
            self._train(self.settings.epochs)
        metrics["final"] = self._judge(self.model)
        metrics["density_asked"] = float(self.settings.density)
        metrics |= mask_metrics(self.planted.planted_masks, mask)
        return FoundTicket(
            masks=mask,
            metrics=metrics,
            history=self.history,
            seconds=self.seconds,
            kind=self.kind,
            sizes=self.planted.sizes,
            weights=self.model.get_weights(),
            initial_weights=pruned,
            scales=strength.scales,
            search=search,
        )

    def _prune_in_rounds(self) -> Mask:
        """Singleshot, or multishot: {train, prune to ρ^{r/R}, rewind} for each round r of R."""
        rounds = self.settings.rounds
        mask = Mask.ones_like(
            [w for layer in planted_layers(self.model) for w in layer.get_prunable_weights()]
        )
        for number in range(1, rounds + 1):
            if rounds > 1:
                self._train(self.settings.round_epochs)
            mask = self._prune(mask, self.settings.density ** (number / rounds))
            self._rewind(mask)
        return mask

    def _prune(self, mask: Mask, density: float) -> Mask:
        """Prunes the working model from its present density to ``density`` in ``prune_rounds``."""
        scope = self.settings.scope or "global"
        start = mask.density
        classes = self.planted.sizes[-1] if self.kind == "classification" else None
        x, y = scoring_batch(
            self.data.x_train, self.data.y_train, classes=classes, seed=self.settings.seed
        )
        steps = thresholds.density_steps(
            min(density / start, 1.0), self.settings.prune_rounds, self.settings.schedule
        )
        with self._timed("pruning"):
            for step in steps:
                scores = self.pruner.score(self.model, x, y)
                mask = thresholds.masks_from_scores(
                    scores, start * step, scope, within=mask, rng=self.ties
                )
                set_masks(self.model, mask)
        return mask

    def _search(self) -> SearchResult:
        """Leaves the search to a pruner that trains as it goes."""
        if self.settings.rounds > 1 or self.settings.prune_rounds > 1:
            raise InputError(
                f"pruner {self.pruner.name!r} has a schedule of its own: "
                "rounds and prune_rounds must be 1"
            )
        with self._timed("pruning"):
            result = self.pruner.search(
                self.model, self.data, self.settings, self.shuffling, self.watch
            )
        self.history += result.history
        return result

    def _train(self, epochs: int) -> None:
        settings = self.settings
        epoch = compiled_epoch(
            tuple(self.planted.sizes),
            self.kind,
            settings.learning_rate,
            settings.batch_size,
        )
        with self._timed("training"):
            weights, history = train(
                epoch,
                self.model.get_weights(),
                self.data.x_train,
                self.data.y_train,
                epochs,
                self.shuffling,
                self.watch,
            )
        self.model.set_weights(weights)
        self.history += history

    def _rewind(self, mask: Mask) -> None:
        self.model.set_weights(self.initial)
        set_masks(self.model, mask)

    def _judge(self, model: Callable, scales: np.ndarray | float = 1.0) -> float:
        return evaluate(model, self.kind, self.data, scales)

    def _judge_strong(self, model: Callable) -> Strength:
        return evaluate_strong(model, self.kind, self.data)

    @contextlib.contextmanager
    def _timed(self, what: str):
        start = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - start
