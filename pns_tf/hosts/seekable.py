"""Which models a ticket can be sought, planted or constructed in, and have the result heeded."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.graphs import steps
from pns_tf.hosts.models import host_from_model, masked_layers, masks_of


def seekable_host(model: keras.Model) -> keras.Model:
    """`pns_tf.host_from_model`, for hosts to seek, plant or construct a ticket in.

    Raises:
        ValueError: as there, and for what is not heeded in a host: frozen layers, regularisers and
            constraints, and masks that prune something already.
    """
    _check_heeded(model)
    return host_from_model(model)


def _check_heeded(model: keras.Model) -> None:
    for step in steps(model):
        layer = step.layer
        if layer.weights and not layer.trainable:
            raise InputError(
                f"layer {layer.name!r} is frozen, and all of a host is pruned and trained: "
                "expected trainable=True"
            )
        for name, value in layer.get_config().items():
            if name.endswith(("_regularizer", "_constraint")) and value is not None:
                raise InputError(
                    f"layer {layer.name!r} has a {name}, which hosts are trained without: expected "
                    "None"
                )
    masks = masks_of(model) if masked_layers(model) else ()
    pruned = sum(mask.size - int(np.sum(mask)) for mask in masks)
    if pruned:
        raise InputError(
            f"model {model.name!r} is pruned already, {pruned:,} of its parameters: expected masks "
            "of ones, as what they leave out may be kept"
        )
