"""The callback that prunes a Keras 3 model while it is trained."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from pns_tf import pruners
from pns_tf.checks import InputError, choice, flag
from pns_tf.keras3.backends import array_of
from pns_tf.keras3.fit_weights import check_same_weights, checked_class_weight, weights_of
from pns_tf.keras3.layers import PrunableWeight, Skip, check_known, prunable_weights
from pns_tf.keras3.network import Loss
from pns_tf.keras3.saved_masks import KEEP
from pns_tf.keras3.schedules import Schedule
from pns_tf.keras3.scoring import as_fed, score
from pns_tf.keras3.sparse import Sparse, sparse_in
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.batch import check_lengths, check_loss
from pns_tf.pruning.patterns import Pattern, check_pattern
from pns_tf.pruning.thresholds import SCOPES, masks_at_sparsity, warn_of_empty
from pns_tf.seeding import generator

MISSED = 0.01  # by so much more may be left than was asked for, as patterns round
PRUNERS = ("magnitude", "random", "snip", "grasp", "synflow")


class UpdateMasks(keras.callbacks.Callback):
    """Sets the masks of a model that is compiled with `Sparse`, at the steps its schedule says.

    A weight once pruned stays pruned. Pruned are the kernels of all layers, see
    `pns_tf.keras3.layers.prunable_weights`; frozen ones stay as they are. With
    ``compile(steps_per_execution=k)`` masks are updated before the k steps among which an update is
    due. Training goes on where it was when ``fit`` is called again, or after a model was loaded.

    A warning names a layer of which nothing is left, and says how far pruning has come if training
    ends before the schedule does, or if no update falls on the schedule's end. Others say that a
    callback has put pruned weights back, and that a model pruned before was compiled without its
    masks.

    Args:
        pruner: "magnitude", "random", "snip", "grasp", "synflow", "module:Class" for one of your
            own, or a `Pruner`.
        schedule: `PolynomialDecay` or `ConstantSparsity`; step 1 is the first batch, as in TF-MOT.
        x, y: samples to score on, such as `scoring_batch` gives; as for ``fit``.
        scope: "global", one threshold for all weights, or "local", one for each weight. The number
            kept is TF-MOT's max(round(size × (1 − sparsity)), 1).
        biases: prune the bias beside each kernel, too.
        skip: layers that stay dense with all that is in them: names or paths such as
            "encoder/dense", types such as ``keras.layers.Embedding``, or functions of a layer.
        pattern: which weights are kept together: `NofM` (2:4) or `Blocks`.
        loss: to score by, as for ``compile``; by default the one the model is compiled with.
        sample_weight, class_weight: of the samples or of their classes, as for ``fit``. Weights
            that ``fit`` has and these do not are refused if the pruner scores by a loss; those that
            a generator or a ``PyDataset`` yields are not seen.
        batch_statistics: normalise by the samples' own statistics while scoring; by default as the
            pruner says.
        batch_size: samples that are taken at a time while scoring, by default all; see
            `Pruner.score`.

    Raises:
        ValueError: an unknown pruner, schedule, scope or pattern, samples missing or not finite;
            when training begins, a model compiled without `Sparse`, no loss for a pruner that needs
            one or weights of samples that ``fit`` alone has, a layer with weights of which nobody
            knows whether they may be pruned, masks that do not fit the model, replicas.

    Example:
        >>> import keras
        >>> from pns_tf.keras3 import ConstantSparsity, Sparse
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
        >>> model.compile(Sparse("adam"), "mse")
        >>> updates = UpdateMasks("snip", ConstantSparsity(0.5, begin_step=1), x, y)
        >>> history = model.fit(x, y, verbose=0, callbacks=[updates])
        >>> int((model.layers[0].kernel.numpy() == 0).sum())
        2
    """

    def __init__(
        self,
        pruner: Pruner | str,
        schedule: Schedule,
        x=None,
        y=None,
        *,
        scope: str = "global",
        biases: bool = False,
        skip: Sequence[Skip] | Skip = (),
        pattern: Pattern | None = None,
        loss: Loss | None = None,
        sample_weight=None,
        class_weight: Mapping[int, float] | None = None,
        batch_statistics: bool | None = None,
        batch_size: int | None = None,
    ):
        super().__init__()
        self._pruner = _checked_pruner(pruner)
        if not isinstance(schedule, Schedule):
            raise InputError(
                "schedule must be PolynomialDecay, ConstantSparsity or another Schedule of "
                f"pns_tf.keras3, got {schedule!r}"
            )
        self._schedule = schedule
        reached = float(schedule.sparsity(schedule.last))
        if reached < schedule.final - 1e-6:
            warnings.warn(
                f"the schedule's last update is at step {schedule.last}, where its sparsity is "
                f"{reached:.4g}, not {schedule.final:.4g}: frequency should divide end_step − "
                "begin_step",
                stacklevel=2,
            )
        self._scope = choice("scope", scope, SCOPES)
        self._biases, self._skip = flag("biases", biases), skip
        check_pattern(pattern)
        self._pattern = pattern
        samples = as_fed("x", x), as_fed("y", y)  # which checks that they are finite
        self._pruner.check_samples(*samples)
        check_lengths(*samples, as_fed("sample_weight", sample_weight))
        if batch_statistics is not None:
            flag("batch_statistics", batch_statistics)
        if isinstance(loss, str):
            check_loss(loss, keras.losses.get)
        self._class_weight = checked_class_weight(class_weight, y, sample_weight)
        self._sample_weight = sample_weight
        self._settings = {
            "x": x,
            "y": y,
            "loss": loss,
            "sample_weight": (
                sample_weight if self._class_weight is None else weights_of(y, self._class_weight)
            ),
            "batch_statistics": batch_statistics,
            "batch_size": self._pruner.check_batch_size(batch_size),
        }

    def on_train_begin(self, logs=None):
        model = self.model
        sparse = _sparse_of(model)
        if self._pruner.uses_data and not (
            self._settings["loss"] is not None or model._compile_loss is not None or model.losses
        ):
            raise InputError(
                f"pruner {self._pruner.name!r} scores by a loss, and model {model.name!r} is "
                "compiled without one: compile it with a loss, or give UpdateMasks one"
            )
        if self._pruner.uses_data:
            check_same_weights(model, self._class_weight, self._sample_weight)
        self._build(model)
        _check_masks_fit(model, sparse)
        _check_one_replica(model)
        check_known(model, self._skip)
        weights = prunable_weights(model, self._biases, self._skip)
        if self._pattern is not None:
            self._pattern.check(
                [weight.name for weight in weights],
                [tuple(weight.variable.shape) for weight in weights],
                [weight.axis for weight in weights],
                self._schedule.final,
            )
        before = {id(variable) for variable, _ in sparse.masked()}
        _warn_of_zeros(model, [w for w in weights if id(w.variable) not in before])
        sparse.add_masks([weight.variable for weight in weights])
        if sparse.new_masks:
            model.make_train_function(force=True)  # one traced before knows nothing of them
            sparse.new_masks = False
        masks = {id(variable): mask for variable, mask in sparse.masked()}
        self._weights = [
            dataclasses.replace(weight, mask=masks[id(weight.variable)]) for weight in weights
        ]
        self._sparse, self._done = sparse, sparse.steps

    def on_train_batch_begin(self, batch, logs=None):
        steps = self._begun_with(batch)
        if self._due(steps):
            # The state is fetched only now: JAX would pay for it in every step. Steps that a
            # LossScaleOptimizer has skipped do not count.
            model = self.model
            self._done = self._sparse.steps
            step = self._due(steps)
            if step:
                self._update(model, step)
        self._done += steps

    def on_train_end(self, logs=None):
        if revived := self._sparse.hold():
            warnings.warn(
                f"{revived:,} pruned weights were not zero when training ended, as a callback such "
                "as EarlyStopping had restored earlier ones: they are zero again, so evaluate the "
                "model anew; EarlyStopping should begin after the last update (start_from_epoch)",
                stacklevel=2,
            )
        last, done = self._schedule.last, self._sparse.steps
        mask, asked = _mask_of(self._weights), 1 - self._schedule.final
        # Each weight keeps one at least; a schedule that had begun and ended before never pruned.
        missed = mask.density > asked + max(MISSED, len(self._weights) / mask.size)
        if done < last or missed:
            when = "before" if done < last else "after"
            warnings.warn(
                f"training ended at step {done}, {when} the schedule's last update at step {last}: "
                f"density {mask.density:.4g} reached, {asked:.4g} asked for",
                stacklevel=2,
            )

    def _build(self, model: keras.Model) -> None:
        """Makes what TensorFlow would make within the first step."""
        if not model.built and self._settings["x"] is not None:
            x = as_fed("x", self._settings["x"])
            model(keras.tree.map_structure(lambda batch: batch[:1], x), training=False)
        if not model.built:
            raise InputError(
                f"model {model.name!r} has no weights yet: build it, call it on data, or give "
                "UpdateMasks samples x"
            )
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)

    def _begun_with(self, batch: int) -> int:
        """How many steps begin with this call."""
        steps, left = self._model.steps_per_execution, (self.params or {}).get("steps")
        return steps if left is None else max(min(steps, left - batch), 1)

    def _due(self, steps: int) -> int | None:
        """The last of the next ``steps`` steps at which an update is due."""
        now = self._done
        return next((s for s in range(now + steps, now, -1) if self._schedule.due(s)), None)

    def _update(self, model: keras.Model, step: int) -> None:
        weights, settings = self._weights, self._settings
        scores = score(self._pruner, model, weights, **settings)
        alive = _mask_of(weights)
        masks = masks_at_sparsity(
            scores,
            float(self._schedule.sparsity(step)),
            self._scope,
            within=alive,
            rng=generator(self._pruner.seed, f"ties at step {step}"),
            pattern=self._pattern,
            axes=[weight.axis for weight in weights],
        )
        for weight, kept in zip(weights, masks, strict=True):
            mask, variable = weight.mask, weight.variable
            mask.assign(kept.astype(keras.backend.standardize_dtype(mask.dtype)))
            variable.assign(keras.ops.multiply(variable, mask))
        warn_of_empty(alive, masks, step)


def _warn_of_zeros(model: keras.Model, weights: Sequence[PrunableWeight]) -> None:
    """A kernel of which most is zero has been pruned before, and nothing would hold that."""
    zeros = [w.name for w in weights if np.mean(array_of(w.variable) == 0) > 0.5]
    zeros = [name for name in zeros if not name.endswith("bias")]
    if zeros:
        warnings.warn(
            f"most of {zeros[0]} is zero, and its optimizer does not hold these zeros: if it was "
            f"pruned before, {KEEP}",
            stacklevel=3,
        )


def _checked_pruner(pruner: Pruner | str) -> Pruner:
    if isinstance(pruner, str):
        # Other pruners of the project search by themselves, in tf_keras.
        pruner = pruners.get(pruner if ":" in pruner else choice("pruner", pruner, PRUNERS))
    if not isinstance(pruner, Pruner):
        raise InputError(f"pruner must be a name or a pns_tf.keras3.Pruner, got {pruner!r}")
    if type(pruner).calculate_scores is Pruner.calculate_scores:
        raise InputError(f"pruner {pruner.name!r} gives no scores: expected one that does")
    return pruner


def _sparse_of(model: keras.Model) -> Sparse:
    sparse = sparse_in(getattr(model, "optimizer", None))
    if sparse is None:
        found = type(getattr(model, "optimizer", None)).__name__
        raise InputError(
            f"model {model.name!r} is compiled with {found}, which keeps no weight at zero: "
            "expected compile(pns_tf.keras3.Sparse(optimizer), …)"
        )
    return sparse


def _check_one_replica(model: keras.Model) -> None:
    replicas = getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)
    if replicas > 1:
        raise InputError(
            f"model {model.name!r} is trained on {replicas} replicas of tf.distribute, and masks "
            "are for one: train on one, or on JAX by keras.distribution"
        )


def _check_masks_fit(model: keras.Model, sparse: Sparse) -> None:
    trained = {id(variable) for variable in model.trainable_variables}
    for variable, mask in sparse.masked():
        if id(variable) not in trained:
            raise InputError(
                f"the mask of {variable.path}, shape {tuple(mask.shape)}, fits no trainable weight "
                f"of model {model.name!r}: were layers changed? If so, {KEEP}"
            )


def _mask_of(weights: Sequence[PrunableWeight]) -> Mask:
    arrays = [array_of(weight.mask) for weight in weights if weight.mask is not None]
    return Mask(arrays, [weight.name for weight in weights])
