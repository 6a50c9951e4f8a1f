"""Pruned weights stay as they are while an optimizer moves the others."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from pns_tf.tfmot.wrapper import PruneBySaliency


class Hold:
    """Holds the pruned weights of wrappers at zero, or at their value where they are kept.

    A gradient by a regulariser, momentum and weight decay reach pruned weights, too. Keras applies
    constraints within each training step, right after the optimizer: the masks are put there for
    the time of a training.

    Args:
        wrappers: of one model.
    """

    def __init__(self, wrappers: Sequence[PruneBySaliency]):
        self._wrappers = list(wrappers)
        self._before: list[tuple[tf.Variable, object]] = []

    def begin(self) -> None:
        """From now on; whatever is traced meanwhile holds them."""
        for wrapper in self._wrappers:
            frozen = wrapper.pruning_obj.frozen_values()
            for (weight, mask, _), value in zip(wrapper.pruning_vars, frozen, strict=True):
                for variable in _components(weight):
                    self._before.append((variable, variable._constraint))
                    variable._constraint = _held(variable._constraint, mask, value)
        self.refresh()

    def refresh(self) -> None:
        """What is kept is kept at the present value; others may have assigned it."""
        for wrapper in self._wrappers:
            frozen = wrapper.pruning_obj.frozen_values()
            for (weight, _, _), value in zip(wrapper.pruning_vars, frozen, strict=True):
                if value is not None:
                    value.assign(weight)

    def end(self) -> None:
        """Gives the variables their own constraints back."""
        for variable, constraint in reversed(self._before):
            variable._constraint = constraint
        self._before = []


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
