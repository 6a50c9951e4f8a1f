"""What ``reproduce --figure=5`` does: VGG16 on CIFAR-10."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def figure5(
    out: Path,
    *,
    width_multiplier: float = 1.0,
    epochs: int | None = None,
    samples: int | None = None,
    seeds: int | None = None,
    pruners: Sequence[str] = (),
    densities: Sequence[float] = (),
    data_dir: str | None = None,
) -> None:
    """Runs what is missing of figure 5, prints its table, and says where its picture is.

    Args:
        out: folder of all results.
        width_multiplier: of all channels.
        epochs: of the final training and of edge-popup, half as many in each multishot round;
            ``None`` for 10 and 5.
        samples: training images, a tenth of them held out; ``None`` for all.
        seeds: runs of each setting, ``None`` for 3.
        pruners: of the left side, all five if empty.
        densities: of both sides; the ticket of the lowest one is planted.
        data_dir: where TensorFlow Datasets keeps its data sets, ``None`` for its own place.

    Raises:
        ValueError: a value that cannot work; found before TensorFlow is imported.
    """
    from pns_tf.checks import choice, integer, number
    from pns_tf.commands.checks import check_data_dir
    from pns_tf.experiments.vgg import DENSITIES, PRUNERS, reproduce_figure5

    number("width_multiplier", width_multiplier, low=0.0, low_excluded=True)
    epochs = 10 if epochs is None else integer("epochs", epochs, minimum=1)
    if samples is not None:
        integer("samples", samples, minimum=10)
    seeds = 3 if seeds is None else integer("seeds", seeds, minimum=1)
    for pruner in pruners:
        choice("pruner", pruner, PRUNERS)
    for density in densities:
        number("density", density, low=0.0, high=1.0, low_excluded=True)
    check_data_dir(data_dir)

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    folder = reproduce_figure5(
        out,
        width_multiplier=width_multiplier,
        epochs=epochs,
        round_epochs=max(epochs // 2, 1),
        samples=samples,
        seeds=seeds,
        pruners=tuple(pruners) or PRUNERS,
        densities=tuple(densities) or DENSITIES,
        data_dir=data_dir,
    )
    print((folder / "summary.md").read_text(encoding="utf-8"))
    print(f"written to  {folder}")
    print("            runs.csv, summary.md, performance.png")
