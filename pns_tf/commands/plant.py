"""The command ``plant``."""

from __future__ import annotations

from pathlib import Path


def plant(
    *,
    task: str = "helix",
    depth: int = 5,
    width: int = 100,
    seed: int = 0,
    init: str = "normal",
    hide: str = "default",
    hide_biases: bool = False,
    epsilon: float | None = None,
    samples: int = 10_000,
    noise: float | None = None,
    host: str | None = None,
    ticket: str | None = None,
    data_dir: str | None = None,
    out: str = "saved_models",
    overwrite: bool = False,
):
    """Hides a sparse network that solves a task in a random one, and exports both.

    Writes <out>/<task>-d<depth>-w<width>-s<seed>/ with host/ and ticket/ as SavedModels,
    ticket.json, masks.npz, pictures, and a TensorBoard log; settings that are not the defaults are
    added to the folder's name. With --host and --ticket a trained ticket that seek --host has found
    is hidden in a fresh network of the same plan instead, and exported compacted as SavedModel and
    TFLite.

    Args:
        task: what the ticket solves, one that the command tasks lists, or module:NAME for your own.
        depth: neuron layers of the host, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
        seed: everything random follows from it.
        init: how the host is drawn, one of normal, zero_biases, uniform.
        hide: how places and scales are chosen, one of published, default, strong.
        hide_biases: leave the host's bias where the target's is zero; strong always does.
        epsilon: plant approximately, outputs being off by at most this; what the host has already
            within the errors that this allows stays as drawn.
        samples: size of the data set that judges the networks, a tenth of it for testing.
        noise: noise level of the data, None for the task's own.
        host: hide a trained ticket in this network, one of vgg11, vgg13, vgg16, vgg19.
        ticket: folder that seek --host wrote, with the trained ticket.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf.checks import flag
    from pns_tf.commands.checks import check_image_flags, check_left_out
    from pns_tf.commands.vgg import plant_images
    from pns_tf.recipe.planting import Planting
    from pns_tf.saving.storage import check_free

    if host is not None or ticket is not None:
        check_left_out(
            plant,
            locals(),
            *("task", "depth", "width", "init", "hide", "epsilon", "samples", "noise"),
            by="--ticket",
        )
        flag("hide_biases", hide_biases)
        flag("overwrite", overwrite)
        plant_images(host, ticket, seed, hide_biases, data_dir, Path(str(out)), overwrite)
        return
    check_image_flags(plant, locals(), "data_dir", needed_by="--host and --ticket")
    # All that can be wrong is found before TensorFlow is imported and before anything is written.
    recipe = Planting(
        task, depth, width, seed, init, hide, hide_biases, epsilon, samples=samples, noise=noise
    )
    path = Path(str(out)) / recipe.name
    check_free(path, flag("overwrite", overwrite))

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.planting import planted
    from pns_tf.saving.planted_run import write_run

    result = planted.plant(**recipe.arguments)
    record = write_run(result, path, samples=samples, noise=noise, overwrite=overwrite)
    print(f"parameters written {result.written} of the ticket's {result.planted_masks.kept}\n")
    print(report(record, path))


def report(record: dict, path: Path) -> str:
    """The table that ``plant`` prints, from the run's record."""
    from tabulate import tabulate

    sizes, planted_sizes = record["layer_sizes"], record["target_sizes"]
    densities = record["density_per_layer"]
    layers = [
        [f"{a} × {b}", f"{c} × {d}", weights, biases, f"{densities[f'kernel{layer}']:.3g}"]
        for layer, (a, b, c, d, weights, biases) in enumerate(
            zip(
                sizes,
                sizes[1:],
                planted_sizes,
                planted_sizes[1:],
                record["planted_weights"],
                record["planted_biases"],
                strict=False,
            )
        )
    ]
    heads = ["host layer", "target layer", "planted weights", "planted biases", "density"]
    metric = "test accuracy" if record["metric"] == "accuracy" else "test MSE (rescaled)"
    values = ", ".join(f"{name} {value:.4g}" for name, value in record["metrics"].items())
    return "\n".join(
        [
            tabulate(layers, heads, disable_numparse=True, stralign="right"),
            "",
            f"baseline density   {record['density']:.6g} (planted weights / host weights)",
            f"{metric:<18} {values}",
            *_deployment_lines(record.get("deployment", {})),
            f"written to         {path}",
            "                   host/ ticket/ (SavedModels), ticket.json, masks.npz, data.png,"
            " ticket.png",
            f"look at it         tensorboard --logdir {path / 'tensorboard'}",
        ]
    )


def _deployment_lines(measured: dict) -> list[str]:
    return [
        f"TFLite, {name:<10} {of['bytes']:,} bytes, {of['milliseconds']:.2f} ms an image"
        for name, of in measured.items()
    ]
