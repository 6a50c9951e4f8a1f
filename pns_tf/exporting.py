"""A planted run on disk: SavedModels, masks, and a record of everything that made it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf

import pns_tf
from pns_tf.evaluation import evaluate
from pns_tf.hosts import planted_layers
from pns_tf.masks import Mask
from pns_tf.planted import Planted, planted_from_arrays
from pns_tf.planting import PlantedArrays
from pns_tf.storage import RECORD, read_planted_record, write_json
from tasks import Data, InputError
from tasks import get as get_task

MASKS = "masks.npz"
PACKAGES = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy", "scipy")


class Server(tf.Module):
    """A ReLU network that TensorFlow alone can load and serve.

    Args:
        kernels: ``(fan_in, fan_out)`` each, masks already applied.
        biases: ``(fan_out,)`` each, masks already applied.
        scales: ``(outputs,)``: outputs are divided by them.

    Example:
        >>> save_server("host", Server([np.eye(2)], [np.zeros(2)], np.ones(2)))
        >>> tf.saved_model.load("host").serve(np.ones((3, 2), np.float32)).shape
        TensorShape([3, 2])
    """

    def __init__(
        self, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray], scales: np.ndarray
    ):
        super().__init__()
        self.kernels = [tf.Variable(k, dtype=tf.float32, trainable=False) for k in kernels]
        self.biases = [tf.Variable(b, dtype=tf.float32, trainable=False) for b in biases]
        self.scales = tf.Variable(scales, dtype=tf.float32, trainable=False)
        signature = tf.TensorSpec([None, self.kernels[0].shape[0]], tf.float32, name="x")
        self.serve = tf.function(self._forward, input_signature=[signature])
        self.__call__ = self.serve  # found by the loader of SavedModels

    def _forward(self, x):
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            x = tf.nn.relu(tf.matmul(x, kernel) + bias)
        return (tf.matmul(x, self.kernels[-1]) + self.biases[-1]) / self.scales


def save_server(path: Path | str, server: Server) -> None:
    """Writes a SavedModel with ``serve`` as its default signature.

    A loaded function does not keep variables alive, a loaded object does: so that
    ``tf.saved_model.load(path).serve(x)`` works, ``serve`` is the server itself.
    """
    root = tf.Module()
    root.serve = server
    tf.saved_model.save(root, str(path), signatures={"serving_default": server.serve})


def server_of(model, scales: np.ndarray | None = None) -> Server:
    """The server of a host model, pruning masks applied."""
    layers = planted_layers(model)
    kernels = [layer.kernel.numpy() * layer.kernel_mask.numpy() for layer in layers]
    biases = [layer.bias.numpy() * layer.bias_mask.numpy() for layer in layers]
    return Server(kernels, biases, np.ones(biases[-1].shape) if scales is None else scales)


def record_of(planted: Planted, data: Data, noise: float) -> dict:
    """Everything that made the ticket, and how good target, ticket and host are, for JSON."""
    task = planted.task
    return {
        "task": task.name,
        "depth": planted.depth,
        "width": planted.width,
        "seed": planted.seed,
        "init": planted.init,
        "hide_biases": planted.hide_biases,
        "samples": len(data.x_train) + len(data.x_test),
        "noise": noise,
        "layer_sizes": planted.sizes,
        "target_sizes": list(planted.target.shape),
        "planted_weights": [int(mask.sum()) for mask in planted.planted_masks.kernels],
        "planted_biases": [int(mask.sum()) for mask in planted.planted_masks.biases],
        "density": planted.density,
        "density_with_biases": planted.planted_masks.density,
        "density_per_layer": planted.planted_masks.densities,
        "scales": planted.scales.tolist(),
        "neurons": [neurons.tolist() for neurons in planted.neurons],
        "metric": task.metric,
        "metrics": {
            "target": evaluate(planted.target, task.kind, data),
            "ticket": evaluate(planted.ticket, task.kind, data, planted.scales),
            "host": evaluate(planted.host, task.kind, data),
        },
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of everything that the numbers may depend on."""
    own = {"pns_tf": pns_tf.__version__, "python": platform.python_version()}
    return own | {package: version(package) for package in PACKAGES}


def export_planted(planted: Planted, record: dict, folder: Path) -> None:
    """Writes ``host/``, ``ticket/``, ``masks.npz`` and ``ticket.json`` into an existing folder."""
    save_server(folder / "host", server_of(planted.host))
    save_server(folder / "ticket", server_of(planted.ticket, planted.scales))
    planted.planted_masks.save(folder / MASKS)
    write_json(folder / RECORD, record)


def load_planted(folder: Path | str) -> Planted:
    """Reads an exported run back.

    Raises:
        ValueError: the folder is not one that ``plant`` wrote.

    Example:
        >>> planted = load_planted("saved_models/helix-d5-w100-s0")
        >>> planted.task.name
        'helix'
    """
    folder = Path(folder)
    record = read_planted_record(folder)
    try:
        host = tf.saved_model.load(str(folder / "host")).serve
        masks = Mask.load(folder / MASKS)
        task = get_task(record["task"])
        arrays = PlantedArrays(
            kernels=[kernel.numpy() for kernel in host.kernels],
            biases=[bias.numpy() for bias in host.biases],
            kernel_masks=masks.kernels,
            bias_masks=masks.biases,
            neurons=[np.array(neurons) for neurons in record["neurons"]],
            scales=np.array(record["scales"]),
        )
        return planted_from_arrays(
            arrays,
            target=task.target(record["depth"]),
            seed=record["seed"],
            init=record["init"],
            hide_biases=record["hide_biases"],
            task=task,
        )
    except (OSError, AttributeError, tf.errors.OpError) as error:
        raise InputError(f"{folder} is no planted run: {error}") from error
