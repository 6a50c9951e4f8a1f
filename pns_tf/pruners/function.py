"""A plain function of the user's own as a pruner: NumPy arrays in, masks or scores out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.models import set_masks
from pns_tf.judging.instance import Instance
from pns_tf.judging.making import instance_of
from pns_tf.judging.submission import tickets_of
from pns_tf.masks import Mask
from pns_tf.own_modules import told
from pns_tf.pruners.base import TRAINED_BY, Pruner
from pns_tf.pruners.result import SearchResult
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeding import generator
from pns_tf.tasks.task import Data
from pns_tf.training.loop import Loop

Prune = Callable[[Instance, float, np.random.Generator], object]


@dataclass
class FunctionPruner(Pruner):
    """Asks ``function(instance, density, rng)``, which may use any framework.

    What it returns is a dict of the host's names, or a list in their order. Booleans, and integers
    or floats that are all 0 or 1, are a mask; anything else are scores, larger for what is to be
    kept.

    Args:
        function: gets an `Instance` and a NumPy generator that depends on the seed alone.

    Example:
        >>> def largest(instance, density, rng):
        ...     return {name: abs(array) for name, array in instance.host.items()}
        >>> FunctionPruner(function=largest).name
        'largest'
    """

    function: Prune | None = None

    heeds = frozenset({"scope", *TRAINED_BY})
    uses_data = True

    def __post_init__(self):
        self.name = getattr(self.function, "__name__", "function")

    def find(
        self, model: keras.Model, data: Data, settings: SeekSettings, loop: Loop
    ) -> SearchResult:
        """The mask that the function returns, or that of its scores."""
        instance = instance_of(model, data, [settings.density], "", settings)
        rng = generator(settings.seed, "own function")
        with told("pruner", settings.pruner):
            answer = self.function(instance, settings.density, rng)  # type: ignore[misc]
        named = _named(settings.pruner, answer, instance)
        arrays = {name: _array(settings.pruner, name, named[name]) for name in instance.shapes}
        _check_shapes(settings.pruner, arrays, instance)
        (ticket,) = tickets_of(
            arrays,
            instance,
            [settings.density],
            scores=not _is_mask(arrays),
            scope=settings.scope or "global",
            seed=settings.seed,
            where=f"pruner {settings.pruner!r}",
        )
        mask = Mask(list(ticket.mask))
        set_masks(model, mask)
        return SearchResult(mask, metrics={"ties": float(ticket.ties)})


def _named(pruner: str, answer: object, instance: Instance) -> dict[str, object]:
    """What was returned, by the names of the host's arrays."""
    expected = f"arrays for {', '.join(instance.shapes)}"
    if isinstance(answer, Mapping):
        named = dict(answer)
    elif isinstance(answer, list | tuple) and len(answer) == len(instance.shapes):
        named = dict(zip(instance.shapes, answer, strict=True))
    else:
        raise InputError(f"pruner {pruner!r} must return {expected}, got a {type(answer).__name__}")
    if named.keys() != instance.shapes.keys():
        odd = sorted(map(str, named.keys() ^ instance.shapes.keys()))
        raise InputError(f"pruner {pruner!r} must return {expected}: {', '.join(odd)} differ")
    return named


def _array(pruner: str, name: str, value: object) -> np.ndarray:
    try:
        return np.asarray(value)
    except Exception as error:  # tensors of other frameworks have reasons of their own
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"pruner {pruner!r}: {name} is no array that NumPy takes: {why}"
        ) from error


def _check_shapes(pruner: str, arrays: Mapping[str, np.ndarray], instance: Instance) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise InputError(f"pruner {pruner!r}: {name} must hold numbers, got {array.dtype}")
        if array.shape != instance.shapes[name]:
            raise InputError(
                f"pruner {pruner!r}: {name} must have shape {instance.shapes[name]}, "
                f"got {array.shape}"
            )


def _is_mask(arrays: Mapping[str, np.ndarray]) -> bool:
    return all(
        array.dtype == bool or (array.size and np.isin(array, (0, 1)).all())
        for array in arrays.values()
    )
