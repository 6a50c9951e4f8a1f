"""The command ``leaderboard``, from flags to files."""

import re

import pandas as pd
import pytest
from made_up import rows

from pns_tf.commands.leaderboard import NEEDED
from pns_tf.leaderboard.board import Board
from pns_tf.leaderboard.entries import Entry

MINE = """
from pns_tf.pruners import Pruner


class Mine(Pruner):
    def calculate_scores(self, network, x, y):
        return [variable**2 for variable in network.variables]
"""
NARROW = ("--task=relu", "--density=0.5", "--seeds=1", "--workers=1")


@pytest.fixture
def others(tmp_path):
    """The rows of a leaderboard, made up: another pruner, and an earlier version of one's own."""
    (attempt,) = Board([Entry("snip", "snip")], ["relu"], 1, densities=[0.5]).first_stage()
    table = rows([attempt.run], 1, trained_epochs=10)
    table.insert(0, "entry", "snip")
    earlier = table.assign(entry="mine:Mine", run="0123456789abcdef", pruner="mine:Mine")
    table = pd.concat([table, earlier])
    path = tmp_path / "others.csv"
    table.to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_a_pruner_of_ones_own_joins_with_one_command(run, tmp_path, monkeypatch, others):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    command = ("leaderboard", "--pruner=mine:Mine", f"--beside={others}", *NARROW)
    code, out, err = run(*command)
    assert code == 0, err
    assert "2 runs" in out
    assert "mine:Mine" in out
    assert "snip" in out
    folder = tmp_path / "results" / "leaderboard"
    written = pd.read_csv(folder / "runs.csv")
    assert written["entry"].tolist() == ["snip", "mine:Mine"]
    assert written["trained_epochs"].tolist() == [10, 10]
    assert "--pruner=mine:Mine" in (folder / "index.html").read_text()
    assert {path.name for path in folder.iterdir()} == {
        *("runs.csv", "leaderboard.csv", "leaderboard.md", "index.html", "figures")
    }
    (finished,) = (tmp_path / "results" / "runs").glob("*.json")
    before = finished.stat().st_mtime_ns
    assert run(*command)[0] == 0  # again: nothing is left to run
    assert finished.stat().st_mtime_ns == before
    assert pd.read_csv(folder / "runs.csv").equals(written)


@pytest.mark.slow
def test_runs_that_another_leaderboard_has_are_not_repeated(run, tmp_path, monkeypatch, others):
    monkeypatch.chdir(tmp_path)
    flags = ("--pruner=snip", f"--beside={others}", "--task=relu", "--density=0.5")
    code, _, err = run("leaderboard", *flags, "--seeds=2", "--workers=1")
    assert code == 0, err
    written = pd.read_csv(tmp_path / "results" / "leaderboard" / "runs.csv")
    snips = written[written["entry"] == "snip"]
    assert snips["seed"].tolist() == [0, 1]
    assert snips["trained_epochs"].tolist() == [10, 10]
    known = pd.read_csv(others)
    assert snips["strong"].iloc[0] == known["strong"].iloc[0]  # the made-up value
    assert (
        len(list((tmp_path / "results" / "runs").glob("*.json"))) == 1 + 2
    )  # seed 1, and multishot


@pytest.mark.slow
def test_tasks_that_are_not_run_anew_keep_their_rows(run, tmp_path, monkeypatch, others):
    monkeypatch.chdir(tmp_path)
    known = pd.read_csv(others)
    known.assign(task="circle", run=["a", "b"]).to_csv(others, index=False)
    flags = ("--task=relu,relu", "--pruner=snip", f"--beside={others}", "--density=0.5")
    code, _, err = run("leaderboard", *flags, "--seeds=1", "--workers=1")
    assert code == 0, err
    written = pd.read_csv(tmp_path / "results" / "leaderboard" / "runs.csv")
    rows_of = list(zip(written["entry"], written["task"], strict=True))
    snips = [("snip", "relu"), ("snip, multishot", "relu")]
    assert rows_of == [("snip", "circle"), ("mine:Mine", "circle"), *snips]  # relu once


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--pruner=snip,snap"], "unknown pruner 'snap': choose from random"),
        (["--task=cirle"], "unknown task 'cirle': choose from "),
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
    assert "unknown task in table.csv 'spiral'" in said
