"""A target that is a trained, pruned Keras model instead of a hand-made network."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from pns_tf.hosts.forward import forward
from pns_tf.hosts.kernels import by_source, neuron_counts, part
from pns_tf.hosts.models import host_from_model, masked_arrays
from pns_tf.tasks.task import Target


class ModelTarget(Target):
    """The network that a masked model computes, as something to plant.

    Neurons and channels without any parameter, incoming or outgoing, need no place in a host and
    are left out of the arrays. All others are planted, also those on no input–output path.

    Args:
        model: a host with pruning masks, or a model that `host_from_model` takes; there, zeros
            are what was pruned.

    Calling it computes the model's raw outputs, float32.

    Raises:
        ValueError: a model that is no chain of dense, convolutional and pooling layers.

    Example:
        >>> stock = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
        >>> target = ModelTarget(stock)
        >>> target.shape, target.nonzero_weights
        ((3, 2), 6)
    """

    def __init__(self, model: keras.Model):
        self.model = host_from_model(model, name="target")
        kernels, biases = masked_arrays(self.model)
        self.kernels, self.biases = _without_idle(
            [kernel.astype(np.float64) for kernel in kernels],
            [bias.astype(np.float64) for bias in biases],
        )
        self._forward = forward(self.model)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._forward(x))

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels or neurons in each layer that have parameters, input first."""
        return neuron_counts(self.kernels)


def _without_idle(
    kernels: list[np.ndarray], biases: list[np.ndarray]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    counts = neuron_counts(kernels)
    busy = [np.arange(counts[0])]
    for layer, (kernel, bias) in enumerate(zip(kernels[:-1], biases[:-1], strict=True)):
        incoming = (kernel != 0).any(axis=tuple(range(kernel.ndim - 1))) | (bias != 0)
        outgoing = (by_source(kernels[layer + 1], counts[layer + 1]) != 0).any(axis=(0, 2))
        some = np.flatnonzero(incoming | outgoing)
        busy.append(some if len(some) else np.array([0]))  # a layer cannot be empty
    busy.append(np.arange(counts[-1]))
    return (
        [part(*of) for of in zip(kernels, counts[:-1], busy[:-1], busy[1:], strict=True)],
        [bias[neurons] for bias, neurons in zip(biases, busy[1:], strict=True)],
    )
