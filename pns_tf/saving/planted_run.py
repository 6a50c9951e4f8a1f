"""Writes all that ``plant`` leaves behind: models, masks, record, pictures, TensorBoard log."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from pns_tf.constructing.constructed import Constructed
from pns_tf.hosts.forward import forward, takes_images
from pns_tf.hosts.models import host_arrays
from pns_tf.measuring.evaluation import outputs
from pns_tf.pictures import (
    data_figure,
    images_figure,
    layer_counts_figure,
    save_figure,
    ticket_figure,
)
from pns_tf.planting.planted import Planted
from pns_tf.recipe.constructing import Constructing
from pns_tf.recipe.planting import Planting
from pns_tf.saving.deployment import deployment
from pns_tf.saving.exporting import export_planted, record_of
from pns_tf.saving.storage import RECORD, new_folder
from pns_tf.saving.tensorboard import log_planted
from pns_tf.tasks import Data, Task

SHOWN = 40  # images with the classes that the ticket gives them


def write_planted(
    planted: Planted,
    planting: Planting | Constructing,
    data: Data,
    path: Path,
    *,
    overwrite: bool = False,
) -> dict:
    """Judges a planted host and writes the run to ``path``, whole or not at all.

    A ticket on images is exported compacted, as TFLite too; the record has its size and latency
    beside the host's.

    Args:
        planted: the host and its ticket.
        planting: what they were made of.
        data: judges target, ticket and host.
        path: final folder.
        overwrite: replace what is there.

    Returns:
        The run's record, as in its ``ticket.json``.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    record = record_of(planted, planting, data)
    images = takes_images(planted.host)
    task = planting.host.problem
    if task is None:
        pictures = _of_images(planted, planting, data, record["metrics"]["ticket"])
    else:
        pictures = _of_task(planted, task, data)
    with new_folder(path, overwrite, holds=RECORD) as folder:
        if images:
            networks = {"host": planted.host, "ticket": planted.ticket}
            files, record["deployment"] = deployment(networks, data.x_test[:1], planted.scales)
            (folder / "ticket.tflite").write_bytes(files["ticket"])
        export_planted(planted, record, folder)
        log_planted(planted, record, pictures, folder / "tensorboard", path.name)
        for name, figure in pictures.items():
            save_figure(figure, folder / f"{name}.png")
    return record


def _of_task(planted: Planted, task: Task, data: Data) -> dict[str, Figure]:
    kernels, biases = host_arrays(planted.host)
    masks = planted.planted_masks
    made = "constructed" if isinstance(planted, Constructed) else "planted"
    judged = outputs(planted.ticket, data.x_test, planted.scales)
    return {
        "data": data_figure(task, data, judged),
        "ticket": ticket_figure(
            [kernel * mask for kernel, mask in zip(kernels, masks.kernels, strict=True)],
            [bias * mask for bias, mask in zip(biases, masks.biases, strict=True)],
            title=f"{made} {task.name} ticket, depth {planted.depth}",
        ),
    }


def _of_images(
    planted: Planted, planting: Planting | Constructing, data: Data, accuracy: float
) -> dict[str, Figure]:
    judged = outputs(forward(planted.ticket), data.x_test[:SHOWN], planted.scales)
    title = f"planted into {planting.host.name}: test accuracy (rescaled) {accuracy:.3f}"
    return {
        "data": images_figure(data.x_test, data.y_test, judged, title, getattr(data, "names", ())),
        "ticket": layer_counts_figure(planted=planted.planted_masks, title=title),
    }
