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

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.compaction import compact
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import host_from_model, masked_layers, same_architecture, set_masks
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import Strength, evaluate, evaluate_strong
from pns_tf.measuring.recovery import mask_metrics
from pns_tf.planting.planted import Planted
from pns_tf.pruners import scoring_batch
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.searcher import Searcher, SearchResult
from pns_tf.pruning import thresholds
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeding import generator
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind
from pns_tf.tasks.task import check_finite, kind_of
from pns_tf.training.epoch import compiled_epoch, train
from pns_tf.training.steps import takes_images
from pns_tf.training.validation import Images, ValidationCurve

JUDGING_IMAGES = 5_000  # of the training set, on which output scales are fitted


@dataclass(frozen=True, eq=False)
class FoundTicket:
    """What a pruner found.

    Attributes:
        masks: the found ticket, in the order kernel, bias of each layer.
        metrics: flat dict of numbers: ``best_constant`` (the test metric of the best predictor that
            ignores its input), ``before`` pruning, ``strong`` (pruned, not trained) and
            ``final`` (trained) test metric, ``planted`` that of the planted ticket, if there is
            one, and those of `pns_tf.measuring.recovery.mask_metrics`. The first two are taken
            after one positive scale per output, fitted on training data; ``strong_unscaled``
            without it.
        history: mean training loss of each epoch, multishot rounds first.
        validation: accuracy on the held-out images after each epoch of the final training; empty
            where the data holds none out.
        seconds: time spent on pruning and on training.
        kind: of the task.
        host: a model of the host's architecture, with other weights.
        weights: of the ticket after training, as ``model.get_weights()`` gives them.
        initial_weights: of the ticket before training.
        scales: the strong ticket's outputs are to be divided by them, ``(outputs,)``.
        search: what a pruner with a search of its own returned.
    """

    masks: Mask
    metrics: dict[str, float]
    history: list[float]
    validation: list[float]
    seconds: dict[str, float]
    kind: Kind
    host: keras.Model
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
        model = same_architecture(self.host, name)
        model.set_weights(weights)
        return model


def seek(
    planted: Planted | keras.Model,
    pruner: str | Pruner = "synflow",
    density: float | str = 0.1,
    seed: int = 0,
    *,
    data: Data | None = None,
    watch: Callable[[int, float], None] | None = None,
    augmented: bool = False,
    **settings,
) -> FoundTicket:
    """Prunes a planted host, trains the ticket, and compares it with the planted one.

    A masked network on images is trained in compacted form, see `pns_tf.hosts.compaction`. Within
    the scope of a ``tf.distribute.Strategy`` its training runs on all devices.

    Args:
        planted: a host of `pns_tf.plant`; or any host model, in which nothing is planted and
            nothing compared.
        pruner: a pruner, its name, or "module:Class" for one of your own.
        density: fraction of all parameters that the ticket keeps, in (0, 1], or "baseline".
        seed: scores, ties and shuffling follow from it.
        data: the data to use instead of the planted task's own.
        watch: told the number of each finished training epoch and its mean loss.
        augmented: train on randomly mirrored and shifted images.
        **settings: any other field of `SeekSettings`, such as ``rounds=10`` for multishot.

    Raises:
        ValueError: unknown pruner, a value out of range, data or scores that are not finite.

    Example:
        >>> planted = pns_tf.plant("circle", depth=3, width=50)
        >>> found = seek(planted, "synflow", density=0.5, epochs=1)
        >>> round(found.masks.density, 3)
        0.5
    """
    if density == "baseline":
        if isinstance(planted, keras.Model):
            raise InputError("density must be a number where nothing is planted, got 'baseline'")
        density = planted.density
    name = pruner if isinstance(pruner, str) else pruner.name
    return seek_with(
        planted,
        SeekSettings(name, density, seed=seed, **settings),
        pruner=None if isinstance(pruner, str) else pruner,
        data=data,
        watch=watch,
        augmented=augmented,
    )


def seek_with(
    planted: Planted | keras.Model,
    settings: SeekSettings,
    *,
    pruner: Pruner | None = None,
    data: Data | None = None,
    watch: Callable[[int, float], None] | None = None,
    augmented: bool = False,
) -> FoundTicket:
    """Like `seek`, with the settings as one object; the pruner is made from them if not given."""
    pruner = pruner or make_pruner(settings)
    host = host_from_model(planted) if isinstance(planted, keras.Model) else planted.host
    planted = None if isinstance(planted, keras.Model) else planted
    if data is None:
        if planted is None:
            raise InputError("a host in which nothing is planted needs data to be trained on")
        data = planted.data(settings.samples, settings.noise)
    check_finite(data)
    if augmented and not takes_images(host):
        raise InputError("only images can be augmented: expected augmented=False")
    return _Search(host, planted, pruner, settings, data, watch, augmented).run()


def make_pruner(settings: SeekSettings) -> Pruner:
    """The pruner that the settings name, with their seed and options.

    Raises:
        ValueError: unknown pruner or option, or a class that cannot be imported.
    """
    return pruners.get(settings.pruner, **{"seed": settings.seed, **settings.options})


