"""Runs in processes: workers that fail, crash or die change nothing, nor how many there are."""

import dataclasses
import functools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pns_tf.checks import InputError
from pns_tf.experiments.catalog import find
from pns_tf.experiments.experiment import Experiment
from pns_tf.recipe.run import Run, grid
from pns_tf.runs.execute import execute
from pns_tf.runs.store import Store
from pns_tf.runs.workers import RunsFailed, run_all

ROOT = Path(__file__).parent.parent

# Processes killed in one experiment; set it higher for a long test.
KILLS = int(os.environ.get("PNS_TF_KILLS", "2"))

SMALL = f"""
from pns_tf.experiments.experiment import Experiment
from pns_tf.recipe.run import grid

EXPERIMENT = Experiment(
    "small",
    "does it keep?",
    grid(["relu"], ["random", "snip"], [0.2, 0.5], [0], depth=3, width=12, samples=300, epochs=2),
    seeds={KILLS + 1},
)
"""


def tiny_run() -> Run:
    (run,) = grid(["relu"], ["random"], [0.5], [0], depth=3, width=10, samples=100, epochs=1)
    return run


def numbers(table: pd.DataFrame) -> pd.DataFrame:
    """What must not depend on how the work was spread."""
    return table[[column for column in table if not column.endswith("_seconds")]]


def assert_rows_are(table: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same numbers as among ``expected``, which may have more rows."""
    wanted = numbers(expected[expected["run"].isin(table["run"])]).reset_index(drop=True)
    assert len(wanted) == len(table)
    pd.testing.assert_frame_equal(numbers(table), wanted, check_exact=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Experiment, pd.DataFrame]:
    """The small experiment, done in this process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "small.py").write_text(SMALL)
    experiment, store = find(folder / "small.py"), Store(folder)
    for run in experiment.runs():
        store.write(run, execute(run))
    return experiment, store.table(experiment.runs())


CRASHING = """
from pns_tf.pruners import Pruner

class Crashing(Pruner):
    def calculate_scores(self, network, x, y):
        return 1 / 0
"""


@pytest.mark.slow
def test_runs_that_fail_or_crash_do_not_stop_the_others_in_one_worker(
    tmp_path, monkeypatch, undisturbed
):
    (tmp_path / "crashing.py").write_text(CRASHING)
    monkeypatch.chdir(tmp_path)
    experiment, expected = undisturbed
    good, other = experiment.runs(2)[::7]
    diverging = dataclasses.replace(good.search, learning_rate=1e30)
    crashing = dataclasses.replace(good.search, pruner="crashing:Crashing")
    bad = [dataclasses.replace(good, search=search) for search in (crashing, diverging)]
    store, kept = Store(tmp_path), []

    def keep(run, result):
        kept.append(run)
        store.write(run, result)

    with pytest.raises(RunsFailed, match=r"2 of 4 runs failed; .*ZeroDivisionError: division by"):
        run_all([*bad, good, other], keep, workers=1)
    assert kept == [good, other]
    assert_rows_are(store.table(kept), expected)


@pytest.mark.slow
@pytest.mark.usefixtures("without_workers")
def test_the_first_run_that_failed_is_described():
    run = tiny_run()
    bad = dataclasses.replace(run, search=dataclasses.replace(run.search, learning_rate=1e30))
    with pytest.raises(RunsFailed, match=r"1 of 1 runs failed; the first: relu, random, .* seed 0"):
        run_all([bad], lambda run, result: None, workers=1)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_one_line():
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        run_all([tiny_run()], lambda run, result: None, scheduler="tcp://127.0.0.1:9")


def start_reproducing(folder: Path, *flags: str) -> subprocess.Popen:
    (folder / "small.py").write_text(SMALL)
    return subprocess.Popen(
        [sys.executable, "-m", "pns_tf", "reproduce", "--experiment=small.py", *flags],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def wait_for_rows(folder: Path, count: int) -> None:
    wait_for(lambda: len(list(folder.glob("results/runs/*.json"))) >= count, f"{count} rows")


def all_gone(paths: list[Path]) -> bool:
    return not any(path.exists() for path in paths)


def worker_pids(process: subprocess.Popen) -> list[int]:
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    children = [int(pid) for task in tasks for pid in task.read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds worker processes through /proc")
def test_two_workers_give_the_rows_of_none_and_killed_processes_lose_nothing(tmp_path, undisturbed):
    experiment, expected = undisturbed
    moments = random.Random(0)
    process = start_reproducing(tmp_path, "--workers=2")
    for kill in range(KILLS):
        wait_for_rows(tmp_path, (kill + 1) * len(expected) // (KILLS + 2))
        time.sleep(moments.uniform(0, 0.1))
        wait_for(functools.partial(worker_pids, process), "workers")
        workers = worker_pids(process)
        if kill % 2:
            os.kill(moments.choice(workers), signal.SIGKILL)
        else:
            process.kill()  # SIGKILL
            process.wait()
            process.stdout.close()
            process = start_reproducing(tmp_path, "--workers=2")
            orphans = [Path(f"/proc/{pid}") for pid in workers]
            wait_for(functools.partial(all_gone, orphans), "orphans to end")
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    table = Store(tmp_path / "results").table(experiment.runs())
    assert_rows_are(table, expected)
    assert len(table) == len(expected)
    written = pd.read_csv(tmp_path / "results" / "small" / "runs.csv")
    assert written["run"].tolist() == [run.name for run in experiment.runs()]
    assert written["final"].tolist() == expected["final"].tolist()


@pytest.mark.slow
def test_dask_workers_do_the_same_and_one_may_die(tmp_path, undisturbed):
    distributed = pytest.importorskip("distributed")
    experiment, expected = undisturbed
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        store, killed = Store(tmp_path), []

        def keep(run, result):
            store.write(run, result)
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        run_all(experiment.runs(), keep, scheduler=cluster.scheduler_address)
    assert killed
    table = store.table(experiment.runs())
    assert_rows_are(table, expected)
    assert len(table) == len(expected)
