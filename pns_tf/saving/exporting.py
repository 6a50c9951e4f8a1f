"""A planted run on disk: SavedModels, masks, and a record of everything that made it."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

import pns_tf
from pns_tf.checks import InputError
from pns_tf.constructing.certificate import Certificate
from pns_tf.constructing.constructed import CONSTRUCTED, Constructed
from pns_tf.constructing.signs import centred
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.compaction import compact
from pns_tf.hosts.forward import forward, takes_images
from pns_tf.hosts.graphs import Step, steps, wiring_of
from pns_tf.hosts.layers import MaskedLayer
from pns_tf.hosts.models import (
    masked_arrays,
    norm_arrays,
    norm_layers,
    same_architecture,
    set_masks,
    set_norms,
    set_parameters,
)
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import evaluate_strong
from pns_tf.planting.algorithm import PlantedArrays
from pns_tf.planting.planted import Planted, planted_from_arrays
from pns_tf.planting.target_model import ModelTarget
from pns_tf.recipe.constructing import Constructing
from pns_tf.recipe.hosts import host_of_record
from pns_tf.recipe.planting import Planting
from pns_tf.saving.storage import MASKS, RECORD, read_planted_record, write_json
from pns_tf.tasks import Data, Target
from pns_tf.tasks.kinds import CLASSIFICATION
from pns_tf.tasks.task import kind_of

PACKAGES = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "numpy", "scipy")


class Server(tf.Module):
    """A network that TensorFlow alone can load and serve.

    Args:
        kernels: ``(fan_in, fan_out)`` each, masks already applied; those of convolutions
            ``(rows, columns, channels, filters)``.
        biases: ``(fan_out,)`` each, masks already applied.
        scales: ``(outputs,)``: outputs are divided by them.
        network: the host whose layers to compute with, in place of a fully connected ReLU network.
        head: what outputs go through before the scales.

    Example:
        >>> save_server("host", Server([np.eye(2)], [np.zeros(2)], np.ones(2)))
        >>> tf.saved_model.load("host").serve(np.ones((3, 2), np.float32)).shape
        TensorShape([3, 2])
    """

    def __init__(
        self,
        kernels: Sequence[np.ndarray],
        biases: Sequence[np.ndarray],
        scales: np.ndarray,
        network: keras.Model | None = None,
        head: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
    ):
        super().__init__()
        self.kernels = [tf.Variable(k, dtype=tf.float32, trainable=False) for k in kernels]
        self.biases = [tf.Variable(b, dtype=tf.float32, trainable=False) for b in biases]
        self.scales = tf.Variable(scales, dtype=tf.float32, trainable=False)
        shape = [None, *(network.input_shape[1:] if network else self.kernels[0].shape[:1])]
        signature = tf.TensorSpec(shape, tf.float32, name="x")
        norms = norm_arrays(network) if network else []
        if norms:
            self.norms = [
                [tf.Variable(array, dtype=tf.float32, trainable=False) for array in arrays]
                for arrays in norms
            ]
        # Layers that were an attribute would be written into the SavedModel, masks and all.
        forward = _through(network) if network else _through_dense
        self.serve = tf.function(
            lambda x: (
                head(forward(x, self.kernels, self.biases, getattr(self, "norms", ())))
                / self.scales
            ),
            input_signature=[signature],
        )
        self.__call__ = self.serve  # found by the loader of SavedModels

    @property
    def parameters(self) -> list[tf.Variable]:
        """All that it computes with, scales left out."""
        norms = [variable for norm in getattr(self, "norms", ()) for variable in norm]
        return [*self.kernels, *self.biases, *norms]


def _through_dense(x: tf.Tensor, kernels: Sequence, biases: Sequence, norms: Sequence) -> tf.Tensor:
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        x = tf.nn.relu(tf.matmul(x, kernel) + bias)
    return tf.matmul(x, kernels[-1]) + biases[-1]


def _through(network: keras.Model) -> Callable:
    found = steps(network)
    numbers = {node.name: node.layer for node in wiring_of(network, found).nodes}
    epsilons = [layer.epsilon for layer in norm_layers(network)]

    def computed(step: Step, inputs, kernels, biases, norms):
        number = numbers[step.layer.name]
        if isinstance(step.layer, MaskedLayer):
            return step.layer.compute(*inputs, kernels[number], biases[number])
        if isinstance(step.layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = norms[number]
            return tf.nn.batch_normalization(*inputs, mean, variance, beta, gamma, epsilons[number])
        return step.layer(inputs if len(inputs) > 1 else inputs[0])

    def forward(x, kernels, biases, norms):
        outputs = [x]
        for step in found:
            inputs = [outputs[i] for i in step.inputs]
            outputs.append(computed(step, inputs, kernels, biases, norms))
        return outputs[-1]

    return forward


def save_server(path: Path | str, server: Server) -> None:
    """Writes a SavedModel with ``serve`` as its default signature.

    A loaded function does not keep variables alive, a loaded object does: so that
    ``tf.saved_model.load(path).serve(x)`` works, ``serve`` is the server itself.
    """
    root = tf.Module()
    root.serve = server
    tf.saved_model.save(root, str(path), signatures={"serving_default": server.serve})


def server_of(
    model: keras.Model,
    scales: np.ndarray | None = None,
    head: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Server:
    """The server of a host model, pruning masks applied; networks on images are compacted."""
    images = takes_images(model)
    model = compact(model).model if images else model
    kernels, biases = masked_arrays(model)
    scales = np.ones(biases[-1].shape) if scales is None else scales
    plain = not images and fully_connected(model)
    return Server(kernels, biases, scales, None if plain else model, head or tf.identity)


def record_of(planted: Planted, planting: Planting | Constructing, data: Data) -> dict:
    """Everything that made the ticket, and how good target, ticket and host are, for JSON."""
    kind = planted.kind or kind_of(data)
    host, ticket = forward(planted.host), forward(planted.ticket)
    return {
        **planting.record,
        "depth": planted.depth,
        "width": planted.width,
        "init": planted.init,
        "hide_biases": planted.hide_biases,
        **what_is_planted(planted),
        **_construction(planted, planting),
        "metric": kind.metric,
        "metrics": {
            "target": evaluate_strong(planted.target, kind, data).metric,
            "ticket": evaluate_strong(ticket, kind, data).metric,
            "host": evaluate_strong(host, kind, data).metric,
        },
        "versions": versions(),
    }


def what_is_planted(planted: Planted) -> dict:
    """Sizes, counts, densities, scales and places of a ticket, for JSON."""
    shapes = {}
    if not wiring_of(planted.host).is_chain:  # sizes do not say which layer feeds which
        shapes = {
            "kernel_shapes": [list(mask.shape) for mask in planted.planted_masks.kernels],
            "target_kernel_shapes": [list(kernel.shape) for kernel in planted.target.kernels],
        }
    return {
        "layer_sizes": planted.sizes,
        "target_sizes": list(planted.target.shape),
        **shapes,
        "planted_weights": [int(mask.sum()) for mask in planted.planted_masks.kernels],
        "planted_biases": [int(mask.sum()) for mask in planted.planted_masks.biases],
        "density": planted.density,
        "density_with_biases": planted.planted_masks.density,
        "density_per_layer": planted.planted_masks.densities,
        "scales": planted.scales.tolist(),
        "neurons": [neurons.tolist() for neurons in planted.neurons],
        "parameters_written": planted.written,
    }


def _construction(planted: Planted, recipe: Planting | Constructing) -> dict:
    """Size and certificate of a ticket that was constructed, beside its settings."""
    if not isinstance(planted, Constructed):
        return {}
    found = {
        "target_weights": planted.target.nonzero_weights,
        "centred": planted.kind is CLASSIFICATION,
        "kept_before": planted.before_shrinking,
        "kept": planted.planted_masks.kept,
        "certificate": dataclasses.asdict(planted.certificate),
    }
    return {"construction": recipe.record["construction"] | found}


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
        recipe = host_of_record(record)
        template, task = recipe.build(), recipe.problem
        arrays = PlantedArrays(
            kernels=[kernel.numpy() for kernel in host.kernels],
            biases=[bias.numpy() for bias in host.biases],
            kernel_masks=masks.kernels,
            bias_masks=masks.biases,
            neurons=[np.array(neurons) for neurons in record["neurons"]],
            scales=np.array(record["scales"]),
            written=record.get("parameters_written"),
            norms=[[array.numpy() for array in arrays] for arrays in getattr(host, "norms", ())],
        )
        made = record.get("construction", {})
        target: Target
        if task is None:
            target = ModelTarget(_target_model(template, arrays))
        else:
            target = task.target(made.get("target_depth", record["depth"]))
            target = centred(target) if made.get("centred") else target
        planted = planted_from_arrays(
            arrays,
            target=target,
            seed=record["seed"],
            init=record["init"],
            hide_biases=record["hide_biases"],
            task=task,
            template=template,
            # Older records do not say it.
            hide=CONSTRUCTED if made else record.get("hide", "default"),
            epsilon=record.get("epsilon"),
        )
        if task is not None:
            kept = {"samples": recipe.samples(record["samples"]), "noise": record["noise"]}
            planted = dataclasses.replace(planted, **kept)
        if not made:
            return planted
        return Constructed(
            **vars(planted),
            certificate=Certificate(**made["certificate"]),
            before_shrinking=made["kept_before"],
        )
    except (OSError, AttributeError, KeyError, TypeError, tf.errors.OpError) as error:
        raise InputError(f"{folder} is no planted run: {error}") from error


def _target_model(template: keras.Model, arrays: PlantedArrays) -> keras.Model:
    """What the ticket computes after division by its scales."""
    kernels = [k * mask for k, mask in zip(arrays.kernels, arrays.kernel_masks, strict=True)]
    biases = [b * mask for b, mask in zip(arrays.biases, arrays.bias_masks, strict=True)]
    kernels[-1], biases[-1] = kernels[-1] / arrays.scales, biases[-1] / arrays.scales
    model = same_architecture(template, "target")
    set_parameters(model, kernels, biases)
    set_norms(model, arrays.norms)
    set_masks(model, Mask.from_layers(arrays.kernel_masks, arrays.bias_masks))
    return model
