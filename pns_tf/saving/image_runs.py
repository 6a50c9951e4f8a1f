"""What ``plant`` and ``seek`` leave behind when the host is a VGG network."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import masked_arrays, set_masks, set_parameters
from pns_tf.hosts.vgg import build_vgg
from pns_tf.hosts.vgg_plans import ImageHost
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import evaluate, outputs
from pns_tf.pictures import images_figure, layer_counts_figure, save_figure
from pns_tf.planting.planted import Planted
from pns_tf.saving.deployment import deployment
from pns_tf.saving.exporting import MASKS, export_planted, versions, what_is_planted
from pns_tf.saving.storage import new_folder, read_found_record
from pns_tf.saving.tensorboard import log_planted
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import CLASSIFICATION
from pns_tf.training.validation import Images

TRAINED = "trained.npz"


def write_planted(
    planted: Planted, host: ImageHost, data: Images, path: Path, *, overwrite: bool = False
) -> dict:
    """Judges a trained ticket planted into a VGG host, and writes the run, whole or not at all.

    The exported ticket is compacted; the record has its size and latency beside the host's.

    Returns:
        The run's record, as in its ``ticket.json``.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    record = image_record_of(planted, host, data)
    judged = outputs(forward(planted.ticket), data.x_test[:40], planted.scales)
    title = f"planted into {host.plan}: test accuracy {record['metrics']['ticket']:.3f}"
    pictures = {
        "data": images_figure(data.x_test, data.y_test, judged, title, data.names),
        "ticket": layer_counts_figure(planted=planted.planted_masks, title=title),
    }
    with new_folder(path, overwrite) as folder:
        networks = {"host": planted.host, "ticket": planted.ticket}
        files, record["deployment"] = deployment(networks, data.x_test[:1], planted.scales)
        (folder / "ticket.tflite").write_bytes(files["ticket"])
        export_planted(planted, record, folder)
        log_planted(planted, record, pictures, folder / "tensorboard")
        for name, figure in pictures.items():
            save_figure(figure, folder / f"{name}.png")
    return record


def image_record_of(planted: Planted, host: ImageHost, data: Data) -> dict:
    """The same for a trained ticket planted into a VGG host."""
    return {
        "task": host.dataset,
        "host": dataclasses.asdict(host),
        "depth": planted.depth,
        "width": planted.width,
        "seed": planted.seed,
        "init": planted.init,
        "hide": planted.hide,
        "hide_biases": planted.hide_biases,
        "epsilon": planted.epsilon,
        "samples": None,
        "noise": None,
        **what_is_planted(planted),
        "metric": CLASSIFICATION.metric,
        "metrics": {
            "target": evaluate(planted.target, CLASSIFICATION, data),
            "ticket": evaluate(forward(planted.ticket), CLASSIFICATION, data, planted.scales),
            "host": evaluate(forward(planted.host), CLASSIFICATION, data),
        },
        "versions": versions(),
    }


def save_trained(model: keras.Model, path: Path) -> None:
    """Writes the parameters of a masked model, zeros where they are pruned, to an ``.npz`` file."""
    kernels, biases = masked_arrays(model)
    arrays = {f"kernel{i}": kernel for i, kernel in enumerate(kernels)}
    np.savez_compressed(path, **arrays, **{f"bias{i}": bias for i, bias in enumerate(biases)})


def load_trained(folder: Path | str) -> keras.Model:
    """The trained ticket that ``seek --host`` wrote, in its full size, with its masks.

    Raises:
        ValueError: the folder holds none.
    """
    folder = Path(folder)
    record = read_found_record(folder)
    model = build_vgg(**ImageHost(**record["host"]).network)
    masks = Mask.load(folder / MASKS)
    try:
        with np.load(folder / TRAINED) as stored:
            layers = range(len(masks.kernels))
            kernels = [stored[f"kernel{layer}"] for layer in layers]
            set_parameters(model, kernels, [stored[f"bias{layer}"] for layer in layers])
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no trained ticket: {error}") from error
    set_masks(model, masks)
    return model
