"""The command ``leaderboard``, from flags to files."""

import re

import pandas as pd
import pytest
from made_up import rows

from pns_tf.commands.leaderboard import NEEDED
from pns_tf.leaderboard.board import Board
from pns_tf.leaderboard.entries import Entry
from pns_tf.leaderboard.instances import Instance

MINE = """
from pns_tf.pruners import Pruner


class Mine(Pruner):
    def calculate_scores(self, network, x, y):
        return [variable**2 for variable in network.variables]
"""
SMALL = Instance("relu", 4, 20)
NARROW = (f"--instance={SMALL.name}", "--density=truth,0.5", "--workers=1")


@pytest.fixture
def others(tmp_path):
    """The rows of a leaderboard, made up: another pruner, and an earlier version of one's own."""
    attempts = Board([Entry("snip", "snip")], [SMALL], 1, densities=["truth", 0.5]).first_stage()
    table = pd.concat(
        [rows([each.run], 1, trained_epochs=10).assign(run=each.run.name) for each in attempts]
    )
    table = table.assign(seed=10_000, truth=SMALL.truth, ranked=True, published_from="host")
    table = table.assign(final_published=table["final"])
    table.insert(0, "entry", "snip")
    table.insert(1, "instance", SMALL.name)
    earlier = table.assign(entry="mine:Mine", run=["0123", "4567"], pruner="mine:Mine")
    path = tmp_path / "others.csv"
    pd.concat([table, earlier]).to_csv(path, index=False)
    return path


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
def test_a_pruner_of_ones_own_joins_with_one_command_and_gets_intervals(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    command = ("leaderboard", "--pruner=mine:Mine,oracle", "--seeds=2", *NARROW)
    code, out, err = run(*command)
    assert code == 0, err
    assert "8 runs" in out
    folder = tmp_path / "results" / "leaderboard"
    written = pd.read_csv(folder / "runs.csv")
    assert list(dict.fromkeys(written["entry"])) == ["oracle", "mine:Mine"]
    assert sorted(set(written["seed"])) == [10_000, 10_001]
    assert set(written["instance"]) == {SMALL.name}
    found = pd.read_csv(folder / "standings.csv").set_index(["entry", "ticket"])
    assert found["distance"]["oracle"].tolist() == [1.0, 1.0]
    assert found["distance"]["best constant"].tolist() == [float("inf")] * 2
    for name in ("distance", "area"):
        low, high = found[f"{name}_low"], found[f"{name}_high"]
        assert (low <= found[name]).all()
        assert (found[name] <= high).all()
    assert "--pruner=mine:Mine,oracle" in (folder / "index.html").read_text()
    assert {path.name for path in folder.iterdir()} == {
        *("runs.csv", "standings.csv", "leaderboard.md", "index.html", "figures")
    }
    finished = sorted((tmp_path / "results" / "runs").glob("*.json"))
    before = [path.stat().st_mtime_ns for path in finished]
    assert run(*command)[0] == 0  # again: nothing is left to run
    assert [path.stat().st_mtime_ns for path in finished] == before
    assert pd.read_csv(folder / "runs.csv").equals(written)


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
def test_runs_that_another_leaderboard_has_are_not_repeated(run, tmp_path, monkeypatch, others):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    packed = tmp_path / "rows.csv.xz"
    pd.read_csv(others).to_csv(packed, index=False)
    flags = ("--pruner=mine:Mine", f"--beside={packed}", "--seeds=1", *NARROW)
    code, _, err = run("leaderboard", *flags)
    assert code == 0, err
    written = pd.read_csv(tmp_path / "results" / "leaderboard" / "runs.csv")
    assert list(dict.fromkeys(written["entry"])) == ["snip", "oracle", "mine:Mine"]
    known = pd.read_csv(others).iloc[0]
    assert written["strong"].iloc[0] == known["strong"]  # the made-up value
    assert "0123" not in set(written["run"].astype(str))  # the earlier version is replaced
    assert len(list((tmp_path / "results" / "runs").glob("*.json"))) == 4


def test_rows_of_tuned_seeds_are_refused(refused, others):
    pd.read_csv(others).assign(seed=3).to_csv(others, index=False)
    said = refused("leaderboard", "--pruner=snip", f"--beside={others}")
    assert "has rows of seed 3, which are not ranked: seeds 0 to 99 were used to choose" in said


def test_rows_that_were_judged_by_another_rule_are_refused(refused, others):
    pd.read_csv(others).drop(columns="ranked").to_csv(others, index=False)
    said = refused("leaderboard", "--pruner=snip", f"--beside={others}")
    assert "has rows that are not judged by the rule of rankings" in said


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pruner=snip,snap"], "unknown pruner 'snap': choose from random"),
        (["--task=cirle"], "unknown task 'cirle': choose from "),
        (["--instance=circle-w5"], "an instance is named <task>-d<depth>-w<width>"),
        (["--instance=relu-d5-w9", "--task=circle"], "no instance has the task circle"),
        (["--density=2"], "density must be a number above 0 and at most 1, got 2"),
        (["--seeds=0"], "seeds must be an integer of at least 1, got 0"),
        (["--workers=0"], "workers must be an integer of at least 1, got 0"),
        (["--beside=nowhere.csv", "--pruner=snip"], "cannot read nowhere.csv"),
        (["--pruner=nowhere:Mine"], "pruner 'nowhere:Mine' cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_what_cannot_work_is_refused(refused, flags, message):
    assert message in refused("leaderboard", *flags)


def test_other_tables_are_not_taken_for_rows(refused, tmp_path):
    (tmp_path / "table.csv").write_text("run,task\na,circle\n")
    said = refused("leaderboard", "--pruner=snip", "--beside=table.csv")
    assert "table.csv is no runs.csv of a leaderboard: it has no column entry, density" in said


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("", "table.csv has no rows"),
        ("a,b,relu,words,0.1,0,1,1,1,1,1,1\n", "density in line 2 of table.csv must be a number"),
        ("a,b,relu,-0.5,0.1,0,1,1,1,1,1,1\n", "density in line 2 of table.csv must .* got -0.5"),
        ("a,b,relu,0.5,0.1,0,1,inf,1,1,1,1\n", "strong in line 2 of table.csv must .* got inf"),
        ("a,b\0c,relu,0.5,0.1,0,1,1,1,1,1,1\n", "cannot read table.csv: it has NUL bytes"),
    ],
)
def test_rows_that_cannot_be_are_refused_before_anything_runs(refused, tmp_path, rows, complaint):
    (tmp_path / "table.csv").write_text(f"{','.join(NEEDED)}\n{rows}")
    assert re.search(complaint, refused("leaderboard", "--pruner=snip", "--beside=table.csv"))


def test_rows_of_a_task_that_is_not_there_are_refused_before_anything_runs(refused, tmp_path):
    (tmp_path / "table.csv").write_text(f"{','.join(NEEDED)}\na,b,spiral{',0' * 9}\n")
    said = refused("leaderboard", "--pruner=snip", "--beside=table.csv")
    assert "table.csv: unknown task 'spiral'" in said
