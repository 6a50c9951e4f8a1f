"""What a sweep leaves behind, from made-up results."""

import json

import pandas as pd
import pytest
from made_up_sweep import BEST, MadeUp, searched
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.util import tensor_util

from pns_tf.commands.flags import command_line
from pns_tf.commands.seek import seek
from pns_tf.sweeping.picture import width_figure
from pns_tf.sweeping.record import claim_folder
from pns_tf.sweeping.report import seek_flags, write_report
from pns_tf.sweeping.settings import Sweep
from pns_tf.sweeping.trials import best, best_run, shown, summary

TWO = Sweep("circle", pruner=("synflow", "random"), learning_rate=(1e-3, 1e-2), trials=24, seeds=3)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A sweep of two pruners and learning rates, and the folder of its report."""
    folder = tmp_path_factory.mktemp("two")
    outcome = searched(TWO, folder)
    return outcome, write_report(outcome.table, TWO, folder), folder


def test_every_trial_is_a_row_with_the_spread_of_its_seeds(two):
    outcome, trials, folder = two
    assert len(trials) == 24
    assert set(trials["n"]) == {3}
    first = outcome.table[outcome.table["trial"] == 0]
    assert trials.loc[0, "final_mean"] == pytest.approx(first["final"].mean())
    assert trials.loc[0, "final_max"] - trials.loc[0, "final_min"] == pytest.approx(0.002)
    pd.testing.assert_frame_equal(pd.read_csv(folder / "trials.csv"), trials)
    assert pd.read_csv(folder / "runs.csv")["run"].tolist() == outcome.table["run"].tolist()


def test_what_is_printed_is_what_was_varied(two):
    _, trials, _ = two
    assert list(shown(trials, TWO)) == [
        "trial", "pruner", "learning rate", "width", "mean", "min", "max"
    ]  # fmt: skip
    table = searched(Sweep("circle", oracle="hyperband", epochs=3, seeds=1), two[2] / "h").table
    assert "epochs" in shown(summary(table), Sweep("circle"))


def test_the_best_run_is_the_best_seed_of_the_best_trial(two):
    outcome, trials, _ = two
    found = best(trials, TWO)
    assert found["final_mean"] == trials["final_mean"].max()
    assert 0.5 < found["width"] / BEST < 2
    assert outcome.runs[best_run(outcome.table, found, TWO)].search.seed == 2
    relu = Sweep("relu", seeds=3)  # where less is better
    outcome = searched(relu, two[2] / "relu")
    found = best(summary(outcome.table), relu)
    assert found["final_mean"] == summary(outcome.table)["final_mean"].min()
    assert outcome.runs[best_run(outcome.table, found, relu)].search.seed == 0


def test_the_command_line_of_the_best_run_is_complete(two):
    outcome, trials, _ = two
    run = outcome.runs[best_run(outcome.table, best(trials, TWO), TWO)]
    line = command_line(seek, seek_flags(run, seek))
    width = best(trials, TWO)["width"]
    assert line == f"python -m pns_tf seek --width={width} --seed=2"  # the rest is the default
    (other,) = Sweep(
        "relu", pruner="snip", density="baseline", depth=(3, 4), learning_rate=0.01, noise=0.1,
        rounds=3, seeds=1,
    ).runs({"width": 50, "depth": 3, "tuner/epochs": 4})  # fmt: skip
    assert command_line(seek, seek_flags(other, seek)) == (
        "python -m pns_tf seek --task=relu --depth=3 --width=50 --pruner=snip --density=0.02 "
        "--rounds=3 --epochs=4 --noise=0.1 --learning_rate=0.01"
    )


def test_the_figure_has_a_line_for_each_variant_and_rings_the_best(two):
    outcome, trials, folder = two
    (axes,) = width_figure(outcome.table, trials, TWO).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    variants = [f"{p}, learning rate {r}" for p in ("synflow", "random") for r in (0.001, 0.01)]
    assert [name for name in lines if not name.startswith("_")] == [
        *variants, f"best: width {best(trials, TWO)['width']}", "planted ticket"
    ]  # fmt: skip
    for name in variants:
        assert len(lines[name].get_xdata()) == 6
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "test accuracy after training"
    assert (folder / "width.png").read_bytes().startswith(b"\x89PNG")


def drawn(folder, **settings):
    sweep = Sweep("helix", trials=24, seeds=2, **settings)
    table = searched(sweep, folder, MadeUp(lambda run: 1 / run.host.width)).table
    panels = [axes for axes in width_figure(table, summary(table), sweep).axes if axes.axison]
    assert panels[0].get_ylabel() == "test MSE after training"
    assert panels[0].get_yscale() == "log"
    return [
        (axes.get_title(), [line for line in axes.get_lines() if line.get_label() == "synflow"])
        for axes in panels
    ]


def test_variants_that_could_not_be_told_apart_have_panels_of_their_own(two):
    panels = drawn(two[2] / "some", pruner=("synflow", "snip"), depth=(3, 4, 5), density=(0.1, 0.5))
    titles = [f"density {density}, depth {depth}" for density in (0.1, 0.5) for depth in (3, 4, 5)]
    assert [title for title, _ in panels] == titles
    for _, (line,) in panels:
        assert len(line.get_xdata()) == 2
        assert line.get_linestyle() == "-"


def test_the_baseline_is_one_line_though_it_is_another_density_at_each_width(two):
    sweep = Sweep("helix", trials=12, seeds=1, density=("baseline", 0.5))
    table = searched(sweep, two[2] / "baseline", MadeUp(lambda run: 1 / run.host.width)).table
    (axes,) = (a for a in width_figure(table, summary(table), sweep).axes if a.axison)
    lines = {line.get_label(): len(line.get_xdata()) for line in axes.get_lines()}
    assert lines["density baseline"] == lines["density 0.5"] == 6


def test_too_many_panels_become_points_in_one(two):
    ((title, (points,)),) = drawn(two[2] / "many", depth=(3, 4, 5), prune_rounds=(1, 2, 3, 4))
    assert title == ""
    assert len(points.get_xdata()) == 24
    assert points.get_linestyle() == "None"


def read_events(folder):
    (file,) = folder.glob("events*")
    return [value for event in EventFileLoader(str(file)).Load() for value in event.summary.value]


def hparams_content(value):
    content = plugin_data_pb2.HParamsPluginData()
    content.ParseFromString(value.metadata.plugin_data.content)
    return content


def test_each_trial_is_a_session_of_hparams(two):
    _, trials, folder = two
    (config,) = read_events(folder / "tensorboard")
    experiment = hparams_content(config).experiment
    assert [info.name for info in experiment.hparam_infos] == ["pruner", "learning_rate", "width"]
    width = experiment.hparam_infos[-1].domain_interval
    assert (width.min_value, width.max_value) == (20, 500)
    metrics = [info.name.tag for info in experiment.metric_infos]
    assert metrics == ["final", "strong", "f1", "recall", "effective_density"]
    for row in trials.to_dict("records"):
        values = read_events(folder / "tensorboard" / f"trial{row['trial']}")
        start = next(hparams_content(v) for v in values if v.tag.endswith("session_start_info"))
        hparams = start.session_start_info.hparams
        assert hparams["pruner"].string_value == row["pruner"]
        assert hparams["width"].number_value == row["width"]
        assert any(v.tag.endswith("session_end_info") for v in values)
        scalars = {v.tag: tensor_util.make_ndarray(v.tensor) for v in values if v.tag in metrics}
        assert scalars["final"] == pytest.approx(row["final_mean"])


def test_the_objective_is_the_first_metric(two):
    sweep = Sweep("circle", objective="jaccard", seeds=1)
    write_report(searched(sweep, two[2] / "j").table, sweep, two[2] / "j")
    (config,) = read_events(two[2] / "j" / "tensorboard")
    assert hparams_content(config).experiment.metric_infos[0].name.tag == "jaccard"


def test_overwriting_empties_the_folder_and_says_whose_it_is(tmp_path):
    folder = tmp_path / "sweep"
    claim_folder(folder, Sweep("circle"), overwrite=False)
    (folder / "width.png").touch()
    claim_folder(folder, Sweep("circle", max_width=300), overwrite=True)
    assert [path.name for path in folder.iterdir()] == ["sweep.json"]
    assert json.loads((folder / "sweep.json").read_text())["max_width"] == 300
