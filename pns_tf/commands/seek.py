"""The command ``seek``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from pns_tf.checks import InputError, choice, flag, options_of
from pns_tf.commands.flags import Given, takes
from pns_tf.commands.places import HIDDEN, Place, place_given
from pns_tf.recipe.hosts import families
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.pruners import check_name
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings

STRATEGIES = ("mirrored",)


@takes(
    *families(),
    SeekSettings,
    Planting,
    Run,
    without=(*HIDDEN, "search", "ticket", "ranked"),
    defaults={"samples": None},
    types={"density": "float | str", "samples": "int | None"},
    each=("task", "depth", "width", "init", "pruner", "density", "seed"),
)
def seek(
    given: Given,
    *,
    planted: str | None = None,
    host: str | None = None,
    anneal: bool = False,
    as_published: bool = False,
    strategy: str | None = None,
    data_dir: str | None = None,
    tflite: bool = False,
    out: str = "saved_models",
    overwrite: bool = False,
) -> Callable[[], None]:
    """Plants a ticket, lets a pruner look for it, and says how much of it was found.

    Writes <out>/<planted run>-<pruner>-<density>/ with the found ticket before and after training
    as SavedModels (pruned/, trained/), ticket.json, masks.npz, pictures, and a TensorBoard log.
    Options and other settings that are not the defaults are added to the folder's name. The state
    of training is kept after each epoch, and the command goes on from there when it is given again.
    With --host nothing is planted.

    Args:
        density: fraction of all parameters that the found ticket keeps, or baseline.
        seed: everything random follows from it; with planted, everything random in the search.
        samples: size of the data set, a tenth of it for testing, None for 10,000; of images, so
            many for training, None for all.
        planted: folder that plant wrote, to seek in that host instead of planting anew.
        host: seek in a fresh network on images, one of vgg11, vgg13, vgg16, vgg19, resnet8,
            resnet20, resnet56, or module:Class for a family of your own.
        anneal: for edge_popup, density falling to its goal epoch by epoch.
        as_published: for edge_popup, repeat the slips of the published code.
        strategy: mirrored trains on all GPUs of this machine, None on one device.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        tflite: also write the trained ticket as a TFLite file.
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf.commands.checks import check_data_dir
    from pns_tf.saving.storage import RECORD, check_free, output_folder

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    folder = output_folder(out)
    data_dir = check_data_dir(data_dir)
    place = place_given(given)
    if given["density"] == "baseline" and place.baseline is None:
        raise InputError("density must be a number with --host: nothing is planted there")
    check_name(given["pruner"])
    settings = given.make(
        SeekSettings,
        density=place.baseline if given["density"] == "baseline" else given["density"],
        samples=10_000 if place.samples is None else place.samples,
        noise=place.noise,
        options=_options(given["options"], anneal=anneal, as_published=as_published),
    )
    run = given.make(Run, host=place.host, search=settings)
    if run.control and (place.folder is not None or run.planting is None):
        raise InputError("--control needs a ticket that seek itself plants in a host")
    if settings.rounds == 1:
        given.need("--rounds of two or more", "round_epochs")
    path = folder / _name(run, place)
    check_free(path, flag("overwrite", overwrite), holds=RECORD)
    flag("tflite", tflite)
    if strategy is not None:
        choice("strategy", strategy, STRATEGIES)

    return functools.partial(_seek, run, place, path, given, data_dir)


def _name(run: Run, place: Place) -> str:
    """Of the folder: what was planted says of which data, or else the last words do."""
    from pns_tf.recipe.names import augmented_word, found_name, unusual_words

    if place.folder is None:
        name = run.folder
    else:
        name = found_name(place.folder.resolve().name, run.search, place.seed)
        name += augmented_word(run.augmented)
    said = {}
    if place.host.on_images or run.planting is None:
        usual = {"samples": place.host.usual_samples, "noise": place.host.own_noise}
        given = {"samples": place.samples, "noise": place.noise}
        said = {key: value for key, value in given.items() if value not in (None, usual[key])}
    return name + unusual_words(said)


def _seek(run: Run, place: Place, path: Path, given: Given, data_dir: str | None) -> None:
    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    record = _sought(run, place, path, given, data_dir)
    print(report(record, path))


