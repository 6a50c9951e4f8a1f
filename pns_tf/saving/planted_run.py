"""Writes all that ``plant`` leaves behind: models, masks, record, pictures, TensorBoard log."""

from __future__ import annotations

from pathlib import Path

from pns_tf.hosts.models import host_arrays
from pns_tf.measuring.evaluation import outputs
from pns_tf.pictures import data_figure, save_figure, ticket_figure
from pns_tf.planting.planted import Planted
from pns_tf.saving.exporting import export_planted, record_of
from pns_tf.saving.storage import new_folder
from pns_tf.saving.tensorboard import log_planted


def write_run(
    planted: Planted,
    path: Path,
    *,
    samples: int = 10_000,
    noise: float | None = None,
    overwrite: bool = False,
) -> dict:
    """Judges a planted host and writes the run to ``path``, whole or not at all.

    Returns:
        The run's record, as in its ``ticket.json``.

    Raises:
        ValueError: ``path`` exists or cannot be written, or a value is out of range.
    """
    data = planted.data(samples, noise)
    record = record_of(planted, data, planted.task.noise if noise is None else noise)
    kernels, biases = host_arrays(planted.host)
    masks = planted.planted_masks
    pictures = {
        "data": data_figure(
            planted.task, data, outputs(planted.ticket, data.x_test, planted.scales)
        ),
        "ticket": ticket_figure(
            [kernel * mask for kernel, mask in zip(kernels, masks.kernels, strict=True)],
            [bias * mask for bias, mask in zip(biases, masks.biases, strict=True)],
            title=f"planted {planted.task.name} ticket, depth {planted.depth}",
        ),
    }
    with new_folder(path, overwrite) as folder:
        export_planted(planted, record, folder)
        log_planted(planted, record, pictures, folder / "tensorboard")
        for name, figure in pictures.items():
            save_figure(figure, folder / f"{name}.png")
    return record
