"""Writes all that ``seek`` leaves behind: tickets, masks, record, pictures, TensorBoard log."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import tf_keras as keras
from matplotlib.figure import Figure

from pns_tf.found_ticket import FoundTicket
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.kernels import neuron_counts
from pns_tf.hosts.models import host_arrays, same_architecture, set_masks
from pns_tf.hosts.paths import effective_mask
from pns_tf.masks import Mask
from pns_tf.pictures import layer_counts_figure, overlap_figure, save_figure, ticket_figure
from pns_tf.planting.planted import Planted
from pns_tf.pruners.popup import HEADS, head_name
from pns_tf.recipe.hosts import Host
from pns_tf.recipe.pruners import weak_from
from pns_tf.recipe.search import SeekSettings
from pns_tf.saving.exporting import save_server, server_of, versions
from pns_tf.saving.storage import MASKS, RECORD, new_folder, write_json, write_text
from pns_tf.saving.tensorboard import log_found
from pns_tf.saving.tflite import convert
from pns_tf.saving.trained import ARCHITECTURE, PRUNED, TRAINED, save_trained

PLANTED_MASKS = "planted_masks.npz"


def write_found(
    found: FoundTicket,
    planted: Planted | None,
    settings: SeekSettings,
    path: Path,
    *,
    planted_in: str | None,
    host: Host | None = None,
    augmented: bool = False,
    tflite: bool = False,
    overwrite: bool = False,
    run: str | None = None,
) -> dict:
    """Writes a search to ``path``, whole or not at all.

    Args:
        found: what was found.
        planted: where it was looked for; ``None`` if nothing is planted there.
        settings: how.
        path: final folder.
        planted_in: what names the planted run in the record.
        host: what the network is made of; ``None`` if only ``planted`` knows.
        augmented: whether training mirrored and shifted images.
        tflite: also write the trained ticket as a TFLite file.
        overwrite: replace what is there.
        run: name of the experiment's run that found it.

    Returns:
        The run's record, as in its ``ticket.json``.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    record = {
        "planted": planted_in,
        **(_host_of(planted) if host is None else host.record),
        **({} if planted is None else _planting_of(planted)),
        "augmented": augmented,
        "layer_sizes": list(neuron_counts(found.masks.kernels)),
        **_shapes(found),
        **dataclasses.asdict(settings),
        "metric": found.kind.metric,
        "weak_from": weak_from(settings.pruner, found.search.weights is not None, settings.options),
        "metrics": found.metrics,
        "history": found.history,
        "validation": found.validation,
        "seconds": found.seconds,
        "scales": found.scales.tolist(),
        **_search_of(found),
        **({} if run is None else {"run": run}),
        **({} if found.stream is None else {"stream": found.stream}),
        "versions": versions(),
    }
    pictures = _pictures(found, planted, f"{settings.pruner}, density {settings.density:g}")
    with new_folder(path, overwrite, holds=RECORD) as folder:
        save_server(folder / "pruned", server_of(found.pruned, found.scales, found.search.head))
        save_server(folder / "trained", server_of(found.model))
        found.masks.save(folder / MASKS)
        if planted is not None:
            planted.planted_masks.save(folder / PLANTED_MASKS)
        save_trained(found.model, folder / TRAINED)
        save_trained(found.pruned, folder / PRUNED)
        write_text(folder / ARCHITECTURE, found.host.to_json(indent=2))
        if tflite:
            dense = convert(server_of(_dense(found)), sparse=False)
            ticket = convert(server_of(found.model))
            (folder / "trained.tflite").write_bytes(ticket)
            record["tflite_bytes"] = {"ticket": len(ticket), "dense_host": len(dense)}
        log_found(found, record, pictures, folder / "tensorboard", path.name)
        for name, figure in pictures.items():
            save_figure(figure, folder / f"{name}.png")
        write_json(folder / RECORD, record)
    return record


def _search_of(found: FoundTicket) -> dict:
    """What `FoundTicket.search` needs to be read back, where it is not as usual."""
    head = found.search.head
    return {
        "search_epochs": len(found.search.history),
        "trained_by_search": found.search.weights is not None,
        **({} if head in (None, HEADS["none"]) else {"head": head_name(head)}),
        **({} if found.final_scales is None else {"final_scales": found.final_scales.tolist()}),
    }


def _shapes(found: FoundTicket) -> dict:
    """Of kernels, where the sizes of layers do not say which one feeds which."""
    if wiring_of(found.host).is_chain:
        return {}
    return {"kernel_shapes": [list(mask.shape) for mask in found.masks.kernels]}


def _host_of(planted: Planted | None) -> dict:
    """All that is known of a host that no recipe was given for."""
    if planted is None:
        return {"task": None}
    return {
        "task": planted.task.name if planted.task else None,
        "depth": planted.depth,
        "width": planted.width,
        "init": planted.init,
    }


def _planting_of(planted: Planted) -> dict:
    return {
        "planted_seed": planted.seed,
        "hide": planted.hide,
        "hide_biases": planted.hide_biases,
        "epsilon": planted.epsilon,
    }


def _pictures(found: FoundTicket, planted: Planted | None, title: str) -> dict[str, Figure]:
    planted_masks = planted.planted_masks if planted else None
    drawable = wiring_of(found.host).is_chain and all(mask.ndim < 3 for mask in found.masks)
    if not drawable:
        return {"overlap": layer_counts_figure(planted_masks, found.masks, title)}
    ticket = ticket_figure(*_effective_parameters(found), f"found by {title}", planted_masks)
    pictures = {"ticket": ticket}
    if planted_masks is not None:
        overlap = overlap_figure(planted_masks, found.masks, title)
        pictures = {"overlap": overlap, **pictures}
    return pictures


def _dense(found: FoundTicket) -> keras.Model:
    """A network of the host's size, nothing pruned."""
    model = same_architecture(found.model, "dense")
    model.set_weights(found.initial_weights)
    set_masks(model, Mask.ones_like(found.masks))
    return model


def _effective_parameters(found: FoundTicket) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Trained kernels and biases on input–output paths: what the ticket computes with."""
    mask = effective_mask(found.masks)
    kernels, biases = host_arrays(found.model)
    return (
        [kernel * kept for kernel, kept in zip(kernels, mask.kernels, strict=True)],
        [bias * kept for bias, kept in zip(biases, mask.biases, strict=True)],
    )
