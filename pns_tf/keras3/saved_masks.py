"""What is saved of an optimizer with masks: its own variables, the masks, and the inner ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from pns_tf.checks import InputError

MASKED = "masked"  # among what is saved: the places of the variables with a mask
KEEP = "compile it with Sparse(optimizer, masks_of=model), which keeps the masks that still fit"


@dataclass(frozen=True, eq=False)
class SavedOptimizer:
    """The state of a `pns_tf.keras3.sparse.Sparse`, as Keras saved it.

    Attributes:
        own: variables that are no masks; the first is how many steps were done.
        masks: by the place of their variable.
        inner: those of the inner optimizer.
        said: whether it says which variables have masks; if not, it was saved before that was
            written down, or by another optimizer.
    """

    own: list[np.ndarray]
    masks: dict[int, np.ndarray]
    inner: list[np.ndarray]
    said: bool

    @classmethod
    def read(cls, store: Mapping, own: int, masked: Sequence[int]) -> SavedOptimizer:
        """Reads it.

        Args:
            store: arrays by "0", "1", ….
            own: how many variables are no masks and not of the inner optimizer.
            masked: places of masks, where the store does not say them.
        """
        keys = [str(place) for place in range(len(store.keys()))]
        saved = [store[key][()] for key in keys if key in store]
        said = MASKED in store
        places = store[MASKED][()].tolist() if said else list(masked)
        end = own + len(places)
        return cls(saved[:own], dict(zip(places, saved[own:end], strict=False)), saved[end:], said)


def alike(values: Sequence[np.ndarray], variables: Sequence[keras.Variable]) -> bool:
    """Whether they are equally many, and of the same shapes."""
    return [value.shape for value in values] == [tuple(variable.shape) for variable in variables]


def check_fits(place: int, shape: Sequence[int], variables: Sequence[keras.Variable]) -> None:
    """Raises `InputError` unless the variable at ``place`` is of a mask's shape."""
    there = tuple(variables[place].shape) if place < len(variables) else None
    if tuple(shape) == there:
        return
    found = "none: Keras loads no optimizer from .h5, so save the model as .keras"
    if variables:
        found = "none" if there is None else f"{variables[place].path} of shape {there}"
        found += f": were layers changed? If so, {KEEP}"
    raise InputError(
        f"a mask of shape {tuple(shape)} was saved for trainable variable {place}, but there is "
        f"{found}"
    )
