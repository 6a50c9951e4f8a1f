"""A pruned Keras 3 model: without its masks again, and what is left of it as a table."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from pns_tf.checks import InputError
from pns_tf.keras3.backends import array_of
from pns_tf.keras3.layers import check_model, prunable_weights
from pns_tf.keras3.sparse import Sparse, sparse_in


def strip(model: keras.Model) -> keras.Model:
    """Gives a model its plain optimizer back, and nothing else: pruned weights are zeros in it.

    Training it on would move them. If some are not zero, because earlier weights were restored
    after training, they become so, and a warning says how many.

    Args:
        model: compiled with `Sparse`; changed in place.

    Returns:
        The same model.

    Raises:
        ValueError: a model that is not compiled with `Sparse`.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> model.compile(Sparse(keras.optimizers.SGD(0.1)), "mse")
        >>> type(strip(model).optimizer).__name__
        'SGD'
    """
    check_model(model)
    sparse = sparse_in(getattr(model, "optimizer", None))
    if sparse is None:
        raise InputError(f"model {model.name!r} is not compiled with pns_tf.keras3.Sparse")
    if revived := sparse.hold():
        warnings.warn(
            f"{revived:,} pruned weights of model {model.name!r} were not zero, as set_weights or "
            "a callback such as EarlyStopping had put others there: they are zero now, so evaluate "
            "the model anew",
            stacklevel=2,
        )
    model.optimizer = _plain(model.optimizer)
    # What is saved, and what has been traced with the masks.
    compiled = model._compile_config.config
    compiled["optimizer"] = _plain(compiled["optimizer"])
    model.train_function = None
    return model


def summary(model: keras.Model) -> str:
    """What is left of a model, as a table: layer, parameters, kept, density.

    One row for each weight that can be pruned. Kept is what its mask keeps, or is not zero.

    Raises:
        ValueError: no built Keras 3 model, or nothing in it that can be pruned.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")])
        >>> print(summary(model))
        weight          parameters    kept    density
        ------------  ------------  ------  ---------
        dense/kernel             6       6          1
        rest                     3       3          1
        all                      9       9          1
    """
    from tabulate import tabulate

    sparse = sparse_in(getattr(model, "optimizer", None))
    masks = {id(variable): mask for variable, mask in sparse.masked()} if sparse else {}
    rows, listed = [], set()
    for weight in prunable_weights(model, biases=True):
        mask = masks.get(id(weight.variable))
        if mask is None and len(weight.variable.shape) < 2:
            continue  # a bias that is not pruned
        listed.add(id(weight.variable))
        rows.append(_row(weight.name, weight.variable, mask))
    others = [v for v in model.weights if id(v) not in listed]
    rest = sum(int(np.prod(v.shape)) for v in others)
    rows.append(["rest", rest, rest])
    rows.append(["all", sum(row[1] for row in rows), sum(row[2] for row in rows)])
    shown = [[*row, row[2] / row[1] if row[1] else 1.0] for row in rows]
    return tabulate(shown, ["weight", "parameters", "kept", "density"], floatfmt=".4g")


def _row(name: str, variable: keras.Variable, mask: keras.Variable | None) -> list:
    kept = array_of(variable) != 0
    if mask is not None:  # a weight that is kept may happen to be zero
        kept = kept | (array_of(mask) != 0)
    return [name, kept.size, int(np.count_nonzero(kept))]


def _plain(optimizer: Any) -> Any:
    """The optimizer without the `Sparse` in it."""
    if isinstance(optimizer, Sparse):
        return optimizer.inner_optimizer
    if sparse_in(optimizer) is not None:
        optimizer.inner_optimizer = _plain(optimizer.inner_optimizer)
    return optimizer
