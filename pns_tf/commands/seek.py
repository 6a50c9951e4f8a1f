"""The command ``seek``."""

from __future__ import annotations

from pathlib import Path

from pns_tf.checks import InputError, choice, flag


def seek(
    *,
    task: str = "circle",
    pruner: str = "synflow",
    density: float | str = 0.1,
    depth: int = 5,
    width: int = 100,
    seed: int = 0,
    planted: str | None = None,
    rounds: int = 1,
    round_epochs: int = 5,
    epochs: int = 10,
    prune_rounds: int = 1,
    schedule: str = "exponential",
    scope: str | None = None,
    anneal: bool = False,
    as_published: bool = False,
    options: dict | None = None,
    init: str = "normal",
    hide: str = "default",
    hide_biases: bool = False,
    epsilon: float | None = None,
    samples: int | None = None,
    noise: float | None = None,
    learning_rate: float = 1e-3,
    batch_size: int = 32,
    host: str | None = None,
    dataset: str = "cifar10",
    width_multiplier: float = 1.0,
    augmented: bool = False,
    strategy: str | None = None,
    data_dir: str | None = None,
    tflite: bool = False,
    out: str = "saved_models",
    overwrite: bool = False,
):
    """Plants a ticket, lets a pruner look for it, and says how much of it was found.

    Writes <out>/<planted run>-<pruner>-<density>/ with the found ticket before and after training
    as SavedModels (pruned/, trained/), ticket.json, masks.npz, pictures, and a TensorBoard log.
    Options and other settings that are not the defaults are added to the folder's name. Training
    and edge-popup keep their state after each epoch in a VGG network, and go on from there when the
    command is given again; without --planted nothing is planted in it.

    Args:
        task: what the ticket solves, one that the command tasks lists, or module:NAME for your own.
        pruner: one that the command pruners lists, or module:Class for one of your own.
        density: fraction of all parameters that the found ticket keeps, or baseline.
        depth: neuron layers of the host, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
        seed: everything random follows from it; with planted, everything random in the search.
        planted: folder that plant wrote, to seek in that host instead of planting anew.
        rounds: 1 for singleshot, otherwise rounds of multishot (train, prune, rewind).
        round_epochs: training epochs of each multishot round.
        epochs: epochs of the final training.
        prune_rounds: steps in which one pruning reaches its density, scoring anew each time.
        schedule: of these steps, exponential or linear.
        scope: global for one threshold, local for one per weight array, None for the pruner's own.
        anneal: for edge_popup, density falling to its goal epoch by epoch.
        as_published: for edge_popup, repeat the slips of the published code.
        options: other settings of the pruner itself, as a dict, see the command pruners.
        init: how the host is drawn, one of normal, zero_biases, uniform.
        hide: how places and scales are chosen, one of published, default, strong.
        hide_biases: leave the host's bias where the target's is zero; strong always does.
        epsilon: plant approximately, outputs being off by at most this.
        samples: size of the data set, a tenth of it for testing, None for 10,000; with host, so
            many images for training, None for all.
        noise: noise level of the data, None for the task's own.
        learning_rate: of Adam.
        batch_size: samples in each training step.
        host: seek in a fresh network on images, one of vgg11, vgg13, vgg16, vgg19.
        dataset: with host, images with classes, a data set of TensorFlow Datasets.
        width_multiplier: with host, of all its channels.
        augmented: train on randomly mirrored and shifted images.
        strategy: mirrored trains on all GPUs of this machine, None on one device.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        tflite: also write the trained ticket as a TFLite file.
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf import pruners
    from pns_tf.commands.checks import check_image_flags, check_left_out
    from pns_tf.commands.vgg import SEEK_FLAGS, check_vgg, seek_images
    from pns_tf.hosts.vgg_plans import image_run_name
    from pns_tf.recipe.names import found_name, run_name
    from pns_tf.recipe.planting import Planting
    from pns_tf.recipe.search import SeekSettings
    from pns_tf.saving.storage import check_free, read_planted_record
    from pns_tf.tasks import get as get_task

    # What can be wrong is found before TensorFlow is imported and before anything is written.
    given, record, source, recipe = locals(), {}, None, None
    of_a_task = ("task", "depth", "width", "init", "hide", "hide_biases", "epsilon", "noise")
    if planted is not None:
        check_left_out(seek, given, *of_a_task, "host", "dataset", "width_multiplier")
        source = Path(str(planted))
        record = read_planted_record(source)
        run, planted_seed, baseline = source.resolve().name, record["seed"], record["density"]
        if "host" not in record:
            check_left_out(seek, given, "samples")
            task, samples, noise = record["task"], record["samples"], record["noise"]
    elif host is not None:
        check_left_out(seek, given, *of_a_task, by="--host")
        check_vgg(host, width_multiplier, data_dir, strategy, augmented)
        run, planted_seed = image_run_name(host, dataset, width_multiplier, seed), seed
        if density == "baseline":
            raise InputError("density must be a number with --host: nothing is planted there")
        baseline = None
    else:
        samples = 10_000 if samples is None else samples
        recipe = Planting(
            task, depth, width, seed, init, hide, hide_biases, epsilon, samples=samples, noise=noise
        )
        run, planted_seed, baseline = recipe.name, seed, recipe.baseline
    on_images = host is not None or "host" in record
    if not on_images:
        check_image_flags(seek, given, *SEEK_FLAGS, needed_by="a network on images")
        noise = get_task(task).noise if noise is None else noise
    if ":" not in str(pruner):
        choice("pruner", pruner, pruners.names())
    settings = SeekSettings(
        pruner=pruner,
        density=baseline if density == "baseline" else density,
        rounds=rounds,
        round_epochs=round_epochs,
        epochs=epochs,
        prune_rounds=prune_rounds,
        schedule=schedule,
        scope=scope,
        samples=10_000 if samples is None else samples,
        noise=noise,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
        options=_options(options, anneal=anneal, as_published=as_published),
    )
    if recipe is None:
        name = found_name(run, settings, planted_seed)
    else:
        name = found_name(run_name(task, depth, width, seed), settings, seed) + recipe.unusual
    path = Path(str(out)) / (name + ("-augmented" if augmented else ""))
    check_free(path, flag("overwrite", overwrite))
    flag("tflite", tflite)
    if on_images:
        check_vgg(host or record["host"]["plan"], width_multiplier, data_dir, strategy, augmented)

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from tqdm import tqdm

    from pns_tf.planting.planted import plant
    from pns_tf.pruners.searcher import Searcher
    from pns_tf.saving.exporting import load_planted
    from pns_tf.saving.found_run import write_found
    from pns_tf.seeking import make_pruner, seek_with

    seeker = make_pruner(settings)
    searches = isinstance(seeker, Searcher)
    total = seeker.total_epochs(settings) if searches else settings.total_epochs
    with tqdm(total=total, unit="epoch", leave=False, disable=None) as bar:

        def watch(epoch, loss):
            bar.update()

        if on_images:
            record = seek_images(given, settings, seeker, path, watch)
        else:
            found_in = plant(**recipe.arguments) if source is None else load_planted(source)
            found = seek_with(found_in, settings, pruner=seeker, watch=watch)
            record = write_found(
                found, found_in, settings, path, planted_in=run, tflite=tflite, overwrite=overwrite
            )
    print(report(record, path))


def _options(options: dict | None, **switches: bool) -> dict:
    """The pruner's options, with those of the switches that are on."""
    if not isinstance(options or {}, dict):
        raise InputError(f"options must be a dict such as '{{temperature: 100}}', got {options!r}")
    for name in options or {}:
        if not isinstance(name, str):
            raise InputError(f"options must have names such as temperature, got {name!r}")
    return {**(options or {}), **{name: True for name, on in switches.items() if flag(name, on)}}


def report(record: dict, path: Path) -> str:
    """The tables that ``seek`` prints, from the run's record."""
    from tabulate import tabulate

    values = record["metrics"]
    metric = "test accuracy" if record["metric"] == "accuracy" else "test MSE (rescaled)"
    quality = [
        *([["planted ticket", values["planted"]]] if "planted" in values else []),
        ["host, before pruning", values["before"]],
        ["found ticket, not trained (strong)", values["strong"]],
        ["found ticket, trained (weak)", values["final"]],
    ]
    names = [name for name in ("precision", "recall", "f1", "jaccard") if name in values]
    sizes = record["layer_sizes"]
    layers = [
        [
            f"{sizes[layer]} × {sizes[layer + 1]}",
            f"{values[f'density_layer{layer}']:.4g}",
            *(f"{values[f'{name}_layer{layer}']:.3f}" for name in names),
        ]
        for layer in range(len(sizes) - 1)
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
