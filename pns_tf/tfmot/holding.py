"""Pruned weights stay as they are while an optimizer moves the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras as keras

from pns_tf.tfmot.wrapper import PruneBySaliency


class Hold:
    """Holds the pruned weights of wrappers at zero, or at their value where they are kept.

    A gradient by a regulariser, momentum and weight decay reach pruned weights, too. Keras applies
    constraints within each training step, right after the optimizer: the masks are put there for
    the time of a training.

    Args:
        model: the model that is trained.
        wrappers: those in it.
    """

    def __init__(self, model: keras.Model, wrappers: Sequence[PruneBySaliency]):
        self._model, self._wrappers = model, list(wrappers)
        self._before: list[tuple[tf.Variable, object]] = []
        self._by_hand: list[tuple[tf.Variable, Callable]] = []

    def begin(self) -> None:
        """From now on; whatever is traced meanwhile holds them."""
        legacy = isinstance(self._model.optimizer, keras.optimizers.legacy.Optimizer)
        for wrapper in self._wrappers:
            frozen = wrapper.pruning_obj.frozen_values()
            for (weight, mask, _), value in zip(wrapper.pruning_vars, frozen, strict=True):
                if legacy and isinstance(wrapper.layer, keras.layers.Embedding):
                    self._by_hand.append((weight, _held(None, mask, value)))
                    continue  # with sparse gradients they refuse constraints
                for variable in _components(weight):
                    self._before.append((variable, variable._constraint))
                    variable._constraint = _held(variable._constraint, mask, value)
        self.refresh()
        # What was traced by an earlier training without masks would not hold anything.
        state = self._wrappers[0].pruning_obj
        if state.held_by is not self._model.train_function:
            self._model.make_train_function(force=True)
            state.held_by = self._model.train_function

    def apply(self) -> None:
        """Holds what constraints could not, after a step."""
        for weight, constraint in self._by_hand:
            weight.assign(constraint(weight))

    def refresh(self) -> None:
        """What is kept is kept at the present value; others may have assigned it."""
        for wrapper in self._wrappers:
            frozen = wrapper.pruning_obj.frozen_values()
            for (weight, _, _), value in zip(wrapper.pruning_vars, frozen, strict=True):
                if value is not None:
                    value.assign(weight)

    def end(self) -> None:
        """Gives the variables their own constraints back.

        What is pruned is held once more: an optimizer with averages (``use_ema``) puts these in the
        weights' places when training ends, which no constraint sees.
        """
        for wrapper in self._wrappers:
            frozen = wrapper.pruning_obj.frozen_values()
            for (weight, mask, _), value in zip(wrapper.pruning_vars, frozen, strict=True):
                weight.assign(_held(None, mask, value)(weight))
        for variable, constraint in reversed(self._before):
            variable._constraint = constraint
        self._before, self._by_hand = [], []


def _held(own, mask: tf.Variable, frozen: tf.Variable | None):
    def constraint(weight):
        value = own(weight) if own is not None else tf.convert_to_tensor(weight)
        kept = tf.cast(mask, value.dtype)
        if frozen is None:
            return value * kept
        return tf.where(kept > 0, value, tf.cast(frozen, value.dtype))

    return constraint


def _components(variable: tf.Variable) -> Sequence[tf.Variable]:
    """The variables behind one that is cast or spread over devices."""
    variable = getattr(variable, "_variable", variable)
    return getattr(variable, "values", None) or [variable]
