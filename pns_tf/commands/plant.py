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
    hide_biases: bool = False,
    samples: int = 10_000,
    noise: float | None = None,
    out: str = "saved_models",
    overwrite: bool = False,
):
    """Hides a sparse network that solves a task in a random one, and exports both.

    Writes <out>/<task>-d<depth>-w<width>-s<seed>/ with host/ and ticket/ as SavedModels,
    ticket.json, masks.npz, pictures, and a TensorBoard log.

    Args:
        task: what the ticket solves, one that the command tasks lists.
        depth: neuron layers of the host, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
        seed: everything random follows from it.
        init: how the host is drawn, one of normal, zero_biases, uniform.
        hide_biases: leave the host's bias where the target's is zero.
        samples: size of the data set that judges the networks, a tenth of it for testing.
        noise: noise level of the data, None for the task's own.
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf.commands.checks import check_planting
    from pns_tf.storage import check_free, run_name
    from tasks.checks import flag

    # All that can be wrong is found before TensorFlow is imported and before anything is written.
    check_planting(task, depth, width, seed, init, hide_biases, samples, noise)
    path = Path(str(out)) / run_name(task, depth, width, seed)
    check_free(path, flag("overwrite", overwrite))

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf import planted
    from pns_tf.planted_run import write_run

    result = planted.plant(task, depth, width, seed, init=init, hide_biases=hide_biases)
    record = write_run(result, path, samples=samples, noise=noise, overwrite=overwrite)
    print(report(record, path))


def report(record: dict, path: Path) -> str:
    """The table that ``plant`` prints, from the run's record."""
    from tabulate import tabulate

    sizes, planted_sizes = record["layer_sizes"], record["target_sizes"]
    layers = [
        [f"{a} × {b}", f"{c} × {d}", weights, biases, f"{weights / (a * b):.3g}"]
        for a, b, c, d, weights, biases in zip(
            sizes,
            sizes[1:],
            planted_sizes,
            planted_sizes[1:],
            record["planted_weights"],
            record["planted_biases"],
            strict=False,
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
            f"written to         {path}",
            "                   host/ ticket/ (SavedModels), ticket.json, masks.npz, data.png,"
            " ticket.png",
            f"look at it         tensorboard --logdir {path / 'tensorboard'}",
        ]
    )
