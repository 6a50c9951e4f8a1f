"""Hosts as Keras functional models."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.chains import DTYPE, check_relu_network, masked_layer
from pns_tf.hosts.graphs import check_end, steps, wiring_of
from pns_tf.hosts.initializers import Arrays
from pns_tf.hosts.layers import MaskedLayer, PlantedDense
from pns_tf.masks import Mask
from pns_tf.tasks.task import check_layers


def build_host(sizes: Sequence[int], name: str = "host") -> keras.Model:
    """Builds a fully connected ReLU network with a linear last layer; parameters not yet set.

    Args:
        sizes: neurons in each layer, input first.
        name: the model's name.

    Returns:
        A functional model from ``(batch, sizes[0])`` to ``(batch, sizes[-1])``.
    """
    inputs = h = keras.Input((sizes[0],), name="x", dtype=DTYPE)
    for layer, units in enumerate(sizes[1:]):
        activation = "relu" if layer < len(sizes) - 2 else None
        h = PlantedDense(units, activation=activation, name=f"layer{layer}", dtype=DTYPE)(h)
    return keras.Model(inputs, h, name=name)


def host_from_arrays(
    kernels: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    kernel_masks: Sequence[np.ndarray] | None = None,
    bias_masks: Sequence[np.ndarray] | None = None,
    name: str = "host",
) -> keras.Model:
    """Makes a fully connected host model from arrays.

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
    set_parameters(host, kernels, biases)
    if kernel_masks is not None:
        _assign_masks(
            "kernel_masks", [layer.kernel_mask for layer in masked_layers(host)], kernel_masks
        )
    if bias_masks is not None:
        _assign_masks("bias_masks", [layer.bias_mask for layer in masked_layers(host)], bias_masks)
    return host


def host_from_model(model: keras.Model, name: str = "host") -> keras.Model:
    """Makes a host of a network of the user's own, with the same parameters and outputs.

    Args:
        model: a functional or sequential model of one input and one output. Its weights lie in
            ``Conv2D``, ``DepthwiseConv2D`` and ``Dense`` layers (or those of a host, whose masks
            are copied too); between them there may be batch normalisation, sums, concatenations,
            ReLU, max and average pooling, global pooling, flattening and zero padding, all of
            which commute with positive scales of single channels, or absorb them. Dropout is left
            out, with a warning: hosts are trained without it. The last layer with weights is
            linear: no softmax. In a chain without batch normalisation a ReLU follows each other
            one.
        name: of the host.

    Returns:
        A functional model with layers that carry masks in place of those with weights. What has no
        bias gets one of zeros. Batch normalisation stays dense, and gets the scale and centre that
        it does not have, because planting needs them.

    Raises:
        ValueError: another kind of layer or activation; no ReLU between two layers of a chain, or
            one after the last; shared layers; a sum of different shapes; a model that is not
            built.

    Example:
        >>> stock = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
        >>> [type(layer).__name__ for layer in host_from_model(stock).layers]
        ['InputLayer', 'PlantedDense']
    """
    found = steps(model)
    if wiring_of(model, found).is_chain:
        check_relu_network(model, [step.layer for step in found])
    else:
        check_end(model, found)
    names = {step.layer.name for step in found}
    free = ("x", *(f"x{number}" for number in range(len(names))))
    own = next(word for word in free if word not in names)
    inputs = keras.Input(model.input_shape[1:], name=own, dtype=DTYPE)
    outputs, dropped = [inputs], []
    for step in found:
        sources = [outputs[number] for number in step.inputs]
        if isinstance(step.layer, keras.layers.Dropout):
            outputs += sources
            dropped.append(step.layer.name)
            continue
        copy = masked_layer(step.layer)
        outputs.append(copy(sources if len(sources) > 1 else sources[0]))
        _copy_weights(step.layer, copy)
    if dropped:
        warnings.warn(
            f"dropout of model {model.name!r} is left out, as hosts are trained without it: "
            f"{', '.join(dropped)}",
            stacklevel=2,
        )
    return keras.Model(inputs, outputs[-1], name=name)


