"""The command ``instance``."""

from __future__ import annotations

from pathlib import Path

from pns_tf.commands.flags import Given, takes
from pns_tf.commands.places import HIDDEN, OF_HOSTS, OF_PLANTING
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.planting import Planting


@takes(FullyConnected, Planting, without=(*HIDDEN, "ticket"))
def instance(
    given: Given,
    *,
    planted: str | None = None,
    density: float | str | tuple = (),
    epochs: int = 10,
    answers: bool = False,
    data_dir: str | None = None,
    out: str = "instance",
    overwrite: bool = False,
):
    """Writes a planted host as plain arrays, for a pruner of any framework.

    Writes <out>/ with host.npz, data.npz (training part only), the same as safetensors,
    instance.json, README.md with the lines that build the host again in PyTorch, JAX and Keras 3,
    and judge.json, which is for the command judge and not for the pruner.

    Args:
        planted: folder that plant wrote, for its host instead of planting anew.
        density: at which tickets are asked for, separated by commas, () for truth and 4, 16, …
            times as much up to 0.5, as a leaderboard has them; truth is the density of the planted
            ticket, biases counted; baseline that of the paper, which counts weights alone.
        epochs: for which the judge trains a ticket.
        answers: also write the planted mask.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        out: the new folder.
        overwrite: replace a folder that exists.
    """
    from pns_tf.checks import flag, integer, several
    from pns_tf.commands.checks import check_data_dir
    from pns_tf.judging.instance import ABOUT
    from pns_tf.leaderboard.board import coarse_densities
    from pns_tf.saving.storage import check_free, output_folder, read_planted_record

    # All that can be wrong is found before TensorFlow is imported and before anything is written.
    path = output_folder(out)
    data_dir = check_data_dir(data_dir)
    flag("answers", answers)
    integer("epochs", epochs, minimum=0)
    if planted is None:
        given.need("a planted run on images", "data_dir")
        planting = given.make(Planting, host=given.make(FullyConnected))
        baseline = planting.baseline
    else:
        flags = (name for name in OF_HOSTS if name in given)
        given.leave_out(*flags, *OF_PLANTING, "seed", "noise", by="--planted")
        record = read_planted_record(Path(str(planted)))
        planting, baseline = Planting.from_record(record), record["density"]
    asked = [_asked(value, baseline) for value in several(density)]
    check_free(path, flag("overwrite", overwrite), holds=ABOUT)

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from pns_tf.judging.making import instance_of
    from pns_tf.judging.writing import write_instance
    from pns_tf.recipe.search import SeekSettings
    from pns_tf.runs.execute import planted_of
    from pns_tf.saving.exporting import load_planted

    found = planted_of(planting) if planted is None else load_planted(Path(str(planted)))
    data = planting.host.data(planting.samples, planting.noise, planting.seed, data_dir)
    settings = SeekSettings(epochs=epochs)
    truth = found.planted_masks.density
    densities = {truth if value is None else value for value in asked}
    densities = densities or {truth, *coarse_densities(truth)}
    made = instance_of(found.host, data, sorted(densities), planting.host.task, settings)
    recipe = planting.record
    if planted is not None:
        recipe = {"planted": str(Path(str(planted)).resolve())}
    write_instance(made, recipe, path, answers=found if answers else None, overwrite=overwrite)
    words = ", ".join(f"{d:.6g}" for d in made.densities)
    print(f"{made.size:,} parameters, a ticket planted among them; densities asked for: {words}")
    print(f"written to  {path}")
    print("            host.npz, data.npz, instance.json, README.md; judge.json for the judge")
    print(f"judge it    python -m pns_tf judge --instance={path} --submission=masks.npz")


def _asked(density: object, baseline: float | None) -> float | None:
    """The density that a value of the flag says; ``None`` for that of the planted ticket."""
    from pns_tf.checks import InputError, number
    from pns_tf.leaderboard.board import PLANTED

    if density == PLANTED:
        return None
    if isinstance(density, str) and density != "baseline":
        raise InputError(
            f"density must be a number above 0 and at most 1, truth or baseline, got {density!r}"
        )
    value = baseline if density == "baseline" else density
    return number("density", value, 0.0, 1.0, low_excluded=True)
