"""How a Keras 3 model is scored: samples as tensors, and a model left as it was."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from pns_tf.checks import flag
from pns_tf.keras3.backends import array_of
from pns_tf.keras3.layers import PrunableWeight
from pns_tf.keras3.network import Loss, Network
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.batch import check_arrays, check_finite, check_lengths
from pns_tf.pruners.sample_batches import rows_of

HALF = ("float16", "bfloat16")


def score(
    pruner: Pruner,
    model: keras.Model,
    weights: Sequence[PrunableWeight],
    x=None,
    y=None,
    loss: Loss | None = None,
    *,
    sample_weight=None,
    batch_statistics: bool | None = None,
    batch_size: int | None = None,
) -> list[np.ndarray]:
    """Scores weights of a model, and leaves every variable as it was.

    Dropout and the like are as in inference. Models of a mixed precision are scored in float32.

    Args:
        pruner: as of `pns_tf.pruners`.
        model: a built Keras 3 model.
        weights: as of `pns_tf.keras3.layers.prunable_weights`.
        x, y: samples, as for ``fit``.
        loss: as for ``compile``; by default the one the model is compiled with.
        sample_weight: of the samples, as for ``fit``.
        batch_statistics: whether batch normalisation uses the mean and variance of ``x`` or those
            it has gathered in training. By default as the pruner says.
        batch_size: samples at a time, as of `pns_tf.pruners.Pruner.score`.

    Returns:
        float32 arrays of the weights' shapes.

    Raises:
        ValueError: samples or loss missing, samples that are not finite, scores that say nothing.

    Example:
        >>> import keras
        >>> from pns_tf import pruners
        >>> from pns_tf.keras3.layers import prunable_weights
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        >>> scores = score(pruners.get("synflow"), model, prunable_weights(model))
        >>> scores[0].shape
        (2, 3)
    """
    x, y = as_fed("x", x), as_fed("y", y)
    pruner.check_samples(x, y)
    check_lengths(x, y)
    pruner.check_batch_size(batch_size)
    if batch_statistics is None:
        batch_statistics = pruner.batch_statistics
    sample_weight = as_fed("sample_weight", sample_weight)
    network = Network(model, weights, loss, sample_weight, batch_size)
    if batch_size is not None and pruner.uses_data:
        network.check_batches()
    with contextlib.ExitStack() as modes:
        modes.enter_context(_unchanged(model))
        modes.enter_context(_full_precision(model))
        if flag("batch_statistics", batch_statistics):
            modes.enter_context(_statistics_of_batch(model))
        if loss is not None and pruner.uses_data:
            # A loss is built at its first call, which JAX must not trace.
            one = functools.partial(rows_of, part=slice(1))
            network.loss_of_batch(one(x), one(y), one(sample_weight), 1.0)
        scores = pruner.checked_scores(network, x, y)
    pruner.check_meaning(scores, network)
    return scores


def as_fed(what: str, data):
    """Samples as tensors in their structure; floating ones of Keras's float type.

    Raises:
        ValueError: NaN or infinity among them.
    """
    if data is None:
        return None
    check_arrays(what, data)
    if isinstance(data, list | tuple) and not any(np.ndim(part) for part in data):
        data = np.asarray(data)  # a list of numbers is one array

    def tensor(part):
        array = check_finite(what, array_of(part))
        kind = keras.config.floatx() if array.dtype.kind == "f" else None
        return keras.ops.convert_to_tensor(array, dtype=kind)

    return keras.tree.map_structure(tensor, data)


@contextlib.contextmanager
def _unchanged(model: keras.Model) -> Iterator[None]:
    """Puts the variables back at the end, bit for bit, whatever happens in between."""
    variables = {id(v): v for v in (*model.variables, *model.metrics_variables)}.values()
    # Seeds are read by nothing that is scored, but a layer may still draw.
    saved = [(variable, array_of(variable).copy()) for variable in variables]
    try:
        yield
    finally:
        for variable, value in saved:
            variable.assign(value)


@contextlib.contextmanager
def _full_precision(model: keras.Model) -> Iterator[None]:
    """Layers of a mixed precision compute in float32, in which small gradients do not vanish."""
    halves = [
        (layer, layer.dtype_policy)
        for layer in model._flatten_layers()
        if layer.compute_dtype in HALF and layer.variable_dtype not in HALF
    ]
    try:
        for layer, policy in halves:
            layer.dtype_policy = policy.variable_dtype
        yield
    finally:
        for layer, policy in halves:
            layer.dtype_policy = policy


@contextlib.contextmanager
def _statistics_of_batch(model: keras.Model) -> Iterator[None]:
    """Batch normalisation uses the statistics of the batch, as in training; nothing else changes.

    A frozen layer goes on using those it has.
    """
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]

    def as_in_training(layer):
        def call(inputs, training=None, mask=None):
            return type(layer).call(layer, inputs, training=layer.trainable, mask=mask)

        return call

    try:
        for layer in layers:
            object.__setattr__(layer, "call", as_in_training(layer))  # past Keras's tracking
        yield
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")
