"""The callback that prunes a wrapped model while it is trained."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.network import Loss
from pns_tf.pruning.patterns import Pattern
from pns_tf.pruning.prunable import PrunableWeight
from pns_tf.pruning.thresholds import masks_at_sparsity, warn_of_empty
from pns_tf.seeding import generator
from pns_tf.tfmot.holding import Hold
from pns_tf.tfmot.prune import Saliency, pruned_weights
from pns_tf.tfmot.wrapper import PruneBySaliency, saliency_wrappers

FOREVER = -1  # end of TF-MOT's schedules without one


@dataclass(frozen=True, eq=False)
class _Group:
    """Wrappers whose masks are computed together: of one saliency, schedule and step.

    Attributes:
        saliency: what they are computed from.
        schedule: ``schedule(step)`` gives whether a refresh is due, and the sparsity.
        wrappers: the wrappers.
        weights: the weights in them.
        ties: name of the stream of random numbers that breaks ties.
    """

    saliency: Saliency
    schedule: Callable
    wrappers: list[PruneBySaliency]
    weights: list[PrunableWeight]
    ties: str

    def due(self, steps: int) -> tuple[int, np.float32] | None:
        """The last of the next ``steps`` steps at which a refresh is due, and its sparsity."""
        now = _step(self.wrappers[0])
        for step in range(now + steps, now, -1):
            due, sparsity = self.schedule(tf.constant(step, tf.int64))
            if due:
                return step, sparsity.numpy()
        return None

    def warn_if_unfinished(self) -> None:
        """Warns if the last update so far did not reach the schedule's sparsity."""
        said = self.wrappers[0].pruning_schedule.get_config()["config"]
        final = said.get("final_sparsity", said.get("target_sparsity"))
        if final is None or "frequency" not in said:  # a schedule of the user's own
            return
        now, end = _step(self.wrappers[0]), said.get("end_step", FOREVER)
        last = now if end == FOREVER else min(now, end)
        steps = range(last, max(last - said["frequency"], 0), -1)
        found = (self.schedule(tf.constant(step, tf.int64)) for step in steps)
        reached = next((float(sparsity.numpy()) for due, sparsity in found if due), 0.0)
        if reached < final - 1e-6:
            masks = Mask([w.mask.numpy() for w in self.weights if w.mask is not None])
            warnings.warn(
                f"training ended at step {now}, where the schedule's last update had sparsity "
                f"{reached:.4g}, not {final:.4g}: density {masks.density:.4g} reached, "
                f"{1 - final:.4g} asked for",
                stacklevel=3,
            )