def check_applicable(pruner: Pruner, settings: SeekSettings, host: keras.Model) -> None:
    """Raises `InputError` if the pruner would not heed a setting, or nothing would be kept."""
    weights = [w for layer in masked_layers(host) for w in layer.get_prunable_weights()]
    size = sum(weight.shape.num_elements() for weight in weights)
    if not round(settings.density * size):
        raise InputError(
            f"density must keep at least one of the host's {size} parameters, "
            f"got {settings.density:g}"
        )
    if not isinstance(pruner, Searcher):
        return
    for name, heeded in (
        ("rounds", False),
        ("prune_rounds", False),
        ("scope", pruner.uses_scope),
        ("schedule", pruner.uses_schedule),
    ):
        value, default = getattr(settings, name), getattr(SeekSettings, name)
        if not heeded and value != default:
            raise InputError(
                f"pruner {pruner.name!r} goes its own way: leave out {name}, got {value!r}"
            )


@functools.lru_cache(maxsize=4)
def _working_model(architecture: str) -> keras.Model:
    """A host that searches put their weights into; building one takes as long as scoring."""
    return same_architecture(keras.models.model_from_json(architecture), "found")


class _Search:
    """One search: the working model, and the random streams that its steps share."""

    def __init__(
        self,
        host: keras.Model,
        planted: Planted | None,
        pruner: Pruner,
        settings: SeekSettings,
        data: Data,
        watch: Callable[[int, float], None] | None,
        augmented: bool,
    ):
        self.planted, self.pruner, self.settings, self.data = planted, pruner, settings, data
        self.judging = data if not takes_images(host) else _less_training(data, JUDGING_IMAGES)
        self.watch, self.augmented = watch, augmented
        check_applicable(pruner, settings, host)
        self.kind = (planted and planted.kind) or kind_of(data)
        self.initial = host.get_weights()
        self.model = _working_model(host.to_json())
        self.model.set_weights(self.initial)
        self.forward = forward(self.model)
        self.ties = generator(settings.seed, "ties")
        self.shuffling = generator(settings.seed, "shuffling")
        self.history: list[float] = []
        self.validation: list[float] = []
        self.seconds = {"pruning": 0.0, "training": 0.0}

    def run(self) -> FoundTicket:
        metrics = {}
        if self.planted is not None:
            ticket = forward(self.planted.ticket)
            metrics["planted"] = self._judge(ticket, self.planted.scales)
        metrics["best_constant"] = self.kind.best_constant(
            self.judging.y_train, self.judging.y_test
        )
        metrics["before"] = self._judge_strong(self.forward).metric
        search = self._search() if isinstance(self.pruner, Searcher) else None
        mask = search.mask if search else self._prune_in_rounds()
        self._rewind(mask)
        head = search.head if search and search.head else tf.identity
        strength = self._judge_strong(lambda x: head(self.forward(x)))
        metrics |= {"strong": strength.metric, "strong_unscaled": strength.unscaled}
        pruned = self.model.get_weights()
        if search and search.weights is not None:
            self.model.set_weights(search.weights)
        else:
            self._train(self.settings.epochs, validate=isinstance(self.data, Images))
        metrics["final"] = self._judge(self.forward)
        metrics["density_asked"] = float(self.settings.density)
        metrics |= search.metrics if search else {}
        metrics |= mask_metrics(self.planted and self.planted.planted_masks, mask)
        return FoundTicket(
            masks=mask,
            metrics=metrics,
            history=self.history,
            validation=self.validation,
            seconds=self.seconds,
            kind=self.kind,
            host=same_architecture(self.model, "host"),
            weights=self.model.get_weights(),
            initial_weights=pruned,
            scales=strength.scales,
            search=search,
        )

    def _prune_in_rounds(self) -> Mask:
        """Singleshot, or multishot: {train, prune to ρ^{r/R}, rewind} for each round r of R."""
        rounds = self.settings.rounds
        mask = Mask.ones_like(
            [w for layer in masked_layers(self.model) for w in layer.get_prunable_weights()]
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
        classes = self.kind.classes(self.model.output_shape[-1])
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
        with self._timed("pruning"):
            result = self.pruner.search(
                self.model, self.data, self.settings, self.shuffling, self.watch
            )
        self.history += result.history
        return result

    def _train(self, epochs: int, validate: bool = False) -> None:
        settings = self.settings
        small = compact(self.model) if takes_images(self.model) else None
        model = small.model if small else self.model
        epoch = compiled_epoch(model, self.kind, settings.learning_rate, settings.batch_size)
        curve = ValidationCurve(epoch.model, self.data, epochs) if validate else None
        with self._timed("training"):
            weights, history = train(
                epoch,
                model.get_weights(),
                self.data.x_train,
                self.data.y_train,
                epochs,
                self.shuffling,
                self.watch,
                self.augmented,
                curve,
            )
        model.set_weights(weights)
        if small:
            small.put_back(self.model)
        self.history += history
        self.validation = curve.values.numpy().tolist() if curve else []

    def _rewind(self, mask: Mask) -> None:
        self.model.set_weights(self.initial)
        set_masks(self.model, mask)

    def _judge(self, model: Callable, scales: np.ndarray | float = 1.0) -> float:
        return evaluate(model, self.kind, self.judging, scales)

    def _judge_strong(self, model: Callable) -> Strength:
        return evaluate_strong(model, self.kind, self.judging)

    @contextlib.contextmanager
    def _timed(self, what: str):
        start = time.perf_counter()
        yield
        self.seconds[what] += time.perf_counter() - start


def _less_training(data: Data, samples: int) -> Data:
    return Data(data.x_train[:samples], data.y_train[:samples], data.x_test, data.y_test)