def _copy_weights(layer: keras.layers.Layer, copy: keras.layers.Layer) -> None:
    """Gives a layer of a host the weights of the one that it was made of."""
    if isinstance(layer, MaskedLayer):
        copy.set_weights(layer.get_weights())
    elif isinstance(copy, keras.layers.BatchNormalization):
        copy.set_weights(norm_arrays_of(layer))
    elif isinstance(copy, MaskedLayer):
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        kernel = layer.depthwise_kernel if depthwise else layer.kernel
        copy.kernel.assign(np.swapaxes(kernel, -1, -2) if depthwise else kernel.numpy())
        if layer.use_bias:
            copy.bias.assign(layer.bias.numpy())


def norm_arrays_of(layer: keras.layers.BatchNormalization) -> list[np.ndarray]:
    """γ, β, moving mean and moving variance, ``(channels,)`` each."""
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    gamma = np.ones_like(mean) if layer.gamma is None else layer.gamma.numpy()
    beta = np.zeros_like(mean) if layer.beta is None else layer.beta.numpy()
    return [gamma, beta, mean, variance]


def norm_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The model's layers of batch normalisation, in the order in which it lists them."""
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def norm_arrays(model: keras.Model) -> list[list[np.ndarray]]:
    """γ, β, moving mean and moving variance of each layer of batch normalisation."""
    return [norm_arrays_of(layer) for layer in norm_layers(model)]


def set_norms(model: keras.Model, norms: Sequence[Sequence[np.ndarray]]) -> None:
    """Assigns what `norm_arrays` gives."""
    for layer, arrays in zip(norm_layers(model), norms, strict=True):
        layer.set_weights(arrays)


def same_architecture(model: keras.Model, name: str) -> keras.Model:
    """A new model of the same layers, its parameters not yet set."""
    return keras.Model.from_config(model.get_config() | {"name": name})


def masked_layers(model: keras.Model) -> list[MaskedLayer]:
    """The model's layers with masks, input side first."""
    return [layer for layer in model.layers if isinstance(layer, MaskedLayer)]


def set_parameters(
    model: keras.Model, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> None:
    """Assigns kernels and biases to a host's layers."""
    for layer, kernel, bias in zip(masked_layers(model), kernels, biases, strict=True):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)


def set_masks(model: keras.Model, mask: Sequence[np.ndarray]) -> None:
    """Assigns pruning masks, in the order kernel, bias of each layer, to a host's layers.

    Raises:
        ValueError: the model is not a host of as many layers.
    """
    layers = masked_layers(model)
    if 2 * len(layers) != len(mask):
        raise InputError(
            f"model {model.name!r} is not the host that the masks are of: expected "
            f"{len(mask) // 2} layers with masks, got {len(layers)}"
        )
    for layer, kernel, bias in zip(layers, mask[::2], mask[1::2], strict=True):
        layer.kernel_mask.assign(kernel)
        layer.bias_mask.assign(bias)


def host_arrays(model: keras.Model) -> Arrays:
    """Kernels and biases of a host, masks not applied.

    Raises:
        ValueError: the model is not a host; `host_from_model` makes one of many other models.
    """
    layers = masked_layers(model)
    known = (MaskedLayer, keras.layers.BatchNormalization)
    others = [x.name for x in model.layers if x.weights and not isinstance(x, known)]
    if not layers or others:
        raise InputError(
            f"model {model.name!r} is no host: expected weights in PlantedDense and PlantedConv2D "
            f"layers only, got {', '.join(others) or 'no such layer'}"
        )
    return [layer.kernel.numpy() for layer in layers], [layer.bias.numpy() for layer in layers]


def masks_of(model: keras.Model) -> Mask:
    """The pruning masks that a host carries."""
    layers = masked_layers(model)
    return Mask.from_layers(
        [layer.kernel_mask.numpy() for layer in layers],
        [layer.bias_mask.numpy() for layer in layers],
    )


def masked_arrays(model: keras.Model) -> Arrays:
    """Kernels and biases of a host, pruning masks applied."""
    kernels, biases = host_arrays(model)
    masks = masks_of(model)
    return (
        [kernel * mask for kernel, mask in zip(kernels, masks.kernels, strict=True)],
        [bias * mask for bias, mask in zip(biases, masks.biases, strict=True)],
    )


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
