"""What a pruner sees of a Keras 3 model: its weights, its loss, its derivatives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.trainers.compile_utils import CompileLoss

from pns_tf.checks import InputError
from pns_tf.keras3.backends import allowing_float64, array_of, derivatives
from pns_tf.keras3.layers import PrunableWeight
from pns_tf.pruners.doubled_config import doubled
from pns_tf.pruners.sample_batches import SampleBatches, check_means
from pns_tf.pruners.scored_network import ScoredNetwork

Loss = str | Callable | Sequence | dict


class Network(ScoredNetwork):
    """A Keras 3 model as pruners see it; ``network(x)`` computes its outputs in inference mode.

    Args:
        model: the model; its masks are multiplied into its weights.
        weights: the weights to be scored.
        loss: as for ``compile``; by default the one the model is compiled with.
        sample_weight: of the samples.
        batch_size: how many samples the loss sees at a time, all by default.
    """

    def __init__(
        self,
        model: keras.Model,
        weights: Sequence[PrunableWeight],
        loss: Loss | None = None,
        sample_weight: object = None,
        batch_size: int | None = None,
    ):
        self.model = model
        self.weights = list(weights)
        self.sample_weight = sample_weight
        self.batches = SampleBatches(batch_size)
        names = getattr(model, "output_names", None)
        self._given = None if loss is None else CompileLoss(loss, output_names=names)

    @property
    def derivatives(self):
        return derivatives()

    def array_of(self, variable: keras.Variable) -> np.ndarray:
        return array_of(variable)

    def __call__(self, x):
        return self.model(x, training=False)

    @property
    def parameters(self) -> list[keras.Variable]:
        trainable = self.model.trainable_variables
        variables = {id(v): v for v in (*self.variables, *trainable)}
        return [v for v in variables.values() if keras.backend.is_float_dtype(v.dtype)]

    def ones(self, x=None):
        if x is not None:
            return keras.tree.map_structure(lambda batch: keras.ops.ones_like(batch[:1]), x)
        inputs = getattr(self.model, "inputs", None) or ()
        shapes = [tuple(tensor.shape[1:]) for tensor in inputs]
        if not shapes or any(None in shape for shape in shapes):
            raise InputError(
                f"model {self.model.name!r} does not fix its input's shape: expected samples x"
            )
        ones = [
            keras.ops.ones((1, *shape), tensor.dtype)
            for shape, tensor in zip(shapes, inputs, strict=True)
        ]
        return ones if len(ones) > 1 else ones[0]

    def flow(self, x):
        return sum(keras.ops.sum(output) for output in keras.tree.flatten(self(x)))

    def softmax_at_the_end(self):
        return _softmax_at_the_end(self.model)

    def loss_of_batch(self, x, y, sample_weight, temperature):
        """The loss that ``model.fit`` minimises on these samples, with outputs f(x) / T.

        That is ``model.compute_loss``: loss weights, sample weights, regularisers and ``add_loss``
        count.
        """
        outputs = self(x)
        if temperature != 1.0:
            outputs = keras.tree.map_structure(lambda f: _divided(f, temperature), outputs)
        compiled = self.model._compile_loss
        if self._given is None and compiled is None and not self.model.losses:
            raise InputError(
                f"model {self.model.name!r} has no loss to score by: compile it with one, or give "
                "UpdateMasks a loss"
            )
        self.model._compile_loss = self._given or compiled
        try:
            return self.model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=sample_weight)
        finally:
            self.model._compile_loss = compiled

    def check_batches(self):
        losses = self._given or self.model._compile_loss
        check_means(keras.tree.flatten(getattr(losses, "_user_loss", None)))

    @contextlib.contextmanager
    def in_float64(self) -> Iterator[Network]:
        places = {id(variable): place for place, variable in enumerate(self.model.weights)}
        with allowing_float64():
            copy = self._copied()
            weights = [
                PrunableWeight(w.name, w.layer, copy.weights[places[id(w.variable)]], w.mask)
                for w in self.weights
            ]
            network = Network(copy, weights)
            network.batches = self.batches
            yield network

    def _copied(self) -> keras.Model:
        try:
            copy = type(self.model).from_config(doubled(self.model.get_config()))
            if not copy.built:
                copy(self.ones(), training=False)
            for new, old in zip(copy.weights, self.model.weights, strict=True):
                if tuple(new.shape) != tuple(old.shape):
                    raise ValueError(f"{new.path} has shape {new.shape}, not {old.shape}")
                new.assign(array_of(old).astype(keras.backend.standardize_dtype(new.dtype)))
        except Exception as error:
            raise InputError(
                f"model {self.model.name!r} cannot be copied in float64, which its flow needs: "
                f"{error}"
            ) from error
        return copy


def _divided(outputs: Any, temperature: float):
    divided = outputs / temperature
    if getattr(outputs, "_keras_mask", None) is not None:
        divided._keras_mask = outputs._keras_mask
    return divided


def _softmax_at_the_end(model: keras.Model) -> str | None:
    ends: list = [tensor._keras_history.operation for tensor in getattr(model, "outputs", ())]
    for layer in ends or model.layers[-1:]:
        if isinstance(layer, keras.Model):
            found = _softmax_at_the_end(layer)
            if found:
                return found
        softmax = keras.activations.softmax
        if isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", 0) is softmax:
            return layer.name
    return None
