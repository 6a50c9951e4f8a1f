"""The same search before planting, and where weak tickets begin."""

import dataclasses

import pandas as pd
import pytest

from pns_tf.checks import InputError
from pns_tf.experiments.experiment import Experiment
from pns_tf.experiments.figures import draw
from pns_tf.experiments.report import write_report
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.leaderboard.table import NOTE
from pns_tf.recipe.pruners import PRUNERS, WEAK_FROM, weak_from
from pns_tf.recipe.run import Run, grid
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs.execute import execute
from pns_tf.runs.store import Store

SEARCH = SeekSettings("synflow", 0.2, samples=500, epochs=1)
RUN = Run(FullyConnected("relu", depth=4, width=30), SEARCH)


@pytest.mark.slow
def test_a_control_is_the_same_search_in_the_host_before_planting():
    row = execute(dataclasses.replace(RUN, control=True)).row
    host = RUN.host.draw(seed=0)
    from pns_tf.seeking import seek_with

    before = seek_with(host, SEARCH, data=RUN.host.data(500, None, 0)).metrics
    assert row["control_strong"] == before["strong"] != row["strong"]
    assert row["control_final"] == before["final"]
    assert row["control_gain"] == pytest.approx(row["control_strong"] - row["strong"])


@pytest.mark.slow
def test_an_experiment_with_controls_says_what_is_found_where_nothing_is_planted(tmp_path):
    settings = grid(["relu"], ["magnitude"], [0.5], [0], depth=3, width=10, samples=100, epochs=0)
    experiment = Experiment("mine", "a question", settings, seeds=1).controlled()
    store = Store(tmp_path)
    for run in experiment.runs():
        store.write(run, execute(run))
    table = store.table(experiment.runs())
    write_report(experiment, table, store, "", 0.0, experiment.runs())
    (summed,) = pd.read_csv(tmp_path / "mine" / "summary.csv").to_dict("records")
    assert summed["control_strong_mean"] == pytest.approx(table["control_strong"].iloc[0])
    assert summed["control_gain_mean"] == pytest.approx(
        table["control_strong"].iloc[0] - table["strong"].iloc[0]
    )
    assert "nothing planted" in (tmp_path / "mine" / "summary.md").read_text()
    titles = [axes.get_ylabel() for axes in draw(table, "")[0].figure.axes]
    assert any("nothing planted (strong)" in title for title in titles)


@pytest.mark.slow
def test_statements_are_judged_on_rows_with_controls(run, tmp_path):
    flags = ["--figure=10", "--density=0.5", "--seeds=1", "--control"]
    code, out, _ = run("reproduce", *flags, "--workers=1", f"--out={tmp_path}")
    assert code == 0
    said = out.split("no-strong-100-rounds")[1].splitlines()[1]
    assert "of 4 settings 1 open, 3 not run" in said
    _, again, _ = run("reproduce", *flags, "--check", f"--out={tmp_path}")
    assert said in again


def test_controls_need_planted_tickets():
    from pns_tf.experiments.catalog import EXPERIMENTS

    weak = [run for run in EXPERIMENTS["figure5"].settings if run.planting is None]
    experiment = Experiment("weak", "no ticket", weak)
    with pytest.raises(InputError, match="needs planted tickets"):
        experiment.controlled()


def test_a_run_without_control_has_the_name_and_the_row_it_had():
    controlled = dataclasses.replace(RUN, control=True)
    assert "control" not in RUN.settings
    assert controlled.settings["control"] is True
    assert controlled.name != RUN.name
    assert controlled.folder == f"{RUN.folder}-control"
    assert Run.from_record(controlled.settings) == controlled


@pytest.mark.parametrize("pruner", ["imp", "imp_lr", "rigl", "set", "iht", "tfmot"])
def test_pruners_that_train_as_they_go_say_from_where_their_ticket_is_trained(pruner):
    assert weak_from(pruner, trained=True) == ("early" if pruner == "imp" else "search")


def test_imp_rewinds_where_its_options_say():
    assert weak_from("imp", trained=True, options={"rewind_epoch": 0}) == "host"
    assert weak_from("imp", trained=True, options={"rewind": "learning_rate"}) == "search"


def test_every_other_pruner_trains_its_ticket_from_the_host():
    trained = {name for name, row in PRUNERS.items() if row.weak_from != "host"}
    assert trained == {"imp", "imp_lr", "rigl", "set", "iht", "tfmot"}
    assert {row.weak_from for row in PRUNERS.values()} <= WEAK_FROM.keys()
    assert all(words in NOTE for words in WEAK_FROM.values())


@pytest.mark.slow
def test_rows_say_from_where_a_weak_ticket_was_trained():
    assert execute(RUN).row["weak_from"] == "host"
    tfmot = dataclasses.replace(RUN, search=dataclasses.replace(SEARCH, pruner="tfmot"))
    assert execute(tfmot).row["weak_from"] == "search"
    assert weak_from("mine:Own", trained=True) == "search"
