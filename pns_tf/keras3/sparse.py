"""An optimizer around another that keeps pruned weights at zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from pns_tf.checks import InputError
from pns_tf.keras3.backends import array_of, check_backend


class _Masks:
    """Masks by the place of their variables, where Keras does not count them a second time."""

    def __init__(self) -> None:
        self.of: dict[int, keras.Variable] = {}


@keras.saving.register_keras_serializable(package="pns_tf")
class Sparse(keras.optimizers.Optimizer):
    """Wraps an optimizer, and holds pruned weights at zero after each of its steps.

    It owns one mask of 0 and 1 for each pruned variable. One step is that of the inner optimizer,
    then v ← v ⊙ m, in the compiled step: momentum, weight decay, moving averages and whatever else
    the inner optimizer does reach no pruned weight. The masks are made and set by the callback
    `UpdateMasks`; without it this is the inner optimizer. Learning rate and iterations are the
    inner optimizer's. Masks are saved with the model.

    ``LossScaleOptimizer`` may be inside or outside.

    Args:
        inner_optimizer: a Keras optimizer, or its name.
        name: of this optimizer.
        masked: of an optimizer that is loaded: place and shape of each variable with a mask.

    Raises:
        ValueError: no optimizer, one that is sparse already, or a backend that is not known.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> model.compile(Sparse(keras.optimizers.SGD(0.1)), "mse")
        >>> round(float(model.optimizer.learning_rate), 3)
        0.1
    """

    def __new__(cls, inner_optimizer: Any = None, *args, **kwargs):
        # Keras wraps the optimizer of a mixed_float16 model in a LossScaleOptimizer unless it is
        # one; what scales the loss by its inner optimizer has to be one, too.
        if cls is Sparse and isinstance(inner_optimizer, keras.optimizers.LossScaleOptimizer):
            cls = SparseLossScale
        return super().__new__(cls)

    def __init__(
        self,
        inner_optimizer: keras.optimizers.Optimizer | str,
        name: str | None = None,
        masked: Sequence[tuple[int, Sequence[int]]] = (),
    ):
        check_backend()
        if isinstance(inner_optimizer, str):
            inner_optimizer = keras.optimizers.get(inner_optimizer)
        if not isinstance(inner_optimizer, keras.optimizers.Optimizer):
            raise InputError(
                "Sparse wraps a Keras optimizer such as keras.optimizers.Adam(1e-3), got "
                f"{inner_optimizer!r}"
            )
        if sparse_in(inner_optimizer) is not None:
            raise InputError(f"optimizer {inner_optimizer.name!r} is sparse already")
        keras.optimizers.Optimizer.__init__(self, learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self._masked_when_saved = tuple((place, tuple(shape)) for place, shape in masked)
        self._masks = _Masks()

    def build(self, variables):
        self.inner_optimizer.build(variables)
        keras.optimizers.Optimizer.build(self, variables)
        for place, shape in self._masked_when_saved:
            if place >= len(variables) or tuple(variables[place].shape) != shape:
                found = f"{place} trainable variables at most"
                if place < len(variables):
                    found = f"{variables[place].path} of shape {tuple(variables[place].shape)}"
                raise InputError(
                    f"a mask of shape {shape} was saved for trainable variable {place}, but there "
                    f"is {found}: were layers changed? Compile the model with a new Sparse"
                )
        self.add_masks([variables[place] for place, _ in self._masked_when_saved])

    def add_masks(self, variables: Sequence[keras.Variable]) -> bool:
        """Gives those of ``variables`` a mask of ones that have none; whether there is a new one.

        Steps count from the first masks on.

        Raises:
            ValueError: a variable that this optimizer does not train.
        """
        places = {id(variable): place for place, variable in enumerate(self._trainable_variables)}
        new = False
        if not self._masks.of:
            self._iterations.assign(0)
        for variable in variables:
            place = places.get(id(variable))
            if place is None:
                raise InputError(
                    f"optimizer {self.name!r} does not train {variable.path}: were layers changed "
                    "after the model was compiled? Compile it with a new Sparse"
                )
            if place not in self._masks.of:
                self._masks.of[place] = self.add_variable_from_reference(
                    variable, name="mask", initializer="ones"
                )
                new = True
        return new

    def masked(self) -> list[tuple[keras.Variable, keras.Variable]]:
        """Each variable that has a mask, with its mask."""
        return [(self._trainable_variables[place], mask) for place, mask in self._masks.of.items()]

    @property
    def steps(self) -> int:
        """Steps done with masks; where gradients are accumulated, each batch is one."""
        return int(array_of(self._iterations))

    @property
    def variables(self):
        return [*self._variables, *self.inner_optimizer.variables]

    def apply(self, grads, trainable_variables=None):
        if not self.built:
            self.build(list(trainable_variables))
        self.inner_optimizer.apply(grads, trainable_variables)
        self._hold()
        self._iterations.assign_add(1)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        own = len(self._variables)
        values, inner = self.inner_optimizer.stateless_apply(
            optimizer_variables[own:], grads, trainable_variables
        )
        mapping = [
            *zip(self._trainable_variables, values, strict=True),
            *zip(self.variables, [*optimizer_variables[:own], *inner], strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self._hold()
            self._iterations.assign_add(1)
        return (
            [scope.get_current_value(variable) for variable in self._trainable_variables],
            [scope.get_current_value(variable) for variable in self.variables],
        )

    def finalize_variable_values(self, var_list):
        self.inner_optimizer.finalize_variable_values(var_list)
        if any(optimizer.use_ema for optimizer in _within(self.inner_optimizer)):
            # Variables now share their buffers with the averages, and in the next training JAX
            # would be given each twice to write into.
            for variable in var_list:
                variable.assign(keras.ops.copy(variable))
        self._hold()

    def _hold(self) -> None:
        """v ← v ⊙ m, for the variables and their moving averages."""
        averages = [
            optimizer._model_variables_moving_average
            for optimizer in _within(self.inner_optimizer)
            if optimizer.use_ema
        ]
        for place, mask in self._masks.of.items():
            of_place = [average[place] for average in averages]
            for held in (self._trainable_variables[place], *of_place):
                if held is not None:
                    held.assign(keras.ops.multiply(held, mask))

    @property
    def learning_rate(self):
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        self.inner_optimizer.learning_rate = learning_rate

    @property
    def iterations(self):
        return self.inner_optimizer.iterations

    @property
    def loss_scale_factor(self):
        """The inner optimizer's, which a ``LossScaleOptimizer`` outside switches off."""
        return self.inner_optimizer.loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, factor):
        if "inner_optimizer" in vars(self):
            self.inner_optimizer.loss_scale_factor = factor

    def scale_loss(self, loss):
        return self.inner_optimizer.scale_loss(loss)

    def exclude_from_weight_decay(self, *args, **kwargs):
        self.inner_optimizer.exclude_from_weight_decay(*args, **kwargs)

    def load_own_variables(self, store):
        for place, variable in enumerate(self.variables):
            key = str(place)
            if key not in store or tuple(store[key].shape) != tuple(variable.shape):
                found = tuple(store[key].shape) if key in store else "nothing"
                raise InputError(
                    f"optimizer variable {variable.path} of shape {tuple(variable.shape)} does not "
                    f"fit what was saved, {found}: were layers changed? Compile the model with a "
                    "new Sparse"
                )
        keras.optimizers.Optimizer.load_own_variables(self, store)

    def get_config(self):
        masked = [[place, list(self._trainable_variables[place].shape)] for place in self._masks.of]
        return {
            "name": self.name,
            "inner_optimizer": keras.saving.serialize_keras_object(self.inner_optimizer),
            "masked": masked or [[place, list(shape)] for place, shape in self._masked_when_saved],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        inner = keras.saving.deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects=custom_objects
        )
        return cls(inner, **config)


@keras.saving.register_keras_serializable(package="pns_tf")
class SparseLossScale(Sparse, keras.optimizers.LossScaleOptimizer):
    """`Sparse` around a ``LossScaleOptimizer``: made by `Sparse` itself.

    All methods are those of `Sparse`, which therefore calls those of ``Optimizer`` by name.
    """


def _within(optimizer: Any) -> list:
    """An optimizer and those that it wraps."""
    found = []
    while optimizer is not None:
        found.append(optimizer)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return found


def sparse_in(optimizer: Any) -> Sparse | None:
    """The `Sparse` among an optimizer and those that it wraps; ``None`` if there is none."""
    return next((found for found in _within(optimizer) if isinstance(found, Sparse)), None)
