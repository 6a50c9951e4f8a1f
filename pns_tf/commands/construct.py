"""The command ``construct``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from pns_tf.commands.flags import Given, takes
from pns_tf.recipe.constructing import Constructing


@takes(Constructing, each=("task", "depth", "host_depth", "width", "init", "seed"))
def construct(
    given: Given, *, out: str = "saved_models", overwrite: bool = False
) -> Callable[[], None]:
    """Builds a strong ticket by masks alone, in a random host that nobody has written into.

    The host has a layer more than the target, whose parameters sums of few host parameters
    represent. Writes <out>/<task>-d<host depth>-w<width>-s<seed>-constructed/ as plant does: host/
    and ticket/ as SavedModels, ticket.json with the certificate, masks.npz, pictures, a TensorBoard
    log; seek --planted and instance --planted read it.

    Args:
        out: parent folder of the run.
        overwrite: replace a run that exists.
    """
    from pns_tf.checks import flag
    from pns_tf.saving.storage import RECORD, check_free, output_folder

    # All that can be wrong is found before TensorFlow is imported and before anything is written.
    folder = output_folder(out)
    recipe = given.make(Constructing)
    path = folder / recipe.name
    check_free(path, flag("overwrite", overwrite), holds=RECORD)
    return functools.partial(_constructed, recipe, path, overwrite)


def _constructed(recipe: Constructing, path: Path, overwrite: bool) -> None:
    """Constructs, writes what is constructed, and says what was written."""
    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from tqdm import tqdm

    from pns_tf.constructing.instances import constructed_of
    from pns_tf.saving.planted_run import write_planted

    with tqdm(desc="shrinking", unit="try", leave=False, disable=None) as bar:
        made = constructed_of(recipe, lambda kept: bar.update())
    data = recipe.host.data(recipe.samples, recipe.noise, recipe.seed)
    record = write_planted(made, recipe, data, path, overwrite=overwrite)
    print(report(record, path))


def report(record: dict, path: Path) -> str:
    """The table that ``construct`` prints, from the run's record."""
    from tabulate import tabulate

    sizes = record["layer_sizes"]
    columns = zip(sizes, sizes[1:], record["neurons"], strict=False)
    counts = zip(record["planted_weights"], record["planted_biases"], strict=True)
    rows = [
        [f"{a} × {b}", len(neurons), weights, biases]
        for (a, b, neurons), (weights, biases) in zip(columns, counts, strict=True)
    ]
    made, proof = record["construction"], record["construction"]["certificate"]
    times = [f"{made[name] / made['target_weights']:.2f}" for name in ("kept_before", "kept")]
    outputs = "outputs, less their mean," if made["centred"] else "outputs"
    values = ", ".join(f"{name} {value:.4g}" for name, value in record["metrics"].items())
    return "\n".join(
        [
            tabulate(
                rows,
                ["host layer", "neurons used", "weights kept", "biases kept"],
                disable_numparse=True,
                stralign="right",
                numalign="right",
            ),
            "",
            f"kept               {made['kept']:,} parameters, {times[1]} times the target's "
            f"{made['target_weights']} weights; {made['kept_before']:,} ({times[0]}) as "
            "constructed",
            "written            0: the host is as it was drawn",
            f"off from target    proven at most {proof['proven']:.3g}, measured "
            f"{proof['measured']:.3g} (root mean square {proof['mean_square'] ** 0.5:.2g}); "
            f"{outputs} are up to {proof['largest_output']:.3g}",
            f"test {record['metric']} (rescaled) {values}",
            f"written to         {path}",
            "                   host/ ticket/ (SavedModels), ticket.json, masks.npz, data.png,"
            " ticket.png",
            f"look at it         tensorboard --logdir {path / 'tensorboard'}",
        ]
    )
