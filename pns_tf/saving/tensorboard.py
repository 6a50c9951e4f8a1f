"""What TensorBoard shows of a planted host and of a found ticket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pns_tf.found_ticket import FoundTicket
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.planting.planted import Planted
from pns_tf.saving.sessions import session

IMAGE_SIDE = 600  # pixels of the longer side of a mask, about
HISTOGRAM_VALUES = 1_000_000  # more would cost gigabytes and show the same
RESULTS = (  # of a record, and no settings
    *("metrics", "seconds", "versions", "tflite_bytes", "deployment"),
    *("density_per_layer", "density_with_biases", "parameters_written", "stream"),
)
CHARTS = ("metrics", "history", "validation")  # of a record, instead of text
SHORTEST_SIDE = 40  # so that the mask of a layer with one input is more than a line


def log_planted(
    planted: Planted, record: dict, drawings: dict[str, Figure], folder: Path, name: str
) -> None:
    """Writes settings, metrics, weight histograms, planted masks, drawings and the graph.

    Args:
        planted: the planted host.
        record: the run's settings and results, shown as text.
        drawings: figures by name.
        folder: the log directory.
        name: of the run, in TensorBoard's HParams.
    """
    with tf.summary.create_file_writer(str(folder)).as_default(step=0):
        _log_record(record, drawings)
        _log_session(record, name)
        for metric, value in record.get("metrics", {}).items():
            tf.summary.scalar(f"metrics/{metric}", value)
        for index, (layer, mask) in enumerate(
            zip(masked_layers(planted.host), planted.planted_masks.kernels, strict=True)
        ):
            kernel = layer.kernel.numpy()
            tf.summary.histogram(f"layer{index}/host_weights", _thinned(kernel[~mask]))
            tf.summary.histogram(f"layer{index}/planted_weights", kernel[mask])
            rows = mask.reshape(-1, mask.shape[-1])
            tf.summary.image(f"planted_mask/layer{index}", mask_image(rows)[None])
        inputs = tf.TensorSpec(planted.host.input_shape, tf.float32, name="x")
        tf.summary.graph(tf.function(planted.host).get_concrete_function(inputs).graph)


def log_found(
    found: FoundTicket, record: dict, drawings: dict[str, Figure], folder: Path, name: str
) -> None:
    """Writes settings, losses, metrics, histograms of kept weights, and drawings.

    Losses are logged by epoch, metrics of layers by layer, kept weights before training (step 0)
    and after it (step 1).

    Args:
        found: the found ticket.
        record: the run's settings, shown as text; its results are charts.
        drawings: figures by name.
        folder: the log directory.
        name: of the run, in TensorBoard's HParams.
    """
    settings = {key: record[key] for key in record if key not in CHARTS}
    with tf.summary.create_file_writer(str(folder)).as_default(step=0):
        _log_record(settings, drawings)
        _log_session(settings, name)
        if found.search.weights is None:  # training comes after the search
            _log_search(found)
        for name, values in found.curves.items():
            _log_by_epoch(name, values)
        for name, value in found.metrics.items():
            whole, _, layer = name.partition("_layer")
            if layer.isdigit():
                tf.summary.scalar(f"metrics_by_layer/{whole}", value, step=int(layer))
            else:
                tf.summary.scalar(f"metrics/{name}", value)
        for step, model in enumerate((found.pruned, found.model)):
            for number, (kernel, mask) in enumerate(
                zip(host_arrays(model)[0], found.masks.kernels, strict=True)
            ):
                kept = _thinned(kernel[mask])
                tf.summary.histogram(f"kept_weights/layer{number}", kept, step=step)


def _log_search(found: FoundTicket) -> None:
    """The density and the scores of each epoch of a pruner with a search of its own."""
    _log_by_epoch("search/density", found.search.densities)
    for epoch, snapshot in enumerate(found.search.snapshots, start=1):
        for name, scores in zip(found.masks.names, snapshot, strict=True):
            tf.summary.histogram(f"scores/{name}", _thinned(scores.ravel()), step=epoch)


def _log_by_epoch(name: str, values: list[float]) -> None:
    for epoch, value in enumerate(values, start=1):
        tf.summary.scalar(name, value, step=epoch)


def _log_record(record: dict, drawings: dict[str, Figure]) -> None:
    tf.summary.text("settings", _as_markdown(record))
    for name, figure in drawings.items():
        tf.summary.image(name, figure_image(figure)[None])


def _log_session(record: dict, name: str) -> None:
    """The run as a session of the HParams tab, beside all others below the log directory."""
    settings = {key: v for key, v in record.items() if key not in RESULTS}
    for summary in session(dict(_flat(settings)), name):
        tf.summary.experimental.write_raw_pb(summary.SerializeToString(), step=0)


def mask_image(mask: np.ndarray) -> np.ndarray:
    """A mask ``(rows, columns)`` as a uint8 picture: planted entries white, none of them lost.

    Large masks are reduced by taking the largest entry of each block; small ones are enlarged.
    """
    rows, columns = mask.shape
    block = -(-max(rows, columns) // IMAGE_SIDE)
    padded = np.pad(mask, ((0, -rows % block), (0, -columns % block)))
    small = padded.reshape(padded.shape[0] // block, block, -1, block).any(axis=(1, 3))
    zoom = max(1, IMAGE_SIDE // max(small.shape))
    stretch = [max(zoom, -(-SHORTEST_SIDE // side)) for side in small.shape]
    return np.kron(small, np.ones(stretch, bool)).astype(np.uint8)[..., None] * 255


def figure_image(figure: Figure) -> np.ndarray:
    """A figure as a uint8 picture ``(height, width, 4)``."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def _thinned(values: np.ndarray) -> np.ndarray:
    """Every k-th value, so that few enough are left for a histogram."""
    return values[:: 1 + len(values) // HISTOGRAM_VALUES]


def _as_markdown(record: dict) -> str:
    rows = [f"| {key} | {json.dumps(value, ensure_ascii=False)} |" for key, value in _flat(record)]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])


def _flat(record: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every value of nested dicts by its path: one long row would squeeze the others."""
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key} ")
        else:
            yield prefix + key, value
