"""Tickets for small devices."""

from __future__ import annotations

import tensorflow as tf

from pns_tf.exporting import Server


def convert(server: Server) -> bytes:
    """Converts a network to a TFLite file that stores sparse kernels sparsely.

    Args:
        server: the network, masks already applied.

    Returns:
        The file's content, for ``tf.lite.Interpreter``.

    Example:
        >>> server = Server([np.eye(2)], [np.zeros(2)], np.ones(2))
        >>> content = convert(server)
        >>> tf.lite.Interpreter(model_content=content).get_input_details()[0]["shape"]
        array([1, 2], dtype=int32)
    """
    concrete = server.serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], server)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    return converter.convert()
