"""Size and latency of networks as TFLite files."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.hosts.compaction import compact, multiplications
from pns_tf.quiet import no_standard_error
from pns_tf.saving.exporting import server_of
from pns_tf.saving.tflite import convert

RUNS = 30


def deployment(
    networks: Mapping[str, keras.Model], image: np.ndarray, scales: np.ndarray | None = None
) -> tuple[dict[str, bytes], dict[str, dict]]:
    """Converts networks to TFLite, and measures each on one image.

    Args:
        networks: host models by name, compacted where masks allow it.
        image: ``(1, rows, columns, channels)``.
        scales: the outputs of all are divided by them.

    Returns:
        The files' contents by name; and for each its size in bytes, its parameters, the
        multiplications and the median milliseconds that an image takes on one core.
    """
    files, measured = {}, {}
    for name, model in networks.items():
        server = server_of(model, scales)
        files[name] = convert(server)
        measured[name] = {
            "bytes": len(files[name]),
            "parameters": int(sum(np.prod(v.shape) for v in server.parameters)),
            "multiplications": multiplications(compact(model).model),
            "milliseconds": 1000 * latency(files[name], image),
        }
    return files, measured


def latency(content: bytes, image: np.ndarray) -> float:
    """Median seconds of a TFLite network for one image, on one core."""
    with warnings.catch_warnings(), no_standard_error():
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated")
        interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    index = interpreter.get_input_details()[0]["index"]
    times = []
    for _ in range(RUNS):
        interpreter.set_tensor(index, image)
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
