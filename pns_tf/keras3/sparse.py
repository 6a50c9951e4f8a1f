"""An optimizer around another that keeps pruned weights at zero."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from pns_tf.checks import InputError
from pns_tf.keras3.backends import array_of, check_backend
from pns_tf.keras3.layers import prunable_weights
from pns_tf.keras3.saved_masks import KEEP, MASKED, SavedOptimizer, alike, check_fits


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
    inner optimizer's. Masks are saved with the model, and with its weights alone, too.

    ``LossScaleOptimizer`` may be inside or outside.

    Args:
        inner_optimizer: a Keras optimizer, or its name.
        name: of this optimizer.
        masked: of an optimizer that is loaded: place and shape of each variable with a mask.
        masks_of: a pruned model, when it is compiled anew: what is pruned in it stays pruned, by
            the masks that it is compiled with or, if it has been stripped, by its zeros.

    Raises:
        ValueError: no optimizer, one that is sparse already, a backend that is not known, or a
            model ``masks_of`` in which nothing is pruned.

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
        masks_of: keras.Model | None = None,
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
        self._loaded: dict[int, np.ndarray] = {}  # masks that wait for their variables
        self.new_masks = False  # since a training was last prepared for them
        if masks_of is not None:
            kept = _kept_in(masks_of)
            self.build(masks_of.trainable_variables)
            self.add_masks([v for v in masks_of.trainable_variables if id(v) in kept])
            for variable, mask in self.masked():
                mask.assign(kept[id(variable)])

    def build(self, variables):
        self.inner_optimizer.build(variables)
        keras.optimizers.Optimizer.build(self, variables)
        for place, shape in self._masked_when_saved:
            check_fits(place, shape, variables)
        self.add_masks([variables[place] for place, _ in self._masked_when_saved])
        for place, mask in self._loaded.items():
            check_fits(place, mask.shape, variables)
        self.add_masks([variables[place] for place in self._loaded])

    def add_masks(self, variables: Sequence[keras.Variable]) -> None:
        """Gives those of ``variables`` a mask of ones that have none; `new_masks` says so.

        Steps count from the first masks on.

        Raises:
            ValueError: a variable that this optimizer does not train.
        """
        places = {id(variable): place for place, variable in enumerate(self._trainable_variables)}
        if not self._masks.of and not self._loaded:
            self._iterations.assign(0)
        for variable in variables:
            place = places.get(id(variable))
            if place is None:
                raise InputError(
                    f"optimizer {self.name!r} does not train {variable.path}: were layers changed "
                    f"after the model was compiled? If so, {KEEP}"
                )
            if place not in self._masks.of:
                value = self._loaded.get(place)
                self._masks.of[place] = self.add_variable_from_reference(
                    variable,
                    name="mask",
                    initializer="ones" if value is None else lambda *_, value=value, **__: value,
                )
                self.new_masks = True

    def hold(self) -> int:
        """Makes what is pruned zero, now; how many of these weights were not.

        Within training each step does so. Afterwards ``set_weights`` or a callback that restores
        earlier weights may have put other values there.
        """
        revived = sum(
            int(np.count_nonzero(array_of(variable)[array_of(mask) == 0]))
            for variable, mask in self.masked()
        )
        if revived:
            self._hold()
        return revived

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

    def save_own_variables(self, store):
        keras.optimizers.Optimizer.save_own_variables(self, store)
        store[MASKED] = np.asarray(list(self._masks.of), np.int64)

    def load_own_variables(self, store):
        """Masks are what was saved: those of other variables become ones.

        Of what does not fit, such as the state of an optimizer without masks or of another kind, a
        warning says that it is skipped, as Keras does.

        Raises:
            ValueError: a mask of another shape than its variable.
        """
        own = [v for v in self._variables if all(v is not m for m in self._masks.of.values())]
        saved = SavedOptimizer.read(store, len(own), list(self._masks.of))
        fits = alike(saved.inner, self.inner_optimizer.variables) and (
            saved.said or alike(list(saved.masks.values()), list(self._masks.of.values()))
        )
        if saved.said or fits:
            self._load_masks(saved.masks, saved.own[0])
        if fits:
            variables = [*own[1:], *self.inner_optimizer.variables]
            for variable, value in zip(variables, [*saved.own[1:], *saved.inner], strict=True):
                variable.assign(value)
        else:
            why = "it has others" if self.built else "it has not been built yet"
            masks = "masks are loaded" if saved.said else "masks stay as they are"
            warnings.warn(
                f"Skipping variable loading for optimizer {self.inner_optimizer.name!r}, because "
                f"{why}; {masks}",
                stacklevel=2,
            )

    def _load_masks(self, masks: Mapping[int, np.ndarray], steps: np.ndarray) -> None:
        if self.built:
            for place, mask in masks.items():
                check_fits(place, mask.shape, self._trainable_variables)
            self.add_masks([self._trainable_variables[place] for place in masks])
            for place, variable in self._masks.of.items():
                variable.assign(masks.get(place, np.ones(variable.shape)))
        else:
            self._loaded = dict(masks)
        self._iterations.assign(steps if masks else 0)  # they count from the first masks on

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


def _kept_in(model: keras.Model) -> dict[int, np.ndarray]:
    """Masks of a model's pruned variables, by the variables' ids."""
    sparse = sparse_in(getattr(model, "optimizer", None))
    if sparse is not None and sparse.masked():
        return {id(variable): array_of(mask) for variable, mask in sparse.masked()}
    kernels = [weight.variable for weight in prunable_weights(model)]
    found = {id(kernel): array_of(kernel) != 0 for kernel in kernels}
    if all(kept.all() for kept in found.values()):
        raise InputError(
            f"masks_of must be a model in which weights are pruned: {model.name!r} has no zero"
        )
    return found


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
