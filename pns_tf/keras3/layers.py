"""Which weights of a Keras 3 model can be pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras

from pns_tf.checks import InputError, similar
from pns_tf.pruning.patterns import input_axis

# Names that Keras's own layers give their kernels, and what beside them stays dense.
KERNELS = (
    "kernel",
    "recurrent_kernel",
    "depthwise_kernel",
    "pointwise_kernel",
    "embeddings",
    "reverse_embeddings",
)
DENSE = ("bias", "gamma", "beta", "alpha", "scale")
STOCK = "keras.src.layers."

Skip = str | type | Callable[[keras.Layer], bool]


@dataclass(frozen=True, eq=False)
class PrunableWeight:
    """One weight that can be pruned.

    Attributes:
        name: where it is, such as "encoder/dense/kernel"; unique in its model.
        layer: the layer that holds it.
        variable: the weight itself.
        mask: the variable that holds its mask (1 = kept), or None if it has none.
        axis: along which the layer sums its inputs, or None if it does not.
    """

    name: str
    layer: keras.Layer
    variable: keras.Variable
    mask: keras.Variable | None = None
    axis: int | None = None


def prunable_weights(
    model: keras.Model, biases: bool = False, skip: Sequence[Skip] | Skip = ()
) -> list[PrunableWeight]:
    """The kernels of a model's layers, wherever in it they are, each once; trainable ones only.

    These are the kernels of Keras's own layers and of layers derived from them (Dense,
    convolutions, depthwise ones too, EinsumDense and so attention, Embedding, recurrent cells), and
    whatever ``get_prunable_weights`` of a layer names.

    Args:
        model: a built model: functional, sequential, subclassed, nested.
        biases: whether the bias beside a kernel counts too; it comes after it.
        skip: layers that stay dense with all that is in them: by name or path, by type, or by a
            function of the layer.

    Raises:
        ValueError: no Keras 3 model, not built yet, nothing that can be pruned, or an entry of
            ``skip`` that fits no layer.

    Example:
        >>> import keras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="dense")])
        >>> [weight.name for weight in prunable_weights(model, biases=True)]
        ['dense/kernel', 'dense/bias']
    """
    check_model(model)
    skipped = _skipped(model, skip)
    trained = {id(variable) for variable in model.trainable_variables}
    found: list[PrunableWeight] = []
    names: set[str] = set()
    for path, layer in layers_of(model):
        if id(layer) in skipped:
            continue
        for variable in _own(layer, biases):
            if id(variable) not in trained:
                continue
            trained.discard(id(variable))  # a shared weight counts once
            stem = f"{path}/{variable.name}".removeprefix("/")
            name, number = stem, 1
            while name in names:
                number += 1
                name = f"{stem}_{number}"
            names.add(name)
            axis = input_axis(layer, variable.name, len(variable.shape))
            found.append(PrunableWeight(name, layer, variable, axis=axis))
    if not found:
        kinds = sorted({type(layer).__name__ for _, layer in layers_of(model)})
        raise InputError(
            f"model {model.name!r} has no weight that can be pruned: expected a trainable Dense, "
            f"Conv2D, … or a layer with get_prunable_weights, got {', '.join(kinds)}"
        )
    return found


def check_known(model: keras.Model, skip: Sequence[Skip] | Skip = ()) -> None:
    """Raises `InputError` if nobody knows whether a layer's trainable matrices may be pruned."""
    skipped, unknown = _skipped(model, skip), {}
    for path, layer in layers_of(model):
        matrices = [] if id(layer) in skipped else _unknown(layer)
        if matrices:
            unknown[path or layer.name] = matrices
    if unknown:
        said = "; ".join(f"{path!r}: {', '.join(those)}" for path, those in unknown.items())
        raise InputError(
            f"model {model.name!r} has layers with weights of which nobody knows whether they may "
            f"be pruned ({said}): give them get_prunable_weights, or leave them dense by "
            f"skip={list(unknown)}"
        )


def check_model(model: object) -> None:
    """Raises `InputError` unless ``model`` is a built Keras 3 model."""
    if not isinstance(model, keras.Model):
        kind = f"{type(model).__module__}.{type(model).__name__}"
        raise InputError(f"model must be a Keras 3 model, got a {kind}")
    if not model.built:
        raise InputError(f"model {model.name!r} has no weights yet: build it or call it on data")


def layers_of(model: keras.Model) -> Iterator[tuple[str, keras.Layer]]:
    """The model itself, with the path "", and each layer within it, with its path, once."""
    seen = {id(model)}

    def within(layer: keras.Layer, path: str) -> Iterator[tuple[str, keras.Layer]]:
        yield path, layer
        for inner in layer._flatten_layers(include_self=False, recursive=False):
            if id(inner) not in seen:
                seen.add(id(inner))
                yield from within(inner, f"{path}/{inner.name}".removeprefix("/"))

    yield from within(model, "")


def _own(layer: keras.Layer, biases: bool) -> list[keras.Variable]:
    """What can be pruned of a layer, without the layers within it."""
    if hasattr(layer, "get_prunable_weights"):
        return list(layer.get_prunable_weights())
    if _stock(layer) is None:
        return []
    own = layer._trainable_variables
    kernels = [variable for variable in own if variable.name in KERNELS]
    beside = [variable for variable in own if biases and kernels and variable.name == "bias"]
    return [*kernels, *beside]


def _unknown(layer: keras.Layer) -> list[str]:
    if hasattr(layer, "get_prunable_weights") or _stock(layer) is type(layer):
        return []
    known = (*KERNELS, *DENSE) if _stock(layer) is not None else ()
    return [
        f"{variable.name} {tuple(variable.shape)}"
        for variable in layer._trainable_variables
        if len(variable.shape) > 1 and variable.name not in known
    ]


def _stock(layer: keras.Layer) -> type | None:
    """The layer of Keras's own that it is, or is derived from."""
    kinds = (kind for kind in type(layer).__mro__ if kind.__module__.startswith(STOCK))
    found = next(kinds, None)
    return None if found is keras.Layer else found


def _skipped(model: keras.Model, skip: Sequence[Skip] | Skip) -> set[int]:
    """The layers that ``skip`` names and those within them, by id."""
    entries = [skip] if isinstance(skip, str | type) or callable(skip) else list(skip)
    known = list(layers_of(model))
    found: set[int] = set()
    for entry in entries:
        layers = [layer for path, layer in known if _fits(entry, path, layer)]
        if not layers:
            paths = [path for path, _ in known if path]
            said = entry.__name__ if isinstance(entry, type) else repr(entry)
            raise InputError(
                f"skip fits no layer of model {model.name!r}: got {said}{similar(entry, paths)}; "
                f"its layers are {', '.join(paths)}"
            )
        found |= {id(inner) for layer in layers for inner in layer._flatten_layers()}
    return found


def _fits(entry: Skip, path: str, layer: keras.Layer) -> bool:
    if isinstance(entry, str):
        return entry in (path, layer.name) and path != ""
    if isinstance(entry, type):
        return isinstance(layer, entry)
    if not callable(entry):
        raise InputError(
            f"skip must hold names of layers, types, or functions of a layer, got {entry!r}"
        )
    return path != "" and bool(entry(layer))
