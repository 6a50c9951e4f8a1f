"""Pruning during ``model.fit``: TF-MOT says when and how far, a pruner says what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from pns_tf import pruners
from pns_tf.checks import InputError, choice, flag, similar
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.batch import check_lengths, check_loss
from pns_tf.pruners.class_weights import with_class_weight
from pns_tf.pruners.network import Loss
from pns_tf.pruners.sample_batches import rows_of
from pns_tf.pruners.scoring import adds_losses, as_fed
from pns_tf.pruning.layer_weights import parts, unknown_weights
from pns_tf.pruning.patterns import Pattern, check_pattern
from pns_tf.pruning.prunable import PrunableWeight, layers_of, prunable_weights
from pns_tf.pruning.thresholds import SCOPES
from pns_tf.tfmot.wrapper import PruneBySaliency, saliency_wrappers


@dataclass(frozen=True, eq=False)
class Saliency:
    """What masks are computed from; see `prune`."""

    pruner: Pruner
    x: object
    y: object
    scope: str
    loss: Loss | None
    sample_weight: object
    batch_statistics: bool | None
    batch_size: int | None
    pattern: Pattern | None

    @classmethod
    def checked(
        cls,
        pruner: Pruner | str,
        x,
        y,
        scope: str,
        loss: Loss | None,
        sample_weight=None,
        batch_statistics: bool | None = None,
        class_weight: Mapping[int, float] | None = None,
        pattern: Pattern | None = None,
        unlabelled: bool = False,
        batch_size: int | None = None,
    ) -> Saliency:
        """Raises `InputError` for an unknown pruner or scope, and for samples that do not work."""
        if isinstance(pruner, str):
            pruner = pruners.get(pruner)
        if not isinstance(pruner, Pruner):
            raise InputError(f"pruner must be a name or a pns_tf.pruners.Pruner, got {pruner!r}")
        if type(pruner).calculate_scores is Pruner.calculate_scores:
            raise InputError(f"pruner {pruner.name!r} gives no scores: expected one that does")
        choice("scope", scope, SCOPES)
        samples = as_fed("x", x), as_fed("y", y)
        pruner.check_samples(*samples, unlabelled)
        weight = as_fed("sample_weight", sample_weight)
        check_lengths(*samples, weight)
        if batch_statistics is not None:
            flag("batch_statistics", batch_statistics)
        if isinstance(loss, str):
            check_loss(loss, keras.losses.get)
        weight = with_class_weight(samples[1], class_weight, weight)
        check_pattern(pattern)
        size = pruner.check_batch_size(batch_size)
        return cls(pruner, *samples, scope, loss, weight, batch_statistics, size, pattern)

    def scores(self, model: keras.Model, weights: Sequence[PrunableWeight]) -> list[np.ndarray]:
        """One array for each of ``weights``."""
        return self.pruner.score(
            model,
            self.x,
            self.y,
            self.loss,
            weights=weights,
            sample_weight=self.sample_weight,
            batch_statistics=self.batch_statistics,
            batch_size=self.batch_size,
        )


def prune(
    model: keras.Model,
    pruner: Pruner | str,
    pruning_schedule: tfmot.sparsity.keras.PruningSchedule,
    x: np.ndarray | None = None,
    y: np.ndarray | None = None,
    *,
    scope: str = "global",
    biases: bool = False,
    keep_pruned_weights: bool = False,
    loss: Loss | None = None,
    sample_weight: np.ndarray | None = None,
    class_weight: Mapping[int, float] | None = None,
    batch_statistics: bool | None = None,
    batch_size: int | None = None,
    skip: Sequence[str] = (),
    pattern: Pattern | None = None,
) -> keras.Model:
    """Wraps a model so that ``fit`` with the callback `UpdateMasks` prunes it.

    The counterpart of ``tfmot.sparsity.keras.prune_low_magnitude``, and like it, the result shares
    its layers with ``model`` and has to be compiled. TF-MOT's ``strip_pruning``, ``prune_scope``
    and callbacks work on the result.

    Pruned are the kernels of stock layers and of layers derived from them, also where they are
    parts of other layers (Bidirectional, TimeDistributed, attention, layers of your own), and what
    ``get_prunable_weights`` of a layer names. Depthwise kernels, normalisation and biases stay
    dense, as in TF-MOT. A layer with other trainable matrices is refused by name: give it
    ``get_prunable_weights``, or ``skip`` it.

    Args:
        model: a functional or sequential tf_keras model, nested ones included.
        pruner: a name for `pns_tf.pruners.get`, or a `Pruner`.
        pruning_schedule: when to refresh the masks, and the sparsity to reach; step 1 is the first
            batch, as in TF-MOT.
        x, y: samples to score on, such as `pns_tf.pruners.scoring_batch` gives; in any structure
            that ``fit`` takes.
        scope: "global", one threshold for all weights, or "local", one for each weight as in
            TF-MOT. The number kept is TF-MOT's max(round(size × (1 − sparsity)), 1). Global
            scope may leave a layer empty; `UpdateMasks` warns of it.
        biases: prune the biases of stock layers too. Those of `PlantedDense` always are.
        keep_pruned_weights: leave the pruned weights in place instead of setting them to zero; no
            step of the optimizer changes them. Rewind by assigning the trainable variables; before
            ``strip_pruning``, call `pns_tf.apply_masks`.
        loss: the loss to score by; by default the one the model is compiled with.
        sample_weight, class_weight: of the samples and of their classes, as for ``fit``.
        batch_statistics: normalise by the samples' own statistics while scoring, see
            `pns_tf.pruners.Pruner.score`.
        batch_size: samples that are taken at a time while scoring, by default all; as there.
        skip: names of layers that are to stay dense, such as "head" or, in a nested model or as the
            whole of it, "encoder/dense".
        pattern: which weights are kept together: `pns_tf.pruning.patterns.NofM` (2:4) or
            `pns_tf.pruning.patterns.Blocks`; not with ``biases``.

    Returns:
        A new model with `PruneBySaliency` around each layer with prunable weights.

    Raises:
        ValueError: a model without prunable layer, already wrapped, or neither functional nor
            sequential; a layer with weights of which nobody knows whether they may be pruned;
            samples that are not finite; unknown pruner, scope or layer to skip.

    Example:
        >>> schedule = tfmot.sparsity.keras.ConstantSparsity(0.9, begin_step=1)
        >>> pruned = prune(model, "snip", schedule, x, y)
        >>> pruned.compile("adam", "mse")
        >>> history = pruned.fit(x_train, y_train, callbacks=[pns_tf.UpdateMasks()], verbose=0)
    """
    saliency = Saliency.checked(
        pruner,
        x,
        y,
        scope,
        loss,
        sample_weight,
        batch_statistics,
        class_weight,
        pattern,
        adds_losses(model),
        batch_size,
    )
    if not isinstance(pruning_schedule, tfmot.sparsity.keras.PruningSchedule):
        raise InputError(
            f"pruning_schedule must be a TF-MOT PruningSchedule, got {pruning_schedule!r}"
        )
    if isinstance(model, keras.Model) and not model.built and x is not None:
        rows = saliency.batch_size  # without it nothing is cut, which sparse samples cannot be
        model(saliency.x if rows is None else rows_of(saliency.x, slice(rows)), training=False)
    weights = prunable_weights(model)
    skipped = _skipped(model, skip)
    _check_known(model, skipped)
    if pattern is not None:
        _check_pattern(pattern, pruning_schedule, weights, skipped, biases)
    done: dict[int, keras.layers.Layer] = {}  # a layer in two places gets one wrapper, one mask

    def wrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) in skipped:
            return layer
        if _is_graph(layer):
            return _clone(layer, once)
        if isinstance(layer, keras.layers.Wrapper) and hasattr(layer, "pruning_vars"):
            raise InputError(f"layer {layer.name!r} is already wrapped: call strip_pruning first")
        if not parts(layer):
            return layer
        wrapper = PruneBySaliency(layer, pruning_schedule, biases, keep_pruned_weights)
        wrapper.saliency = saliency
        return wrapper

    def once(layer: keras.layers.Layer) -> keras.layers.Layer:
        if id(layer) not in done:
            done[id(layer)] = wrapped(layer)
        return done[id(layer)]

    pruned = _clone(model, once)
    own_masks = {id(weight.variable): weight.mask for weight in weights}
    for weight in pruned_weights(pruned):
        own = own_masks[id(weight.variable)]
        if own is not None and weight.mask is not None:  # what a host has pruned already
            weight.mask.assign(own)
    return pruned


def pruned_weights(model: keras.Model) -> list[PrunableWeight]:
    """The weights inside `PruneBySaliency` wrappers, with the wrappers' masks.

    Raises:
        ValueError: the model has no such wrapper.
    """
    masks = {id(mask) for layer in saliency_wrappers(model) for _, mask, _ in layer.pruning_vars}
    if not masks:
        raise InputError(f"model {model.name!r} is not wrapped: expected what pns_tf.prune returns")
    return [weight for weight in prunable_weights(model) if id(weight.mask) in masks]


def _skipped(model: keras.Model, skip: Sequence[str]) -> set[int]:
    """The layers and nested models of these names or paths, by id."""
    skip = [skip] if isinstance(skip, str) else list(skip)
    known = dict(_named(model))
    found = set()
    for name in skip:
        layers = [layer for path, layer in known.items() if name in (path, layer.name)]
        if not layers:
            raise InputError(
                f"skip names no layer of model {model.name!r}: got {name!r}"
                f"{similar(name, known)}; its layers are {', '.join(known)}"
            )
        found |= {id(inner) for layer in layers for inner in layer._flatten_layers()}
    return found


def _named(model: keras.Model, path: str = ""):
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            yield path + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from _named(layer, f"{path}{layer.name}/")


def _check_known(model: keras.Model, skipped: set[int]) -> None:
    unknown = {
        path: unknown_weights(layer) for path, layer in layers_of(model) if id(layer) not in skipped
    }
    unknown = {path: weights for path, weights in unknown.items() if weights}
    if unknown:
        said = "; ".join(f"{path!r}: {', '.join(weights)}" for path, weights in unknown.items())
        raise InputError(
            f"model {model.name!r} has layers with weights of which nobody knows whether they may "
            f"be pruned ({said}): give them get_prunable_weights, or leave them dense by "
            f"skip={list(unknown)}"
        )


def _check_pattern(
    pattern: Pattern,
    schedule: tfmot.sparsity.keras.PruningSchedule,
    weights: Sequence[PrunableWeight],
    skipped: set[int],
    biases: bool,
) -> None:
    pruned = [
        weight
        for weight in weights
        if id(weight.layer) not in skipped and (biases or not weight.name.endswith("/bias"))
    ]
    target = getattr(schedule, "target_sparsity", None)
    pattern.check(
        [weight.name for weight in pruned],
        [tuple(weight.variable.shape) for weight in pruned],
        [weight.axis for weight in pruned],
        getattr(schedule, "final_sparsity", target),
    )


def _is_graph(layer: keras.layers.Layer) -> bool:
    """Whether it is a model whose layers can be wrapped one by one."""
    return isinstance(layer, keras.Model) and (
        isinstance(layer, keras.Sequential) or layer._is_graph_network
    )


def _clone(model: keras.Model, wrap: Callable) -> keras.Model:
    if not _is_graph(model):
        raise InputError(f"model {model.name!r} must be functional or sequential to be wrapped")
    return keras.models.clone_model(model, clone_function=wrap)
