"""The layer hosts are made of: Dense, with pruning masks and planted masks of its own."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras


@keras.utils.register_keras_serializable(package="pns_tf")
class PlantedDense(keras.layers.Layer, tfmot.sparsity.keras.PrunableLayer):
    """``activation(x @ (kernel ⊙ kernel_mask) + bias ⊙ bias_mask)``.

    Next to its kernel and bias the layer carries, as non-trainable weights,

    - the current pruning masks (float32, 1 = kept), all ones at first: then it equals
      ``keras.layers.Dense``;
    - the planted masks (bool), which say where the planted ticket lies. They do not take part in
      the computation.

    It is prunable for TF-MOT, biases included.

    Args:
        units: number of neurons.
        activation: as for ``keras.layers.Dense``.

    Input ``(batch, fan_in)``, output ``(batch, units)``.

    Example:
        >>> layer = PlantedDense(100, activation="relu")
        >>> layer(tf.ones((5, 3))).shape
        TensorShape([5, 100])
    """

    def __init__(self, units: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        kernel_shape, bias_shape = (int(input_shape[-1]), self.units), (self.units,)
        self.kernel = self.add_weight("kernel", kernel_shape, initializer="he_normal")
        self.bias = self.add_weight("bias", bias_shape, initializer="zeros")
        self.kernel_mask = self._add_mask("kernel_mask", kernel_shape, "ones", tf.float32)
        self.bias_mask = self._add_mask("bias_mask", bias_shape, "ones", tf.float32)
        self.planted_kernel_mask = self._add_mask(
            "planted_kernel_mask", kernel_shape, "zeros", tf.bool
        )
        self.planted_bias_mask = self._add_mask("planted_bias_mask", bias_shape, "zeros", tf.bool)
        super().build(input_shape)

    def _add_mask(self, name: str, shape: tuple[int, ...], initializer: str, dtype: tf.DType):
        return self.add_weight(name, shape, dtype, initializer=initializer, trainable=False)

    def call(self, inputs):
        outputs = tf.matmul(inputs, self.kernel * self.kernel_mask)
        return self.activation(outputs + self.bias * self.bias_mask)

    def get_prunable_weights(self) -> list[tf.Variable]:
        """What TF-MOT may prune: kernel and bias."""
        return [self.kernel, self.bias]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = {"units": self.units, "activation": keras.activations.serialize(self.activation)}
        return {**super().get_config(), **config}
