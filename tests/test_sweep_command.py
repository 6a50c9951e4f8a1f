"""The command ``sweep``: alone and killed, and as a chief with two workers, one of them killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import tensorflow as tf

from pns_tf.measuring.evaluation import evaluate
from pns_tf.recipe.run import grid
from pns_tf.runs.pool import Pool
from pns_tf.runs.store import Store
from pns_tf.sweeping import cluster
from tasks import get as get_task

ROOT = Path(__file__).parent.parent
SMALL = ["--task=circle", "--depth=3", "--max_width=60", "--samples=400", "--epochs=2"]
FLAGS = [*SMALL, "--density=0.5", "--trials=3", "--seeds=2", "--workers=1"]
FOLDER = "sweep-circle-synflow-final-grid"


def start(folder: Path, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "pns_tf", "sweep", *FLAGS],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(folder: Path) -> dict[str, int]:
    """When each run was finished."""
    return {path.stem: path.stat().st_mtime_ns for path in folder.glob("results/runs/*.json")}


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    end = time.monotonic() + 400
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def has_trial(worker: str, folder: Path) -> bool:
    """Whether the chief has given a trial to a worker."""
    state = folder / "results" / FOLDER / "keras_tuner" / "oracle.json"
    text = state.read_text() if state.exists() else ""
    return re.search(rf'"ongoing_trials": {{[^}}]*"{worker}"', text) is not None


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Folder and output of a sweep that was killed in its second trial and started again."""
    folder = tmp_path_factory.mktemp("alone")
    first = start(folder)
    wait_until(lambda: len(finished(folder)) >= 3, first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    before = finished(folder)
    second = start(folder)
    said, _ = second.communicate(timeout=600)
    assert second.returncode == 0, said
    return folder, said, before


@pytest.mark.slow
def test_a_killed_sweep_has_all_its_trials_in_the_end_and_none_twice(alone):
    folder, said, before = alone
    assert "widths below 20 do not hold the circle ticket and are left out" in said
    assert "3 trials, 6 runs, " in said
    trials = pd.read_csv(folder / "results" / FOLDER / "trials.csv")
    assert trials["width"].tolist() == [20, 35, 60]
    assert 3 <= len(before) < 6
    assert len(finished(folder)) == 6
    assert before.items() <= finished(folder).items()  # what was there has not been done again
    kept = sorted((folder / "results" / FOLDER / "keras_tuner").glob("trial_*/trial.json"))
    assert [json.loads(path.read_text())["status"] for path in kept] == ["COMPLETED"] * 3


@pytest.mark.slow
def test_the_best_ticket_is_exported_and_the_command_line_finds_it_again(alone, run, tmp_path):
    folder, said, _ = alone
    trials = pd.read_csv(folder / "results" / FOLDER / "trials.csv")
    order = trials.sort_values(["validation_mean", "width"], ascending=[False, True])
    width = order["width"].iloc[0]
    assert f"best        width {width}\n" in said
    ticket = folder / re.search(r"^ticket +(.*)$", said, re.MULTILINE)[1]
    record = json.loads((ticket / "ticket.json").read_text())
    rows = pd.read_csv(folder / "results" / FOLDER / "runs.csv").query("width == @width")
    best = rows.sort_values(["validation", "seed"], ascending=[False, True])["final"].iloc[0]
    assert record["width"] == width
    assert record["metrics"]["final"] == best
    data = get_task("circle").data(400, seed=record["seed"])
    serve = tf.saved_model.load(str(ticket / "trained")).serve
    assert evaluate(serve, "classification", data) == pytest.approx(best)
    command = re.search(r"^once more +python -m pns_tf (.*)$", said, re.MULTILINE)[1]
    assert run(*command.split(), f"--out={tmp_path}")[0] == 0
    (again,) = tmp_path.glob("*/ticket.json")
    assert json.loads(again.read_text())["metrics"]["final"] == pytest.approx(best, abs=0.03)


@pytest.mark.slow
def test_a_chief_and_two_workers_one_killed_find_the_same(alone, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = {cluster.HOST: "127.0.0.1", cluster.PORT: str(port)}
    chief = start(tmp_path, **where, **{cluster.ID: "chief"})
    wait_until((tmp_path / "results" / FOLDER / "sweep.json").exists, chief)
    workers = [start(tmp_path, **where, **{cluster.ID: name}) for name in ("worker1", "worker2")]
    wait_until(lambda: has_trial("worker1", tmp_path), chief)
    workers[0].kill()
    workers[0].wait()
    workers[0].stdout.close()
    said, _ = chief.communicate(timeout=600)
    assert chief.returncode == 0, said
    other, _ = workers[1].communicate(timeout=60)
    assert workers[1].returncode == 0, other
    assert other.endswith("the sweep is over: the chief has the results\n")
    folder, expected, _ = alone
    for line in ("best  ", "once more  "):
        assert re.search(f"^{line}.*", said, re.M)[0] == re.search(f"^{line}.*", expected, re.M)[0]
    tables = [pd.read_csv(at / "results" / FOLDER / "trials.csv") for at in (tmp_path, folder)]
    assert tables[0]["width"].tolist() == tables[1]["width"].tolist()
    assert tables[0]["final_mean"].tolist() == tables[1]["final_mean"].tolist()


@pytest.mark.usefixtures("without_workers")
@pytest.mark.slow
def test_the_smallest_width_is_a_table(run, tmp_path):
    small = ["--task=relu", "--depth=3", "--max_width=3", "--samples=100", "--epochs=1"]
    flags = ["--gap=99", "--density=1", "--seeds=1", "--workers=1", f"--out={tmp_path}"]
    code, out, err = run("minimal_width", *small, *flags)
    assert (code, err) == (0, "")
    assert re.search(r"\| relu +\| synflow +\| 1 ", out)
    folder = tmp_path / "minimal_width"
    assert pd.read_csv(folder / "minimal_width.csv")["width"].tolist() == [1]
    assert pd.read_csv(folder / "distances.csv")["width"].tolist() == [1, 3]
    assert (folder / "distances.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "minimal_width.md").read_text() in out


@pytest.mark.slow
def test_a_pool_outlives_its_processes(tmp_path):
    runs = grid(["relu"], ["random"], [0.5], range(2), depth=3, width=5, samples=100, epochs=1)
    store = Store(tmp_path)
    with Pool(workers=1) as pool:
        pool.run(runs[:1], store.write)
        for pid in list(pool.executor._processes):
            os.kill(pid, signal.SIGKILL)
        pool.run(runs[1:], store.write)
    assert all(map(store.has, runs))
