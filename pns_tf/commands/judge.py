"""The command ``judge``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pns_tf.checks import InputError, flag, number, several
from pns_tf.recipe.planting import Planting

# Settings of a planting, and what they are where rows do not say them.
USUAL = {
    each.name: each.default
    for each in fields(Planting)
    if each.name in ("hide", "hide_biases", "epsilon")
}


def judge(
    *,
    instance: str | None = None,
    submission: str | None = None,
    density: float | tuple = (),
    planted: str | None = None,
    beside: str | None = None,
    data_dir: str | None = None,
    out: str = "verdicts",
    overwrite: bool = False,
):
    """Says what masks of any framework are worth, by the numbers that seek gives.

    Writes <out>/<name of the submission>/ with verdict.json, rows.csv, distance.csv and a picture
    of the overlap with the planted ticket for each density.

    Args:
        instance: folder that the command instance wrote.
        submission: masks.npz, scores.npz, a folder with masks-<density>.npz and submission.json, or
            one that seek wrote.
        density: at which scores are thresholded, separated by commas, () for those of the instance.
        planted: folder of the planted run, if the instance has no judge.json.
        beside: rows of a leaderboard, runs.csv; the submission is ranked among those of the same
            instance and seed.
        data_dir: where TensorFlow Datasets keeps its data sets, None for its own place.
        out: parent folder of the verdict.
        overwrite: replace a verdict that exists.
    """
    from pns_tf.commands.checks import check_data_dir
    from pns_tf.judging.instance import VERDICT, read_instance
    from pns_tf.judging.submission import read_submission
    from pns_tf.saving.storage import check_free, output_folder

    # What can be wrong with the files is found before TensorFlow is imported.
    parent = output_folder(out)
    for name, value in (("instance", instance), ("submission", submission)):
        if not isinstance(value, str) or not value:
            raise InputError(f"judge needs --{name}, got {value!r}")
    data_dir = check_data_dir(data_dir)
    densities = [number("density", d, 0.0, 1.0, low_excluded=True) for d in several(density)]
    folder = Path(str(instance))
    read = read_instance(folder)
    handed_in = read_submission(Path(str(submission)), read, densities)
    path = parent / _plain(handed_in.name)
    check_free(path, flag("overwrite", overwrite), holds=VERDICT)
    for name, place in (("instance", folder), ("submission", Path(str(submission)))):
        if place.resolve().is_relative_to(path.resolve()):
            raise InputError(f"the verdict, {path}, would replace the {name} {place}: change --out")
    others = None
    if beside is not None:
        from pns_tf.commands.leaderboard import read_rows

        others = read_rows(Path(str(beside)))

    from pns_tf.quiet import import_tensorflow

    import_tensorflow()
    from tqdm import tqdm

    from pns_tf.judging import verdict as judging
    from pns_tf.judging.report import table, write_verdict

    truth = judging.truth_of(folder, read, Path(planted) if planted else None, data_dir)
    judging.check_sought_in(handed_in, truth)
    if others is not None:
        _check_name(handed_in.name, others, str(beside))
    training = read.about["training"]
    rivals = None if others is None else _rivals(truth, others, str(beside), training)
    epochs = len(handed_in.tickets) * training["epochs"]  # type: ignore[index]
    with tqdm(total=epochs, unit="epoch", leave=False, disable=None) as bar:
        found = judging.judge(handed_in, read, truth, lambda epoch, loss: bar.update())
    write_verdict(found, truth, path, overwrite=overwrite)
    print(table(found, truth))
    print(f"\nwritten to  {path}")
    print("            verdict.json, rows.csv, distance.csv, overlap pictures")
    if rivals is not None:
        _rank(found.submission.name, _beside(found, truth, rivals), path)


def _check_name(name: str, others, beside: str) -> None:
    """Raises ``InputError`` for the name of a pruner of the rows, which it would replace."""
    own = others[others["entry"] == name]
    if "pruner" in own and own["pruner"].notna().any():
        raise InputError(
            f"{beside} has an entry {name!r} already: give the submission another name, as that of "
            'its folder or as "name" in its submission.json'
        )


def _rivals(truth, others, beside: str, training):
    """The rows of others in the same host; raises ``InputError`` if there are none to compare."""
    from pns_tf.commands.leaderboard import is_ranked
    from pns_tf.constructing.constructed import Constructed
    from pns_tf.judging.verdict import instance_of
    from pns_tf.leaderboard.seeds import check_sealed

    seed = truth.planting.seed
    if is_ranked(others):
        check_sealed([seed], "the instance")
    name = instance_of(truth)
    there = others[(others["instance"] == name) & (others["seed"] == seed)]
    if there.empty:
        raise InputError(
            f"{beside} has no rows of instance {name}, seed {seed}: it has "
            f"{', '.join(others['instance'].unique())}, seeds {others['seed'].min()} to "
            f"{others['seed'].max()}"
        )
    samples = len(truth.data.x_train) + len(truth.data.x_test)
    if "samples" in there and set(there["samples"]) != {samples}:
        words = ", ".join(map(str, sorted(set(there["samples"]))))
        raise InputError(f"the instance has {samples} samples, rows of {beside} have {words}")
    own = dict(truth.planting.host.settings)
    if not isinstance(truth.planted, Constructed):  # where nothing is written, nothing is hidden
        own |= {name: getattr(truth.planting, name) for name in USUAL}
    if not is_ranked(others):  # ranked ones have one training for all
        own |= {name: training[name] for name in ("epochs", "learning_rate", "batch_size")}
    for name, value in own.items():
        usual = USUAL.get(name, value)
        said = set(there[name].dropna()) if name in there else set()
        if name not in there or there[name].isna().any():  # rows say what is not the default
            said.add(usual)
        if not all(each == value or str(each) == str(value) for each in said):
            raise InputError(
                f"the instance has {name} {value}, rows of {beside} have "
                f"{', '.join(sorted(map(str, said)))}: these cannot be compared"
            )
    return there


def _beside(found, truth, rivals):
    """Rows of the submission and of its rivals, judged by the rule of these."""
    import pandas as pd

    from pns_tf.commands.leaderboard import is_ranked
    from pns_tf.judging.verdict import ranked_rows
    from pns_tf.leaderboard.distance import completed

    # Those of before are by the paper's rules, with the baseline as the planted density.
    mine = ranked_rows(found, truth) if is_ranked(rivals) else found.rows.drop(columns="truth")
    rest = rivals[rivals["entry"] != found.submission.name]
    return pd.concat([rest, completed(mine)], ignore_index=True)


def _rank(name: str, rows, path: Path) -> None:
    """Prints and writes the leaderboard with the submission in it."""
    from pns_tf.commands.leaderboard import tables
    from pns_tf.leaderboard.instances import HIGHEST
    from pns_tf.leaderboard.ranking import Scores
    from pns_tf.leaderboard.report import write_leaderboard

    folder = path / "leaderboard"
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / "runs.csv", index=False)
    write_leaderboard(rows, folder, f"judge --beside, {name}")
    print()
    print(tables(rows))
    if not Scores.of(rows).seeds_of(name, "weak"):
        truth = rows.loc[rows["entry"] == name, "truth"].iloc[0]
        print(
            f"\n{name} has no area and so no place: hand in tickets at the truth density, "
            f"{truth:.6g}, and at {HIGHEST:g}, too"
        )
    print(f"\nranked in   {folder / 'index.html'}")


def _plain(name: str) -> str:
    """A name that can be a folder's."""
    import re

    plain = re.sub(r"[^\w.=+-]", "_", name).lstrip(".")
    if not plain:
        raise InputError(f"the submission's name must have letters or digits, got {name!r}")
    return plain
