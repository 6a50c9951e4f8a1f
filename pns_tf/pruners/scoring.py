"""How a tf_keras model is scored: samples as tensors, and a model left as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import flag
from pns_tf.pruners.batch import check_arrays, check_finite, check_lengths
from pns_tf.pruners.class_weights import with_class_weight
from pns_tf.pruners.network import Loss, Network
from pns_tf.pruners.sample_batches import rows_of
from pns_tf.pruners.scoring_modes import batch_statistics as statistics_of_batch
from pns_tf.pruners.scoring_modes import full_precision, unchanged
from pns_tf.pruning.prunable import PrunableWeight, check_model, prunable_weights

if TYPE_CHECKING:
    from pns_tf.pruners.base import Pruner


def score(
    pruner: Pruner,
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    loss: Loss | None = None,
    weights: Sequence[PrunableWeight] | None = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    batch_statistics: bool | None = None,
    batch_size: int | None = None,
) -> list[np.ndarray]:
    """What `pns_tf.pruners.Pruner.score` returns, which says what the arguments are."""
    x, y = as_fed("x", x), as_fed("y", y)
    pruner.check_samples(x, y, adds_losses(model))
    check_lengths(x, y)
    pruner.check_batch_size(batch_size)
    if batch_statistics is None:
        batch_statistics = pruner.batch_statistics
    if isinstance(model, keras.Model) and not model.built and x is not None:
        model(x if batch_size is None else rows_of(x, slice(batch_size)), training=False)
    check_model(model)
    weights = prunable_weights(model) if weights is None else weights
    sample_weight = as_fed("sample_weight", sample_weight)
    sample_weight = with_class_weight(y, class_weight, sample_weight)
    network = Network(model, weights, loss, sample_weight, batch_size)
    if batch_size is not None and pruner.uses_data:
        network.check_batches()
    with contextlib.ExitStack() as modes:
        modes.enter_context(unchanged(model.variables))
        modes.enter_context(full_precision(model))
        if flag("batch_statistics", batch_statistics):
            modes.enter_context(statistics_of_batch(model))
        scores = pruner.checked_scores(network, x, y)
    pruner.check_meaning(scores, network)
    return scores


def as_fed(what: str, data):
    """Returns samples as the tensors that ``fit`` makes of them, in their structure.

    NumPy's floats become Keras's float type, lists of arrays a tuple.

    Raises:
        ValueError: NaN or infinity among them, or no arrays: a data set or a generator.
    """
    if data is None or isinstance(data, tf.RaggedTensor | tf.SparseTensor):
        return data
    check_arrays(what, data)
    if isinstance(data, dict):
        return {key: as_fed(what, value) for key, value in data.items()}
    if isinstance(data, list | tuple) and not np.isscalar(next(iter(tf.nest.flatten(data)), 0)):
        return tuple(as_fed(what, array) for array in data)
    array = check_finite(what, np.asarray(data))
    if tf.is_tensor(data):
        return tf.convert_to_tensor(data)
    if array.dtype.kind == "f":
        array = array.astype(keras.backend.floatx())
    return tf.convert_to_tensor(array)


def adds_losses(model: keras.Model) -> bool:
    """Whether ``add_loss`` gives the model a loss that may need no labels."""
    layers = model._flatten_layers() if isinstance(model, keras.Model) else ()
    return any(layer._losses or layer._eager_losses for layer in layers)
