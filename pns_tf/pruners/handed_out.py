"""What a pruner is given for its search: nothing that says where the planted ticket lies.

It gets the host's parameters without the planted masks, the training data without the test set,
and, unless it comes along, another seed than the host's. This keeps an honest search honest. It is
no sandbox: seeds are small numbers, so that who tries them all against the parameters can draw the
host again, and see what planting has written.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.models import masked_layers
from pns_tf.pruners import own_seed
from pns_tf.pruners.base import Pruner
from pns_tf.recipe.pruners import row_of
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.task import Data


class TrainingPart(Data):
    """Data as searches see them: the training part, which cannot be written to.

    There is no validation set either, as results are compared by it.

    Args:
        data: all of them.

    Raises:
        ValueError: when the test set is asked for.

    Example:
        >>> TrainingPart(tasks.get("circle").data(100)).x_train.shape
        (90, 2)
    """

    def __init__(self, data: Data):
        for name, value in vars(data).items():
            if name in ("x_test", "y_test", "x_validation", "y_validation"):
                continue
            if isinstance(value, np.ndarray):
                value = value.view()
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    @property
    def x_test(self):  # type: ignore[override]
        """Not for a search."""
        raise InputError("a search has no test set, it judges what was found: use x_train")

    @property
    def y_test(self):  # type: ignore[override]
        """Not for a search."""
        raise InputError("a search has no test set, it judges what was found: use y_train")


def forget_planted(model: keras.Model) -> None:
    """Clears the planted masks of a host, which take no part in what it computes."""
    for layer in masked_layers(model):
        for mask in (layer.planted_kernel_mask, layer.planted_bias_mask):
            mask.assign(tf.zeros_like(mask))


def with_planted(weights: list[np.ndarray], host: list[np.ndarray]) -> list[np.ndarray]:
    """Weights of a model without planted masks, with those of the host; as ``get_weights()``."""
    return [
        planted if planted.dtype == bool else own
        for own, planted in zip(weights, host, strict=True)
    ]


def settings_for(pruner: Pruner, settings: SeekSettings) -> SeekSettings:
    """The settings as a pruner gets them: one of the user's own does not get the host's seed.

    Those that come along draw nothing but their own numbers from it.
    """
    kind = type(pruner)
    if row_of(kind.name).place == f"{kind.__module__}:{kind.__qualname__}":
        return settings
    return dataclasses.replace(settings, seed=own_seed(settings.seed))
