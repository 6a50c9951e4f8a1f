"""The layers hosts are made of: dense and convolutional, with pruning masks and planted masks."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras


class MaskedLayer(keras.layers.Layer, tfmot.sparsity.keras.PrunableLayer):
    """A layer with one kernel and one bias that carries masks for both.

    Next to its kernel and bias the layer has, as non-trainable weights,

    - the current pruning masks (float32, 1 = kept), all ones at first: then it equals the Keras
      layer it is named after;
    - the planted masks (bool), which say where the planted ticket lies. They do not take part in
      the computation.

    It is prunable for TF-MOT, biases included. The last axis of the kernel is that of its neurons
    or channels.
    """

    def _add_parameters(self, kernel_shape: tuple[int, ...]) -> None:
        bias_shape = kernel_shape[-1:]
        self.kernel = self.add_weight("kernel", kernel_shape, initializer="he_normal")
        self.bias = self.add_weight("bias", bias_shape, initializer="zeros")
        self.kernel_mask = self._add_mask("kernel_mask", kernel_shape, "ones", tf.float32)
        self.bias_mask = self._add_mask("bias_mask", bias_shape, "ones", tf.float32)
        self.planted_kernel_mask = self._add_mask(
            "planted_kernel_mask", kernel_shape, "zeros", tf.bool
        )
        self.planted_bias_mask = self._add_mask("planted_bias_mask", bias_shape, "zeros", tf.bool)

    def _add_mask(self, name: str, shape: tuple[int, ...], initializer: str, dtype: tf.DType):
        return self.add_weight(name, shape, dtype, initializer=initializer, trainable=False)

    def call(self, inputs):
        return self.compute(inputs, self.kernel * self.kernel_mask, self.bias * self.bias_mask)

    def get_prunable_weights(self) -> list[tf.Variable]:
        """What TF-MOT may prune: kernel and bias."""
        return [self.kernel, self.bias]


# The names of these two classes are part of every file that a host was saved to.
@keras.utils.register_keras_serializable(package="pns_tf")
class PlantedDense(MaskedLayer):
    """``activation(x @ (kernel ⊙ kernel_mask) + bias ⊙ bias_mask)``.

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
        self._add_parameters((int(input_shape[-1]), self.units))
        super().build(input_shape)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """The layer's outputs with these parameters in place of its own."""
        return self.activation(tf.matmul(inputs, kernel) + bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = {"units": self.units, "activation": keras.activations.serialize(self.activation)}
        return {**super().get_config(), **config}


@keras.utils.register_keras_serializable(package="pns_tf")
class PlantedConv2D(MaskedLayer):
    """``activation(conv2d(x, kernel ⊙ kernel_mask) + bias ⊙ bias_mask)``.

    Args:
        filters: number of output channels.
        kernel_size: rows and columns of the kernel, or one number for both.
        strides: the same for the steps.
        padding: "same" (zeros around the image) or "valid".
        activation: as for ``keras.layers.Conv2D``.

    Input ``(batch, rows, columns, channels)``, output ``(batch, rows, columns, filters)``; kernel
    ``(kernel rows, kernel columns, channels, filters)``.

    Example:
        >>> layer = PlantedConv2D(16, 3, activation="relu")
        >>> layer(tf.ones((5, 8, 8, 3))).shape
        TensorShape([5, 8, 8, 16])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        activation: str | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size, self.strides = _pair(kernel_size), _pair(strides)
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._add_parameters((*self.kernel_size, int(input_shape[-1]), self.filters))
        super().build(input_shape)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """The layer's outputs with these parameters in place of its own."""
        outputs = tf.nn.conv2d(inputs, kernel, self.strides, self.padding.upper())
        return self.activation(outputs + bias)

    def compute_output_shape(self, input_shape):
        whole = self.padding == "same"
        sides = [
            None if side is None else -(-(side if whole else side - size + 1) // step)
            for side, size, step in zip(
                input_shape[1:3], self.kernel_size, self.strides, strict=True
            )
        ]
        return tf.TensorShape([input_shape[0], *sides, self.filters])

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "padding")
        config = {name: getattr(self, name) for name in names}
        config["activation"] = keras.activations.serialize(self.activation)
        return {**super().get_config(), **config}


@keras.utils.register_keras_serializable(package="pns_tf")
class PlantedDepthwiseConv2D(PlantedConv2D):
    """Each channel convolved with a kernel of its own, see `PlantedConv2D`; as many channels.

    Args:
        kernel_size, strides, padding, activation: as for `PlantedConv2D`.

    Input and output ``(batch, rows, columns, channels)``; kernel ``(kernel rows, kernel columns, 1,
    channels)``, so that its last axis is that of the channels, as in all layers of hosts.

    Example:
        >>> layer = PlantedDepthwiseConv2D(3, strides=2)
        >>> layer(tf.ones((5, 8, 8, 6))).shape
        TensorShape([5, 4, 4, 6])
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        activation: str | None = None,
        **kwargs,
    ):
        super().__init__(1, kernel_size, strides, padding, activation, **kwargs)

    def build(self, input_shape):
        self.filters = int(input_shape[-1])
        self._add_parameters((*self.kernel_size, 1, self.filters))
        keras.layers.Layer.build(self, input_shape)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """The layer's outputs with these parameters in place of its own."""
        outputs = tf.nn.depthwise_conv2d(
            inputs, tf.transpose(kernel, (0, 1, 3, 2)), (1, *self.strides, 1), self.padding.upper()
        )
        return self.activation(outputs + bias)

    def compute_output_shape(self, input_shape):
        self.filters = int(input_shape[-1])
        return super().compute_output_shape(input_shape)

    def get_config(self):
        config = super().get_config()
        del config["filters"]  # as many as there come in
        return config


@keras.utils.register_keras_serializable(package="pns_tf")
class PadChannels(keras.layers.Layer, tfmot.sparsity.keras.PrunableLayer):
    """Channels of zeros in front of and behind those that there are.

    The shortcut without parameters of He et al. (2016), option A.

    Args:
        before: how many in front.
        after: how many behind.

    Input ``(batch, …, channels)``, output ``(batch, …, before + channels + after)``.

    Example:
        >>> PadChannels(1, 2)(tf.ones((1, 1))).numpy()
        array([[0., 1., 0., 0.]], dtype=float32)
    """

    def __init__(self, before: int, after: int, **kwargs):
        super().__init__(**kwargs)
        self.before, self.after = before, after

    def call(self, inputs):
        return tf.pad(inputs, [[0, 0]] * (inputs.shape.rank - 1) + [[self.before, self.after]])

    def get_prunable_weights(self) -> list[tf.Variable]:
        """None, so that TF-MOT passes over it."""
        return []

    def compute_output_shape(self, input_shape):
        return tf.TensorShape([*input_shape[:-1], self.before + input_shape[-1] + self.after])

    def get_config(self):
        return {**super().get_config(), "before": self.before, "after": self.after}


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, int) else value
    return rows, columns
