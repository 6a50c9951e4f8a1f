"""What a pruner sees of a tf_keras model: its weights, its loss, and derivatives by its masks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras.src.engine.compile_utils import LossesContainer

from pns_tf.checks import InputError
from pns_tf.derivatives import in_tensorflow
from pns_tf.pruners.double_precision import in_float64
from pns_tf.pruners.sample_batches import SampleBatches, check_means
from pns_tf.pruners.scored_network import ScoredNetwork
from pns_tf.pruning.prunable import PrunableWeight
from pns_tf.training.losses import default_loss

Loss = str | Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | Sequence | dict


class Network(ScoredNetwork):
    """A tf_keras model as pruners see it; ``network(x)`` computes its outputs in inference mode.

    Args:
        model: the tf_keras model.
        weights: the weights to be scored.
        loss, sample_weight, batch_size: see `Pruner.score`.

    Attributes:
        weights: the weights to be scored, in order.
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
        self.weights = [
            PrunableWeight(w.name, w.layer, _local(w.variable), _local(w.mask)) for w in weights
        ]
        self.sample_weight = sample_weight
        self.batches = SampleBatches(batch_size)
        self._given = loss

    @property
    def derivatives(self):
        return in_tensorflow

    def array_of(self, variable: tf.Variable) -> np.ndarray:
        return variable.numpy()

    def __call__(self, x):
        return self.model(x, training=False)

    @property
    def parameters(self) -> list[tf.Variable]:
        trainable = map(_local, self.model.trainable_variables)
        variables = {id(v): v for v in (*self.variables, *trainable)}
        return [variable for variable in variables.values() if variable.dtype.is_floating]

    def ones(self, x: tf.Tensor | None = None):
        if x is not None:
            return tf.nest.map_structure(lambda batch: tf.ones_like(batch[:1]), x)
        inputs = getattr(self.model, "inputs", None) or ()
        shapes = [tuple(tensor.shape[1:]) for tensor in inputs]
        if not shapes or any(None in shape for shape in shapes):
            raise InputError(
                f"model {self.model.name!r} does not fix its input's shape: expected samples x"
            )
        ones = [tf.ones((1, *s), t.dtype) for s, t in zip(shapes, inputs, strict=True)]
        return ones if len(ones) > 1 else ones[0]

    def flow(self, x):
        return tf.add_n([tf.reduce_sum(output) for output in tf.nest.flatten(self(x))])

    def softmax_at_the_end(self):
        return _softmax_at_the_end(self.model)

    def loss_of_batch(self, x, y, sample_weight, temperature) -> tf.Tensor:
        """The loss that ``model.fit`` minimises on these samples, with outputs f(x) / T.

        That is ``model.compute_loss``: labels and losses find their outputs by name or order, and
        loss weights, missing losses, sample weights, regularisers and ``add_loss`` count.
        """
        outputs = tf.nest.map_structure(lambda f: _divided(f, temperature), self(x))
        count = len(tf.nest.flatten(outputs))
        if isinstance(y, list | tuple) and len(y) != count:
            raise InputError(
                f"model {self.model.name!r} has {count} outputs: expected as many labels, "
                f"got {len(y)}"
            )
        compiled = getattr(self.model, "compiled_loss", None)
        self.model.compiled_loss = self._losses(y, compiled)
        try:
            loss = self.model.compute_loss(x, y, outputs, sample_weight)
        finally:
            self.model.compiled_loss = compiled
        if loss is None:
            raise InputError(f"model {self.model.name!r} has no loss for the labels that it got")
        return loss

    def check_batches(self):
        compiled = getattr(self.model, "compiled_loss", None)
        check_means(tf.nest.flatten(self._given or getattr(compiled, "_user_losses", None)))

    def _losses(self, y, compiled: LossesContainer | None) -> LossesContainer:
        """The losses as given, else as compiled, else by the labels."""
        losses, weights = self._given, None
        if losses is None and compiled is not None:
            losses, weights = compiled._user_losses, compiled._user_loss_weights
        if y is None and losses is not None:
            raise InputError(
                f"model {self.model.name!r} has a loss of its outputs: expected labels y, got none"
            )
        if losses is None and not self.model.losses:
            losses = tf.nest.map_structure(default_loss, y)
        names = getattr(self.model, "output_names", None)
        return _Losses(losses, weights, output_names=names, total_loss_mean=_Nothing())

    @contextlib.contextmanager
    def in_float64(self) -> Iterator[Network]:
        copy = in_float64(self.model)
        places = {id(_local(variable)): place for place, variable in enumerate(self.model.weights)}

        def copied(variable):
            return None if variable is None else copy.weights[places[id(variable)]]

        weights = [
            PrunableWeight(w.name, w.layer, copied(w.variable), copied(w.mask))
            for w in self.weights
        ]
        network = Network(copy, weights, self._given, self.sample_weight)
        network.batches = self.batches
        yield network

    def mask_gradients(self, quantity: Callable[[], tf.Tensor]) -> list[np.ndarray]:
        """∂quantity/∂m for each weight, where θ ⊙ m is what the model computes with.

        Where no mask takes part in the computation this is θ ⊙ ∂quantity/∂θ.
        """
        masks = {id(w.variable): w.mask for w in self.weights if w.mask is not None}
        watched = [*self.variables, *masks.values()]
        gradients = self.gradients_by(quantity, watched)
        by_weight = gradients[: len(self.variables)]
        by_mask = dict(zip(masks, gradients[len(self.variables) :], strict=True))
        scores = []
        for variable, theta, gradient in zip(self.variables, self.values(), by_weight, strict=True):
            found = by_mask.get(id(variable))
            if found is not None:
                scores.append(found)
            elif gradient is None:  # nothing depends on this weight
                scores.append(np.zeros_like(theta))
            else:
                # TF-MOT multiplies its masks into the weights beforehand; the mask is needed here
                # for what the optimizer has moved since.
                kept = masks.get(id(variable))
                scores.append(theta * (1.0 if kept is None else kept.numpy()) * gradient)
        return scores


class _Losses(LossesContainer):
    """Losses as Keras computes them, without the counters of a training that it keeps."""

    def _create_metrics(self):
        self._per_output_metrics = [None] * len(self._output_names)


class _Nothing:
    """A counter that counts nothing."""

    def update_state(self, *args, **kwargs):
        """Called with each loss."""


def _local(variable: tf.Variable | None) -> tf.Variable | None:
    """Of a variable that is spread over devices, the copy that is read here."""
    inner = getattr(variable, "_variable", variable)
    if isinstance(inner, tf.distribute.DistributedValues):
        return inner._get_on_device_or_primary()
    return variable


def _divided(outputs: tf.Tensor, temperature: float) -> tf.Tensor:
    divided = outputs / temperature
    if getattr(outputs, "_keras_mask", None) is not None:
        divided._keras_mask = outputs._keras_mask
    return divided


def _softmax_at_the_end(model: keras.Model) -> str | None:
    for tensor in getattr(model, "outputs", None) or ():
        layer = tensor._keras_history.layer
        layer = layer.layer if hasattr(layer, "pruning_vars") else layer
        if isinstance(layer, keras.Model):
            found = _softmax_at_the_end(layer)
            if found:
                return found
        softmax = keras.activations.softmax
        if isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", 0) is softmax:
            return layer.name
    return None
