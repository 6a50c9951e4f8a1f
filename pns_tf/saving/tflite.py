"""Tickets for small devices."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pns_tf.saving.exporting import Server

BLOCK = 4  # inputs that TFLite may store together in a sparse kernel


def convert(server: Server, sparse: bool = True) -> bytes:
    """Converts a network to a TFLite file.

    Args:
        server: the network, masks already applied.
        sparse: store sparse kernels sparsely; those of convolutions never are.

    Returns:
        The file's content, for ``tf.lite.Interpreter``.

    Example:
        >>> server = Server([np.eye(2)], [np.zeros(2)], np.ones(2))
        >>> content = convert(server)
        >>> tf.lite.Interpreter(model_content=content).get_input_details()[0]["shape"]
        array([1, 2], dtype=int32)
    """
    shape = server.serve.input_signature[0].shape
    sparse = sparse and len(shape) == 2
    network = _in_blocks(server) if sparse else server
    missing = network.kernels[0].shape[0] - shape[1] if sparse else 0

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])
    def serve(x):
        return network.serve(tf.pad(x, [[0, 0], [0, missing]]) if missing else x)

    concrete = serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], network)
    if sparse:
        converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    return converter.convert()


def _in_blocks(server: Server) -> Server:
    """The same network with neurons that do nothing, so that blocks divide every layer's inputs.

    Where they do not, TFLite reads a kernel stored in blocks wrongly, without an error.
    """
    kernels = [kernel.numpy() for kernel in server.kernels]
    biases = [bias.numpy() for bias in server.biases]
    last = len(kernels) - 1
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        more_inputs, more_outputs = (-size % BLOCK for size in kernel.shape)
        if layer == last:
            more_outputs = 0
        kernels[layer] = np.pad(kernel, [(0, more_inputs), (0, more_outputs)])
        biases[layer] = np.pad(bias, (0, more_outputs))
    return Server(kernels, biases, server.scales.numpy())
