"""Seek: a pruner looks for a ticket in a planted host, and is judged against the planted one."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import cast

import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.found_ticket import FoundTicket
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.forward import forward, takes_images
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.models import (
    host_arrays,
    masked_layers,
    same_architecture,
    set_masks,
)
from pns_tf.hosts.seekable import seekable_host
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import (
    Strength,
    evaluate_all,
    evaluate_strong,
    without_validation,
)
from pns_tf.measuring.recovery import mask_metrics
from pns_tf.planting.planted import Planted
from pns_tf.pruners import make_pruner
from pns_tf.pruners.base import HEEDED, Pruner
from pns_tf.pruners.handed_out import TrainingPart, forget_planted, settings_for, with_planted
from pns_tf.pruners.taken_back import check_result, set_trained
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeding import generator
from pns_tf.tasks import Data
from pns_tf.tasks.task import check_data, kind_of
from pns_tf.training.host import train_host
from pns_tf.training.loop import Loop
from pns_tf.training.validation import Images

JUDGING_IMAGES = 5_000  # of the training set, on which output scales are fitted
# What is measured here of every search, and not for a pruner to say.
MEASURED = (
    *("planted", "best_constant", "before", "strong", "strong_unscaled", "final"),
    *("density_asked", "soft", "soft_hard_gap"),
    *("validation", "validation_strong", "validation_planted"),
)


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
        watch: told the number of each finished epoch, those of the search first, and its mean loss.
        augmented: train on randomly mirrored and shifted images.
        **settings: any other field of `SeekSettings`, such as ``rounds=10`` for multishot;
            ``samples`` and ``noise`` are by default those of the planted run.

    Raises:
        ValueError: unknown pruner, a value out of range, data that are not finite or do not fit the
            network, scores that are not finite; a model with frozen layers, regularisers or
            constraints, or one that is pruned already; a pruner that keeps more than was asked for,
            returns weights that ignore its mask, or asks for the test set.

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
    if isinstance(planted, Planted):
        settings = {"samples": planted.samples, "noise": planted.noise} | settings
    name = pruner if isinstance(pruner, str) else pruner.name
    return seek_with(
        planted,
        SeekSettings(name, cast(float, density), seed=seed, **settings),
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
    judged: bool = True,
) -> FoundTicket:
    """Like `seek`, with the settings as one object; the pruner is made from them if not given.

    With ``judged=False`` the metrics are left out that networks have on ``data``, all but those of
    the strong ticket: for rankings, which judge by a rule of their own.
    """
    pruner = pruner or make_pruner(settings)
    if isinstance(planted, keras.Model):
        host, planted = seekable_host(planted), None
    else:
        host = planted.host
    if data is None:
        if planted is None:
            raise InputError("a host in which nothing is planted needs data to be trained on")
        data = planted.data(settings.samples, settings.noise)
    if planted is not None and planted.kind not in (None, kind_of(data)):
        raise InputError(f"data must be for {planted.kind}, got labels for {kind_of(data)}")
    check_data(data, host.input_shape[1:], host.output_shape[-1])
    if augmented and not takes_images(host):
        raise InputError("only images can be augmented: expected augmented=False")
    check_applicable(pruner, settings, host, augmented)
    loop = Loop(generator(settings.seed, "shuffling"), watch, augmented)
    return _Search(host, planted, pruner, settings, data, loop).run(judged)


def check_applicable(
    pruner: Pruner, settings: SeekSettings, host: keras.Model, augmented: bool = False
) -> None:
    """Raises `InputError` if the pruner would not heed a setting, or nothing would be kept."""
    weights = [w for layer in masked_layers(host) for w in layer.get_prunable_weights()]
    size = sum(weight.shape.num_elements() for weight in weights)
    if not round(settings.density * size):
        raise InputError(
            f"density must keep at least one of the host's {size} parameters, "
            f"got {settings.density:g}"
        )
    steps = settings.prune_rounds if "prune_rounds" in pruner.heeds else None
    if "schedule" in pruner.heeds and steps == 1 and settings.schedule != SeekSettings.schedule:
        raise InputError(
            "schedule is of the steps in which one pruning goes, and prune_rounds is 1: leave it "
            f"out, got {settings.schedule!r}"
        )
    given = {**vars(settings), "augmented": augmented}
    default = {**vars(SeekSettings()), "augmented": False}
    for name in HEEDED:
        if name not in pruner.heeds and given[name] != default[name]:
            raise InputError(
                f"pruner {pruner.name!r} goes its own way: leave out {name}, got {given[name]!r}"
            )


@functools.lru_cache(maxsize=4)
def _working_model(architecture: str) -> keras.Model:
    """A host that searches put their weights into; building one takes as long as scoring."""
    return same_architecture(keras.models.model_from_json(architecture), "found")


class _Search:
    """One search: the working model, and the loop that its epochs share."""

    def __init__(
        self,
        host: keras.Model,
        planted: Planted | None,
        pruner: Pruner,
        settings: SeekSettings,
        data: Data,
        loop: Loop,
    ):
        self.planted, self.pruner, self.settings, self.data = planted, pruner, settings, data
        self.judging = _less_training(data, JUDGING_IMAGES) if takes_images(host) else data
        self.loop, self.kind = loop, kind_of(data)
        self.began = loop.stream
        self.host = host.get_weights()
        self.model = _working_model(host.to_json())
        self.model.set_weights(self.host)
        forget_planted(self.model)
        self.initial = self.model.get_weights()
        self.forward = forward(self.model)

    def run(self, judged: bool) -> FoundTicket:
        metrics = self._judged_before() if judged else {}
        start = time.perf_counter()
        search = self.pruner.find(
            self.model,
            TrainingPart(self.data),
            settings_for(self.pruner, self.settings),
            self.loop,
        )
        pruning = time.perf_counter() - start - search.training_seconds
        check_result(self.pruner.name, search, self.model, self.settings.density, MEASURED)
        self._rewind(search.mask)
        head = search.head or tf.identity
        strength = self._judge_strong(lambda x: head(self.forward(x)))
        metrics |= {"strong": strength.metric, "strong_unscaled": strength.unscaled}
        if judged and strength.validation is not None:
            metrics["validation_strong"] = strength.validation
        pruned, stream = self.model.get_weights(), self.loop.stream
        start, validation, final_scales = time.perf_counter(), [], None
        if search.weights is not None:
            set_trained(self.pruner.name, self.model, search)
        else:
            validation = train_host(
                self.model,
                self.data,
                self.settings,
                self.settings.epochs,
                self.loop,
                validate=isinstance(self.data, Images),
            )
        training = time.perf_counter() - start + search.training_seconds
        if judged:
            final, validated, final_scales = evaluate_all(self.forward, self.kind, self.judging)
            metrics["final"] = final
            if validated is not None:
                metrics["validation"] = validated
        metrics["density_asked"] = float(self.settings.density)
        if judged and search.gates is not None:
            soft, hard = (
                self._judge_strong(network, validate=False).metric for network in search.gates
            )
            gates = {"soft": soft, "soft_hard_gap": abs(soft - hard)}
            search = dataclasses.replace(search, metrics=gates | search.metrics)
        metrics |= search.metrics
        metrics |= self._recovery(search.mask)
        return FoundTicket(
            masks=search.mask,
            metrics=metrics,
            history=self.loop.history,
            validation=validation,
            seconds={"pruning": pruning, "training": training},
            kind=self.kind,
            host=same_architecture(self.model, "host"),
            weights=with_planted(self.model.get_weights(), self.host),
            initial_weights=with_planted(pruned, self.host),
            scales=strength.scales,
            search=search,
            settings=self.settings,
            planted=self.planted,
            augmented=self.loop.augmented,
            stream=None if search.weights is not None or stream == self.began else stream,
            final_scales=final_scales,
        )

    def _judged_before(self) -> dict[str, float]:
        """What there is before the search: the planted ticket, the best constant and the host."""
        metrics = {}
        if self.planted is not None:
            strength = self._judge_strong(forward(self.planted.ticket))
            metrics["planted"] = strength.metric
            if strength.validation is not None:
                metrics["validation_planted"] = strength.validation
        metrics["best_constant"] = self.kind.best_constant(
            self.judging.y_train, self.judging.y_test
        )
        metrics["before"] = self._judge_strong(self.forward, validate=False).metric
        return metrics

    def _rewind(self, mask: Mask) -> None:
        self.model.set_weights(self.initial)
        set_masks(self.model, mask)

    def _recovery(self, found: Mask) -> dict[str, float]:
        wiring = wiring_of(self.model)
        if self.planted is None:
            return mask_metrics(None, found, wiring=wiring)
        host = self.planted.host
        arrays = host_arrays(host) if fully_connected(host) else None
        return mask_metrics(self.planted.planted_masks, found, arrays, wiring)

    def _judge_strong(self, model: Callable, *, validate: bool = True) -> Strength:
        data = self.judging if validate else without_validation(self.judging)
        return evaluate_strong(model, self.kind, data)


def _less_training(data: Data, samples: int) -> Data:
    x, y = data.x_train[:samples], data.y_train[:samples]
    return Data(x, y, data.x_test, data.y_test, data.x_validation, data.y_validation)
