"""Writes all that ``seek`` leaves behind: tickets, masks, record, pictures, TensorBoard log."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from pns_tf.exporting import MASKS, save_server, server_of, versions
from pns_tf.hosts import host_arrays
from pns_tf.paths import effective_mask
from pns_tf.pictures import overlap_figure, save_figure, ticket_figure
from pns_tf.planted import Planted
from pns_tf.seeking import FoundTicket
from pns_tf.settings import SeekSettings
from pns_tf.storage import RECORD, new_folder, write_json
from pns_tf.tensorboard import log_found
from pns_tf.tflite import convert

PLANTED_MASKS = "planted_masks.npz"


def write_found(
    found: FoundTicket,
    planted: Planted,
    settings: SeekSettings,
    path: Path,
    *,
    planted_in: str,
    tflite: bool = False,
    overwrite: bool = False,
) -> dict:
    """Writes a search to ``path``, whole or not at all.

    Args:
        found: what was found.
        planted: where it was looked for.
        settings: how.
        path: final folder.
        planted_in: what names the planted run in the record.
        tflite: also write the trained ticket and the dense host as TFLite files.
        overwrite: replace what is there.

    Returns:
        The run's record, as in its ``ticket.json``.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    record = {
        "planted": planted_in,
        "task": planted.task.name if planted.task else None,
        "depth": planted.depth,
        "width": planted.width,
        "planted_seed": planted.seed,
        "init": planted.init,
        "hide_biases": planted.hide_biases,
        "layer_sizes": planted.sizes,
        **dataclasses.asdict(settings),
        "metric": "accuracy" if found.kind == "classification" else "MSE",
        "metrics": found.metrics,
        "history": found.history,
        "seconds": found.seconds,
        "versions": versions(),
    }
    title = f"{settings.pruner}, density {settings.density:g}"
    pictures = {
        "overlap": overlap_figure(planted.planted_masks.kernels, found.masks.kernels, title),
        "ticket": ticket_figure(*_effective_parameters(found), title=f"found by {title}"),
    }
    with new_folder(path, overwrite) as folder:
        save_server(folder / "pruned", server_of(found.pruned, found.scales))
        save_server(folder / "trained", server_of(found.model))
        found.masks.save(folder / MASKS)
        planted.planted_masks.save(folder / PLANTED_MASKS)
        if tflite:
            dense = convert(server_of(planted.host), sparse=False)
            ticket = convert(server_of(found.model))
            (folder / "trained.tflite").write_bytes(ticket)
            record["tflite_bytes"] = {"ticket": len(ticket), "dense_host": len(dense)}
        log_found(found, record, pictures, folder / "tensorboard")
        for name, figure in pictures.items():
            save_figure(figure, folder / f"{name}.png")
        write_json(folder / RECORD, record)
    return record


def _effective_parameters(found: FoundTicket) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Trained kernels and biases on input–output paths: what the ticket computes with."""
    mask = effective_mask(found.masks)
    kernels, biases = host_arrays(found.model)
    return (
        [kernel * kept for kernel, kept in zip(kernels, mask.kernels, strict=True)],
        [bias * kept for bias, kept in zip(biases, mask.biases, strict=True)],
    )
