"""What a pruner sees of a model: its weights, its loss, and derivatives by its masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.pruning.prunable import PrunableWeight
from pns_tf.training.losses import default_loss

Loss = str | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


class Network:
    """A model as pruners see it; ``network(x)`` computes its outputs in inference mode.

    Args:
        model: the tf_keras model.
        weights: the weights to be scored.
        loss: see `Pruner.score`.

    Attributes:
        weights: the weights to be scored, in order.
        variables: their variables.
    """

    def __init__(
        self, model: keras.Model, weights: Sequence[PrunableWeight], loss: Loss | None = None
    ):
        self.model = model
        self.weights = list(weights)
        self.variables = [weight.variable for weight in self.weights]
        self._loss = loss or getattr(model, "loss", None)

    def __call__(self, x):
        return self.model(x, training=False)

    @property
    def parameters(self) -> list[tf.Variable]:
        """The variables to be scored and all trainable ones of the model, float only."""
        variables = {id(v): v for v in (*self.variables, *self.model.trainable_variables)}
        return [variable for variable in variables.values() if variable.dtype.is_floating]

    def ones(self, x: tf.Tensor | None = None):
        """One sample of ones, shaped like those of ``x``, or as the model's inputs say."""
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

    def loss(self, x, y, temperature: float = 1.0) -> tf.Tensor:
        """L(f(x) / T, y), the mean over the samples; summed over several outputs."""
        outputs, labels = tf.nest.flatten(self(x)), tf.nest.flatten(y)
        losses = tf.nest.flatten(self._loss) if self._loss else [default_loss(t) for t in labels]
        if len(losses) == 1:
            losses *= len(outputs)
        if not len(losses) == len(outputs) == len(labels):
            raise InputError(
                f"model {self.model.name!r} has {len(outputs)} outputs: expected as many labels "
                f"and losses, got {len(labels)} and {len(losses)}"
            )
        return tf.add_n(
            tf.reduce_mean(keras.losses.get(loss)(_aligned(label, output), output / temperature))
            for loss, label, output in zip(losses, labels, outputs, strict=True)
        )

    def mask_gradients(self, quantity: Callable[[], tf.Tensor]) -> list[tf.Tensor]:
        """∂quantity/∂m for each weight, where θ ⊙ m is what the model computes with.

        Where no mask takes part in the computation this is θ ⊙ ∂quantity/∂θ.
        """
        masks = {id(w.variable): w.mask for w in self.weights if w.mask is not None}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*self.variables, *masks.values()])
            result = quantity()
        gradients = tape.gradient(result, [*self.variables, *masks.values()])
        by_weight = gradients[: len(self.variables)]
        by_mask = dict(zip(masks, gradients[len(self.variables) :], strict=True))
        scores = []
        for variable, gradient in zip(self.variables, by_weight, strict=True):
            if by_mask.get(id(variable)) is not None:
                scores.append(by_mask[id(variable)])
            elif gradient is None:  # nothing depends on this weight
                scores.append(tf.zeros_like(variable))
            else:
                # TF-MOT multiplies its masks into the weights beforehand; the mask is needed here
                # for what the optimizer has moved since.
                kept = masks.get(id(variable), 1.0)
                scores.append(variable * kept * tf.convert_to_tensor(gradient))
        return scores


def _aligned(labels: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Labels (n,) for outputs (n, 1) become (n, 1), as in ``model.fit``."""
    return labels[:, None] if labels.shape.rank == 1 and outputs.shape[1:] == [1] else labels
