"""Hosts as Keras functional models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from pns_tf.initializers import Arrays
from pns_tf.layers import PlantedDense
from tasks.checks import InputError
from tasks.task import check_layers


def build_host(sizes: Sequence[int], name: str = "host") -> keras.Model:
    """Builds a fully connected ReLU network with a linear last layer; parameters not yet set.

    Args:
        sizes: neurons in each layer, input first.
        name: the model's name.

    Returns:
        A functional model from ``(batch, sizes[0])`` to ``(batch, sizes[-1])``.
    """
    inputs = h = keras.Input((sizes[0],), name="x")
    for layer, units in enumerate(sizes[1:]):
        activation = "relu" if layer < len(sizes) - 2 else None
        h = PlantedDense(units, activation=activation, name=f"layer{layer}")(h)
    return keras.Model(inputs, h, name=name)


def host_from_arrays(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    kernel_masks: Sequence[np.ndarray] | None = None,
    bias_masks: Sequence[np.ndarray] | None = None,
    name: str = "host",
) -> keras.Model:
    """Makes a host model from arrays.

    Args:
        kernels: ``(fan_in, fan_out)`` for each layer of weights.
        biases: ``(fan_out,)`` for each layer of weights.
        kernel_masks: pruning masks of the kernels' shapes, 1 = kept; all ones if left out.
        bias_masks: the same for the biases.
        name: the model's name.

    Returns:
        A functional model of `PlantedDense` layers, ReLU between them, the last one linear.

    Raises:
        ValueError: shapes that do not chain, values that are not finite, masks that are not 0 or 1.

    Example:
        >>> host = host_from_arrays([np.ones((1, 5)), np.ones((5, 2))], [np.zeros(5), np.zeros(2)])
        >>> host(np.ones((1, 1))).numpy()
        array([[5., 5.]], dtype=float32)
    """
    kernels, biases = check_layers("host", kernels, biases, np.float32)
    host = build_host([kernels[0].shape[0], *(kernel.shape[1] for kernel in kernels)], name)
    for layer, kernel, bias in zip(planted_layers(host), kernels, biases, strict=True):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
    if kernel_masks is not None:
        _assign_masks(
            "kernel_masks", [layer.kernel_mask for layer in planted_layers(host)], kernel_masks
        )
    if bias_masks is not None:
        _assign_masks("bias_masks", [layer.bias_mask for layer in planted_layers(host)], bias_masks)
    return host


def planted_layers(model: keras.Model) -> list[PlantedDense]:
    """The model's `PlantedDense` layers, input side first."""
    return [layer for layer in model.layers if isinstance(layer, PlantedDense)]


def set_masks(model: keras.Model, mask: Sequence[np.ndarray]) -> None:
    """Assigns pruning masks, in the order kernel, bias of each layer, to a host's layers."""
    for layer, kernel, bias in zip(planted_layers(model), mask[::2], mask[1::2], strict=True):
        layer.kernel_mask.assign(kernel)
        layer.bias_mask.assign(bias)


def host_arrays(model: keras.Model) -> Arrays:
    """Kernels and biases of a host, masks not applied.

    Raises:
        ValueError: the model is not a plain stack of `PlantedDense` layers.
    """
    layers = planted_layers(model)
    others = [
        layer.name
        for layer in model.layers
        if not isinstance(layer, PlantedDense | keras.layers.InputLayer)
    ]
    if not layers or others:
        raise InputError(
            f"model {model.name!r} is no host: expected an input and PlantedDense layers only, "
            f"got {', '.join(others) or 'no PlantedDense layer'}"
        )
    return [layer.kernel.numpy() for layer in layers], [layer.bias.numpy() for layer in layers]


def _assign_masks(what: str, variables: list, masks: Sequence[np.ndarray]) -> None:
    if len(masks) != len(variables):
        raise InputError(f"{what} needs {len(variables)} arrays, got {len(masks)}")
    for layer, (variable, mask) in enumerate(zip(variables, masks, strict=True)):
        mask = np.asarray(mask, np.float32)
        if mask.shape != tuple(variable.shape) or not np.isin(mask, (0, 1)).all():
            raise InputError(
                f"{what}[{layer}] must hold 0 and 1 only in shape {tuple(variable.shape)}, "
                f"got shape {mask.shape}"
            )
        variable.assign(mask)
