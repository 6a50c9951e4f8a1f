"""The command ``plant``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

from pns_tf.commands.flags import Given, takes
from pns_tf.commands.places import HIDDEN, host_given, host_of_ticket
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.planting import Planting


@takes(
    FullyConnected,
    Planting,
    without=HIDDEN,
    defaults={"task": "helix"},
    each=("task", "depth", "width", "init", "seed", "hide"),
)
def plant(
    given: Given,
    *,
    host: str | None = None,
    data_dir: str | None = None,
    out: str = "saved_models",
    overwrite: bool = False,
) -> Callable[[], None]:
    """Hides a sparse network that solves a task in a random one, and exports both.

    Writes <out>/<task>-d<depth>-w<width>-s<seed>/ with host/ and ticket/ as SavedModels,
    ticket.json, masks.npz, pictures, and a TensorBoard log; settings that are not the defaults are
    added to the folder's name. With --ticket a trained ticket that seek --host has found is hidden
    in a fresh network of the same kind instead, and exported compacted as SavedModel and TFLite.

    Args:
        host: with --ticket, the network that the ticket must be of, such as vgg16.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf.checks import flag
    from pns_tf.commands.checks import check_data_dir
    from pns_tf.saving.storage import RECORD, check_free, output_folder

    # All that can be wrong is found before TensorFlow is imported and before anything is written.
    folder = output_folder(out)
    data_dir = check_data_dir(data_dir)
    ticket = given["ticket"]
    network = host_given(given, host) if ticket is None else host_of_ticket(given, ticket, host)
    recipe = given.make(Planting, host=network)
    path = folder / recipe.name
    check_free(path, flag("overwrite", overwrite), holds=RECORD)
    return functools.partial(_planted, recipe, path, data_dir, overwrite)


def _planted(recipe: Planting, path: Path, data_dir: str | None, overwrite: bool) -> None:
    """Plants, writes what is planted, and says what was written."""
    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.runs.execute import planted_of
    from pns_tf.saving.planted_run import write_planted

    planted = planted_of(recipe)
    data = recipe.host.data(recipe.samples, recipe.noise, recipe.seed, data_dir)
    record = write_planted(planted, recipe, data, path, overwrite=overwrite)
    kept = planted.planted_masks.kept
    print(f"parameters written {planted.written}, those of the ticket are {kept}\n")
    print(report(record, path))


def report(record: dict, path: Path) -> str:
    """The table that ``plant`` prints, from the run's record."""
    from tabulate import tabulate

    shapes = [
        record.get(shapes) or list(pairwise(record[sizes]))
        for shapes, sizes in (
            ("kernel_shapes", "layer_sizes"),
            ("target_kernel_shapes", "target_sizes"),
        )
    ]
    densities = record["density_per_layer"]
    layers = [
        [_times(host), _times(target), weights, biases, f"{densities[f'kernel{layer}']:.3g}"]
        for layer, (host, target, weights, biases) in enumerate(
            zip(*shapes, record["planted_weights"], record["planted_biases"], strict=True)
        )
    ]
    heads = ["host layer", "target layer", "planted weights", "planted biases", "density"]
    values = ", ".join(f"{name} {value:.4g}" for name, value in record["metrics"].items())
    return "\n".join(
        [
            tabulate(layers, heads, disable_numparse=True, stralign="right"),
            "",
            f"baseline density   {record['density']:.6g} (planted weights / host weights)",
            f"test {record['metric']} (rescaled) {values}",
            *_deployment_lines(record.get("deployment", {})),
            f"written to         {path}",
            "                   host/ ticket/ (SavedModels), ticket.json, masks.npz, data.png,"
            " ticket.png",
            f"look at it         tensorboard --logdir {path / 'tensorboard'}",
        ]
    )


def _times(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape))


def _deployment_lines(measured: dict) -> list[str]:
    return [
        f"TFLite, {name:<10} {of['bytes']:,} bytes, {of['milliseconds']:.2f} ms an image"
        for name, of in measured.items()
    ]
