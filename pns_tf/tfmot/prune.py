"""Pruning during ``model.fit``: TF-MOT says when and how far, a pruner says what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from pns_tf import pruners
from pns_tf.checks import InputError, choice
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner, finite
from pns_tf.pruners.network import Loss
from pns_tf.pruning.prunable import PrunableWeight, layer_weights, prunable_weights
from pns_tf.pruning.thresholds import SCOPES, keep_highest, keep_highest_of_each
from pns_tf.seeding import generator
from pns_tf.tfmot.wrapper import PruneBySaliency, saliency_wrappers


@dataclass(frozen=True, eq=False)
class Saliency:
    """What the masks of a model are computed from; see `prune`."""

    pruner: Pruner
    x: np.ndarray | None
    y: np.ndarray | None
    scope: str
    loss: Loss | None

    @classmethod
    def checked(cls, pruner: Pruner | str, x, y, scope: str, loss: Loss | None) -> Saliency:
        """Raises `InputError` for an unknown pruner or scope, and for samples that do not work."""
        if isinstance(pruner, str):
            pruner = pruners.get(pruner)
        if not isinstance(pruner, Pruner):
            raise InputError(f"pruner must be a name or a pns_tf.pruners.Pruner, got {pruner!r}")
        if type(pruner).calculate_scores is Pruner.calculate_scores:
            raise InputError(f"pruner {pruner.name!r} gives no scores: expected one that does")
        if pruner.uses_data and (x is None or y is None):
            raise InputError(
                f"pruner {pruner.name!r} scores by samples: expected x and y, got none"
            )
        return cls(pruner, finite("x", x), finite("y", y), choice("scope", scope, SCOPES), loss)


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
) -> keras.Model:
    """Wraps a model so that ``fit`` with the callback `UpdateMasks` prunes it.

    The counterpart of ``tfmot.sparsity.keras.prune_low_magnitude``, and like it, the result shares
    its layers with ``model`` and has to be compiled. Layers without prunable weights stay as they
    are. TF-MOT's ``strip_pruning``, ``prune_scope`` and callbacks work on the result.

    Args:
        model: a functional or sequential tf_keras model, nested ones included.
        pruner: a name for `pns_tf.pruners.get`, or a `Pruner`.
        pruning_schedule: when to refresh the masks, and the sparsity to reach; step 1 is the first
            batch, as in TF-MOT.
        x, y: samples to score on, such as `pns_tf.pruners.scoring_batch` gives.
        scope: "global", one threshold for all weights, or "local", one for each weight as in
            TF-MOT. The number kept is TF-MOT's max(round(size × (1 − sparsity)), 1).
        biases: prune the biases of stock layers too. Those of `PlantedDense` always are.
        keep_pruned_weights: leave the pruned weights in place instead of setting them to zero.
            Rewind by assigning the trainable variables; before ``strip_pruning``, call
            `pns_tf.tfmot.wrapper.apply_masks`.
        loss: the loss to score by; by default the one the model is compiled with.

    Returns:
        A new model with `PruneBySaliency` around each prunable layer.

    Raises:
        ValueError: a model without prunable layer, already wrapped, or neither functional nor
            sequential; samples that are not finite; unknown pruner or scope.

    Example:
        >>> schedule = tfmot.sparsity.keras.PolynomialDecay(0, 0.9, begin_step=0, end_step=1000)
        >>> pruned = prune(model, "snip", schedule, x, y)
        >>> pruned.compile("adam", "mse")
        >>> history = pruned.fit(x_train, y_train, callbacks=[UpdateMasks()], verbose=0)
    """
    saliency = Saliency.checked(pruner, x, y, scope, loss)
    if not isinstance(pruning_schedule, tfmot.sparsity.keras.PruningSchedule):
        raise InputError(
            f"pruning_schedule must be a TF-MOT PruningSchedule, got {pruning_schedule!r}"
        )
    if isinstance(model, keras.Model) and not model.built and x is not None:
        model(saliency.x, training=False)
    weights = prunable_weights(model)

    def wrap(layer):
        if isinstance(layer, keras.Model):
            return _clone(layer, wrap)
        if isinstance(layer, keras.layers.Wrapper) and hasattr(layer, "pruning_vars"):
            raise InputError(f"layer {layer.name!r} is already wrapped: call strip_pruning first")
        if not layer_weights(layer):
            return layer
        return PruneBySaliency(layer, pruning_schedule, biases, keep_pruned_weights)

    pruned = _clone(model, wrap)
    own_masks = {id(weight.variable): weight.mask for weight in weights}
    for weight in pruned_weights(pruned):
        own = own_masks[id(weight.variable)]
        if own is not None and weight.mask is not None:  # what a host has pruned already
            weight.mask.assign(own)
    pruned.saliency = saliency
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


class UpdateMasks(tfmot.sparsity.keras.UpdatePruningStep):
    """Refreshes the masks of a model wrapped by `prune` at the steps its schedule says.

    Takes the place of TF-MOT's ``UpdatePruningStep``; both together work too. A parameter once
    pruned stays pruned.

    Args:
        pruner, x, y, scope, loss: as for `prune`. Needed after loading a model from disk; by
            default what the model was wrapped with.

    Raises:
        ValueError: when training begins, if the model is not wrapped, or was loaded from disk and
            no pruner is given.

    Example:
        >>> model = keras.models.load_model("half_pruned.keras")
        >>> history = model.fit(x_train, y_train, callbacks=[UpdateMasks("snip", x, y)], verbose=0)
    """

    def __init__(
        self,
        pruner: Pruner | str | None = None,
        x: np.ndarray | None = None,
        y: np.ndarray | None = None,
        *,
        scope: str = "global",
        loss: Loss | None = None,
    ):
        super().__init__()
        if pruner is None and (x is not None or y is not None or scope != "global" or loss):
            raise InputError("UpdateMasks takes x, y, scope and loss only together with a pruner")
        self._given = None if pruner is None else Saliency.checked(pruner, x, y, scope, loss)

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        self._weights = pruned_weights(self.model)
        self._wrappers = saliency_wrappers(self.model)
        self._saliency = self._given or getattr(self.model, "saliency", None)
        if self._saliency is None:
            raise InputError(
                f"model {self.model.name!r} does not know its pruner (it was loaded from disk): "
                "expected UpdateMasks(pruner, x, y)"
            )
        if int(self.model._steps_per_execution or 1) > 1:
            raise InputError(
                "UpdateMasks looks at every step: expected compile(steps_per_execution=1), "
                f"got {int(self.model._steps_per_execution)}"
            )
        # As a graph, like TF-MOT's, so that both round the sparsity alike.
        self._schedule = tf.function(
            self._wrappers[0].pruning_schedule, input_signature=[tf.TensorSpec([], tf.int64)]
        )

    def on_train_batch_begin(self, batch, logs=None):
        step = int(self._wrappers[0].pruning_step) + 1
        for wrapper in self._wrappers:
            wrapper.pruning_step.assign(step)
        due, sparsity = self._schedule(step)
        if due:
            self._update(step, sparsity.numpy())

    def _update(self, step: int, sparsity: np.float32) -> None:
        saliency, weights = self._saliency, self._weights
        scores = saliency.pruner.score(
            self.model, saliency.x, saliency.y, saliency.loss, weights=weights
        )
        alive = Mask([w.mask.numpy() for w in weights], [w.name for w in weights])
        rng = generator(saliency.pruner.seed, f"ties at step {step}")
        if saliency.scope == "global":
            masks = keep_highest(scores, kept_count(alive.size, sparsity), within=alive, rng=rng)
        else:
            counts = [kept_count(array.size, sparsity) for array in alive]
            masks = keep_highest_of_each(scores, counts, within=alive, rng=rng)
        self._assign(masks, scores)

    def _assign(self, masks: Mask, scores: Sequence[np.ndarray]) -> None:
        thresholds = {
            id(mask): threshold
            for wrapper in self._wrappers
            for _, mask, threshold in wrapper.pruning_vars
        }
        for weight, mask, score in zip(self._weights, masks, scores, strict=True):
            weight.mask.assign(mask.astype(np.float32))
            thresholds[id(weight.mask)].assign(score[mask].min(initial=np.inf))


def kept_count(size: int, sparsity: np.float32) -> int:
    """TF-MOT's number of weights to keep, in its float32 arithmetic: at least 1."""
    kept = np.float32(size) * (np.float32(1) - np.float32(sparsity))
    return max(int(np.rint(kept)), 1)


def _clone(model: keras.Model, wrap) -> keras.Model:
    if not (isinstance(model, keras.Sequential) or model._is_graph_network):
        raise InputError(f"model {model.name!r} must be functional or sequential to be wrapped")
    return keras.models.clone_model(model, clone_function=wrap)
