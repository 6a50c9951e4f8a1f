"""A target that is a trained, pruned Keras model instead of a hand-made network."""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from pns_tf.hosts.compaction import cut
from pns_tf.hosts.forward import forward
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.kernels import neuron_counts
from pns_tf.hosts.models import host_from_model, masked_arrays
from pns_tf.hosts.wiring import WEIGHTS, link
from pns_tf.tasks.task import Target


class ModelTarget(Target):
    """The network that a masked model computes, as something to plant.

    Neurons and channels without any parameter, incoming or outgoing, need no place in a host and
    are left out of the arrays. All others are planted, also those on no input–output path.

    Args:
        model: a host with pruning masks, or a model that `host_from_model` takes; there, zeros
            are what was pruned.

    Calling it computes the model's raw outputs, float32.

    Attributes:
        model: the host of all its neurons.
        busy: the same without those that have no parameter.

    Raises:
        ValueError: a model that `host_from_model` does not take.

    Example:
        >>> stock = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
        >>> target = ModelTarget(stock)
        >>> target.shape, target.nonzero_weights
        ((3, 2), 6)
    """

    def __init__(self, model: keras.Model):
        self.model = host_from_model(model, name="target")
        self.busy = _without_idle(self.model)
        kernels, biases = masked_arrays(self.busy)
        self.kernels = [kernel.astype(np.float64) for kernel in kernels]
        self.biases = [bias.astype(np.float64) for bias in biases]
        self._forward = forward(self.model)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._forward(x))

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels or neurons in each layer that have parameters, input first."""
        return neuron_counts(self.kernels)


def _without_idle(model: keras.Model) -> keras.Model:
    """The part of a host that has parameters: units that none leads to or from are left out."""
    wiring = wiring_of(model)
    busy = np.zeros(len(wiring.streams()), bool)
    for number, kernel, bias in zip(wiring.masked, *masked_arrays(model), strict=True):
        node = wiring.nodes[number]
        rows = link(kernel != 0)
        busy[wiring.strands[number][rows.any(axis=0) | (bias != 0)]] = True
        if node.kind == WEIGHTS:
            busy[wiring.strands[node.inputs[0]][rows.any(axis=1)]] = True
    for end in (0, len(wiring.nodes) - 1):
        busy[wiring.strands[end]] = True
    for number in wiring.masked:  # a layer cannot be empty
        if not busy[wiring.strands[number]].any():
            busy[wiring.strands[number][0]] = True
    units = wiring.units_of(busy)
    return cut(model, [units[number] for number in (0, *wiring.masked)]).model
