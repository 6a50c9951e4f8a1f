"""The command ``judge``."""

from __future__ import annotations

from pathlib import Path

from pns_tf.checks import InputError, flag, number, several


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
    from pns_tf.judging.instance import read_instance
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
    check_free(path, flag("overwrite", overwrite))
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
    rivals = None if others is None else _rivals(truth, others, str(beside))
    epochs = len(handed_in.tickets) * read.about["training"]["epochs"]  # type: ignore[index]
    with tqdm(total=epochs, unit="epoch", leave=False, disable=None) as bar:
        found = judging.judge(handed_in, read, truth, lambda epoch, loss: bar.update())
    write_verdict(found, truth, path, overwrite=overwrite)
    print(table(found, truth))
    print(f"\nwritten to  {path}")
    print("            verdict.json, rows.csv, distance.csv, overlap pictures")
    if rivals is not None:
        _rank(found.submission.name, _beside(found, truth, rivals), path)


def _rivals(truth, others, beside: str):
    """The rows of others in the same host; raises ``InputError`` if there are none to compare."""
    from pns_tf.commands.leaderboard import is_ranked
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
    from pns_tf.leaderboard.report import write_leaderboard

    folder = path / "leaderboard"
    folder.mkdir(exist_ok=True)
    rows.to_csv(folder / "runs.csv", index=False)
    write_leaderboard(rows, folder, f"judge --beside, {name}")
    print()
    print(tables(rows))
    print(f"\nranked in   {folder / 'index.html'}")


def _plain(name: str) -> str:
    """A name that can be a folder's."""
    import re

    plain = re.sub(r"[^\w.=+-]", "_", name).lstrip(".")
    if not plain:
        raise InputError(f"the submission's name must have letters or digits, got {name!r}")
    return plain