class UpdateMasks(tfmot.sparsity.keras.UpdatePruningStep):
    """Refreshes the masks of a model wrapped by `prune` at the steps its schedule says.

    Takes the place of TF-MOT's ``UpdatePruningStep``; both together work too. A parameter once
    pruned stays pruned. While it is trained, the model is sparse after every step, so that whatever
    is saved is, whichever callback comes first.

    Wrappers with schedules of their own each keep to theirs; then a global threshold is one over
    all weights of one schedule. With ``compile(steps_per_execution=k)`` masks are refreshed before
    the k steps among which a refresh is due.

    A warning names a layer of which nothing is left, and says how far pruning has come if training
    ends before the schedule does, or if no update falls on the schedule's end.

    Args:
        pruner, x, y, scope, loss, sample_weight, class_weight, batch_statistics, pattern: as for
            `prune`. Needed after loading a model from disk; by default what each layer was wrapped
            with.

    Raises:
        ValueError: when training begins, if the model is not wrapped, or if a wrapper does not know
            its pruner and none is given.

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
        sample_weight: np.ndarray | None = None,
        class_weight: Mapping[int, float] | None = None,
        batch_statistics: bool | None = None,
        pattern: Pattern | None = None,
    ):
        super().__init__()
        settings = (x, y, loss, sample_weight, class_weight, batch_statistics, pattern)
        if pruner is None and (scope != "global" or any(value is not None for value in settings)):
            raise InputError("UpdateMasks takes x, y, scope, loss, … only together with a pruner")
        self._given = None
        if pruner is not None:
            self._given = Saliency.checked(
                pruner,
                x,
                y,
                scope,
                loss,
                sample_weight,
                batch_statistics,
                class_weight,
                pattern,
                unlabelled=True,  # whether labels are needed shows when the model is scored
            )

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        weights, wrappers = pruned_weights(self.model), saliency_wrappers(self.model)
        for wrapper in wrappers:
            if _step(wrapper) < 0:
                wrapper.pruning_step.assign(0)
        self._groups = self._grouped(wrappers, weights)
        self._hold = Hold(self.model, wrappers)
        self._hold.begin()

    def on_train_end(self, logs=None):
        self._hold.end()
        for group in self._groups:
            group.warn_if_unfinished()

    def on_train_batch_begin(self, batch, logs=None):
        steps = self._steps(batch)
        self._begun = [(group, _step(group.wrappers[0])) for group in self._groups]
        for group, now in self._begun:
            due = group.due(steps)
            for wrapper in group.wrappers:
                wrapper.pruning_step.assign(now + 1)
            if due:
                self._update(group, *due)
        self._hold.refresh()
        self._first = batch

    def on_train_batch_end(self, batch, logs=None):
        self._hold.apply()
        done = batch - self._first + 1
        if done > 1:
            for group, before in self._begun:
                for wrapper in group.wrappers:
                    wrapper.pruning_step.assign(before + done)

    def _steps(self, batch: int) -> int:
        """How many steps begin with this call."""
        steps = self.model._steps_per_execution
        steps = 1 if steps is None else int(steps.numpy())
        left = (getattr(self, "params", None) or {}).get("steps")  # a loop of one's own sets none
        return steps if left is None else max(min(steps, left - batch), 1)

    def _grouped(
        self, wrappers: Sequence[PruneBySaliency], weights: Sequence[PrunableWeight]
    ) -> list[_Group]:
        unknown = [w.layer.name for w in wrappers if not (self._given or w.saliency)]
        if unknown:
            raise InputError(
                f"model {self.model.name!r} does not know its pruner ({', '.join(unknown)} loaded "
                "from disk, or wrapped by hand): expected UpdateMasks(pruner, x, y)"
            )
        by_key: dict[tuple, list[PruneBySaliency]] = {}
        for wrapper in wrappers:
            saliency = self._given or wrapper.saliency
            schedule = wrapper.pruning_schedule
            said = (type(schedule), repr(schedule.get_config()), _step(wrapper))
            by_key.setdefault((id(saliency), *said), []).append(wrapper)
        groups: list[_Group] = []
        for members in by_key.values():
            masks = {id(mask) for wrapper in members for _, mask, _ in wrapper.pruning_vars}
            # As a graph, like TF-MOT's, so that both round the sparsity alike.
            schedule = tf.function(
                members[0].pruning_schedule, input_signature=[tf.TensorSpec([], tf.int64)]
            )
            groups.append(
                _Group(
                    self._given or members[0].saliency,
                    schedule,
                    members,
                    [weight for weight in weights if id(weight.mask) in masks],
                    f", group {len(groups)}" if groups else "",
                )
            )
        return groups

    def _update(self, group: _Group, step: int, sparsity: np.float32) -> None:
        saliency, weights = group.saliency, group.weights
        scores = saliency.scores(self.model, weights)
        alive = Mask(
            [w.mask.numpy() for w in weights if w.mask is not None], [w.name for w in weights]
        )
        rng = generator(saliency.pruner.seed, f"ties at step {step}{group.ties}")
        masks = masks_at_sparsity(
            scores,
            float(sparsity),
            saliency.scope,
            within=alive,
            rng=rng,
            pattern=saliency.pattern,
            axes=[weight.axis for weight in weights],
        )
        self._assign(weights, masks, scores)
        warn_of_empty(alive, masks, step)

    def _assign(
        self, weights: Sequence[PrunableWeight], masks: Mask, scores: Sequence[np.ndarray]
    ) -> None:
        places: dict[int, list] = {}  # a weight that two layers share has a mask in each
        for wrapper in saliency_wrappers(self.model):
            for variable, mask, threshold in wrapper.pruning_vars:
                places.setdefault(id(variable), []).append((wrapper, mask, threshold))
        for weight, kept, score in zip(weights, masks, scores, strict=True):
            for wrapper, mask, threshold in places[id(weight.variable)]:
                mask.assign(kept.astype(np.float32))
                threshold.assign(score[kept].min(initial=np.inf))
                if not wrapper.keep_pruned_weights:
                    weight.variable.assign(weight.variable * tf.cast(mask, weight.variable.dtype))


def _step(wrapper: PruneBySaliency) -> int:
    return int(wrapper.pruning_step.numpy())