def _sought(run: Run, place: Place, path: Path, given: Given, data_dir: str | None) -> dict:
    """Seeks, writes what is found, and gives its record."""
    import contextlib
    import dataclasses

    import tensorflow as tf
    from tqdm import tqdm

    from pns_tf.own_modules import told
    from pns_tf.planting.planted import Planted
    from pns_tf.pruners import make_pruner
    from pns_tf.runs.execute import control_of, network_of
    from pns_tf.saving.exporting import load_planted
    from pns_tf.saving.found_run import write_found
    from pns_tf.seeking import seek_with
    from pns_tf.training.checkpoints import kept_in

    host = place.host.resolved(data_dir)
    settings = dataclasses.replace(run.search, samples=host.samples(place.samples, data_dir))
    run = dataclasses.replace(run, host=host, search=settings)
    with told("pruner", settings.pruner):
        pruner = make_pruner(settings)
    network = network_of(run) if place.folder is None else load_planted(place.folder)
    data = host.data(settings.samples, settings.noise, place.seed, data_dir)
    decisive = {"planted": place.folder and str(place.folder.resolve()), "run": run.name}
    one_device = contextlib.nullcontext()
    devices = tf.distribute.MirroredStrategy().scope() if given["strategy"] else one_device
    with (
        told("pruner", settings.pruner),
        kept_in(path.with_name(f".{path.name}.training"), decisive),
        devices,
        tqdm(total=pruner.total_epochs(settings), unit="epoch", leave=False, disable=None) as bar,
    ):
        found = seek_with(
            network,
            settings,
            pruner=pruner,
            data=data,
            watch=lambda epoch, loss: bar.update(),
            augmented=run.augmented,
        )
        if run.control:
            found.metrics.update(control_of(found, run, data_dir))
        planted_in = place.folder.resolve().name if place.folder else None
        if planted_in is None and run.planting is not None:
            planted_in = run.planting.name
        return write_found(
            found,
            network if isinstance(network, Planted) else None,
            settings,
            path,
            planted_in=planted_in,
            host=host,
            augmented=run.augmented,
            tflite=given["tflite"],
            overwrite=given["overwrite"],
        )


def _options(options: object, **switches: bool) -> dict:
    """The pruner's options, with those of the switches that are on."""
    known = options_of(options)
    chosen = {name: True for name, on in switches.items() if flag(name, on)}
    for name in chosen:
        if known.get(name, True) is not True:
            raise InputError(
                f"--{name} and {name} in --options contradict each other, got {options!r}"
            )
    return {**known, **chosen}


def report(record: dict, path: Path) -> str:
    """The tables that ``seek`` prints, from the run's record."""
    from tabulate import tabulate

    values = record["metrics"]
    metric = f"test {record['metric']} (rescaled)"
    # Logits that were trained are compared as they are; regression always fits scales.
    as_is = ", not rescaled" if record["metric"] == "accuracy" else ""
    quality = [
        *([["planted ticket", values["planted"]]] if "planted" in values else []),
        *([["best constant", values["best_constant"]]] if "best_constant" in values else []),
        ["host, before pruning", values["before"]],
        ["found ticket, not trained (strong)", values["strong"]],
        [f"found ticket, trained (weak){as_is}", values["final"]],
    ]
    if "control_strong" in values:
        quality += [
            ["control: found before planting, strong", values["control_strong"]],
            [f"control: found before planting, weak{as_is}", values["control_final"]],
        ]
    names = [name for name in ("precision", "recall", "f1", "jaccard") if name in values]
    shapes = record.get("kernel_shapes") or list(pairwise(record["layer_sizes"]))
    layers = [
        [
            " × ".join(map(str, shape)),
            f"{values[f'density_layer{layer}']:.4g}",
            *(f"{values[f'{name}_layer{layer}']:.3f}" for name in names),
        ]
        for layer, shape in enumerate(shapes)
    ]
    layers.append(
        ["all", f"{values['density_kept']:.4g}", *(f"{values[name]:.3f}" for name in names)]
    )
    collapse = [name for name in ("layer_collapse", "flow_collapse") if values[name]]
    lines = [
        tabulate(quality, ["", metric], floatfmt=".4g"),
        "",
        tabulate(
            layers,
            ["layer", "density", *names],
            disable_numparse=True,
            colalign=("right",) * (2 + len(names)),
        ),
        "",
        f"density     asked {values['density_asked']:.6g}, kept {values['density_kept']:.6g},"
        f" on input–output paths {values['effective_density']:.6g}",
        f"collapse    {', '.join(collapse).replace('_', ' ') or 'none'}",
    ]
    if values.get("lost"):
        lines.append(
            "lost        the search itself says that it went astray; another --seed may not"
        )
    if "tflite_bytes" in record:
        content = record["tflite_bytes"]
        lines.append(
            f"TFLite      {content['ticket']:,} bytes, the dense host {content['dense_host']:,}"
        )
    lines += [
        f"written to  {path}",
        "            pruned/ trained/ (SavedModels), ticket.json, masks.npz, pictures",
        f"look at it  tensorboard --logdir {path / 'tensorboard'}",
    ]
    return "\n".join(lines)
