"""What the commands ``plant`` and ``seek`` do when the host is a VGG network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from pns_tf.checks import InputError, choice, flag, integer, number
from pns_tf.commands.checks import check_data_dir
from pns_tf.hosts.vgg_plans import PLANS

SEEK_FLAGS = ("dataset", "width_multiplier", "augmented", "strategy", "data_dir")
STRATEGIES = ("mirrored",)


def check_vgg(
    host: str,
    width_multiplier: float,
    data_dir: str | None,
    strategy: str | None,
    augmented: bool,
) -> None:
    """Checks the flags of a search in a VGG network; needs no TensorFlow."""
    choice("host", host, PLANS)
    number("width_multiplier", width_multiplier, low=0.0, low_excluded=True)
    check_data_dir(data_dir)
    flag("augmented", augmented)
    if strategy is not None:
        choice("strategy", strategy, STRATEGIES)


def plant_images(
    host: str | None,
    ticket: str | None,
    seed: int,
    hide_biases: bool,
    data_dir: str | None,
    out: Path,
    overwrite: bool,
) -> None:
    """Hides a trained ticket in a fresh VGG host; arguments are the flags of ``plant``."""
    from pns_tf.commands.plant import report
    from pns_tf.hosts.vgg_plans import ImageHost, image_run_name
    from pns_tf.saving.storage import check_free, read_found_record

    if host is None or ticket is None:
        raise InputError("a trained ticket is planted with --host and --ticket together")
    choice("host", host, PLANS)
    folder = Path(str(ticket))
    shape = ImageHost(**read_found_record(folder)["host"])
    if shape.plan != host:
        raise InputError(f"the ticket in {folder} is one for {shape.plan}: got host {host!r}")
    check_data_dir(data_dir)
    seed = integer("seed", seed, minimum=0)
    name = image_run_name(shape.plan, shape.dataset, shape.width_multiplier, seed)
    path = out / f"{name}-planted"
    check_free(path, overwrite)

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.hosts.vgg import FRESH, vgg_host
    from pns_tf.images import load_images
    from pns_tf.planting.planted import plant
    from pns_tf.saving.image_runs import load_trained, write_planted

    target = load_trained(folder)
    fresh = vgg_host(**shape.network, seed=seed, stream=FRESH)
    planted = plant(target, host=fresh, seed=seed, hide_biases=hide_biases)
    data = load_images(shape.dataset, data_dir, samples=10_000)
    record = write_planted(planted, shape, data, path, overwrite=overwrite)
    print(report(record, path))


def seek_images(
    given: Mapping[str, object], settings, pruner, path: Path, watch: Callable[[int, float], None]
) -> dict:
    """Seeks in a VGG host, planted or fresh, and writes what is found.

    Args:
        given: the flags of ``seek``.
        settings: a `SeekSettings` made of them.
        pruner: made of the settings.
        path: the new folder.
        watch: told each finished epoch.

    Returns:
        The record of the run.
    """
    import contextlib

    import tensorflow as tf

    from pns_tf.hosts.vgg import vgg_host
    from pns_tf.hosts.vgg_plans import ImageHost
    from pns_tf.images import image_set, load_images
    from pns_tf.planting.planted import Planted
    from pns_tf.recipe.run import code_digest, result_versions
    from pns_tf.saving.exporting import load_planted
    from pns_tf.saving.found_run import write_found
    from pns_tf.saving.storage import read_planted_record
    from pns_tf.seeking import seek_with
    from pns_tf.training.checkpoints import kept_in

    planted, data_dir = given["planted"], given["data_dir"]
    if planted is None:
        shape, classes = image_set(given["dataset"], data_dir)
        host = ImageHost(given["host"], given["dataset"], shape, classes, given["width_multiplier"])
    else:
        host = ImageHost(**read_planted_record(Path(str(planted)))["host"])
    data = load_images(host.dataset, data_dir, given["samples"])
    images = len(data.x_train) + len(data.x_validation)
    settings = dataclasses.replace(settings, samples=images)
    about = {
        "task": host.dataset,
        "host": dataclasses.asdict(host),
        "augmented": given["augmented"],
    }
    one_device = contextlib.nullcontext()
    scope = tf.distribute.MirroredStrategy().scope() if given["strategy"] else one_device
    kept = path.with_name(f".{path.name}.training")
    decisive = {"planted": planted, **about, **dataclasses.asdict(settings)}
    decisive["code"] = [*result_versions(settings.pruner), code_digest(settings.pruner)]
    with kept_in(kept, decisive), scope:
        network = (
            vgg_host(**host.network, seed=settings.seed)
            if planted is None
            else load_planted(str(planted))
        )
        found = seek_with(
            network,
            settings,
            pruner=pruner,
            data=data,
            watch=watch,
            augmented=given["augmented"],
        )
        return write_found(
            found,
            network if isinstance(network, Planted) else None,
            settings,
            path,
            planted_in=None if planted is None else Path(str(planted)).resolve().name,
            host=about,
            tflite=given["tflite"],
            overwrite=given["overwrite"],
        )
