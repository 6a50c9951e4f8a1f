"""What several tests share: exported runs, the command line, and fresh Python processes."""

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before anything imports TensorFlow

import re
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
SLOW = 2.0  # seconds, from which on a test is marked slow
# Files that take a minute and more begin first, so that no process waits for another in the end.
LONG = [
    "any_model",
    "docstrings",
    "half_pruned_models",
    "keras3_backends",
    "leaderboard_command",
    "pages",
    "pins",
    "ranked",
    "resnet",
    "sweep_command",
    "vgg_commands",
    "workers",
]

# No example fails because the machine is busy.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem.removeprefix("test_") not in LONG)


def pytest_terminal_summary(terminalreporter, config):
    """Names, after the quick suite, the tests that do not belong to it."""
    if config.option.markexpr != "not slow":
        return
    passed = terminalreporter.stats.get("passed", [])
    late = [report for report in passed if report.when == "call" and report.duration >= SLOW]
    if late:
        terminalreporter.section(f"{SLOW:g} s and more: to be marked slow, if the machine is quiet")
        for report in sorted(late, key=lambda report: -report.duration):
            terminalreporter.write_line(f"{report.duration:6.1f} s  {report.nodeid}")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id):
    """Runs a command in a folder that all processes of this test run share; gives what it wrote."""
    base = tmp_path_factory.getbasetemp()
    base = base if worker_id == "master" else base.parent

    def made(name: str, *argv: str) -> Path:
        from pns_tf.commands import main

        done = base / f"{name}.done"
        try:
            (base / name).mkdir()
        except FileExistsError:  # another process is at it
            end = time.monotonic() + 300
            while not done.exists():
                assert time.monotonic() < end, f"waited in vain for {name}"
                time.sleep(0.1)
        else:
            main([*argv, f"--out={base / name}"])
            done.touch()
        (folder,) = (base / name).iterdir()
        return folder

    return made


@pytest.fixture(scope="session")
def helix_run(made_once) -> Path:
    """The folder that ``plant --task=helix`` writes."""
    return made_once("helix_run", "plant", "--task=helix")


@pytest.fixture(scope="session")
def found_run(made_once) -> Path:
    """A folder that ``seek --pruner=snip --tflite`` writes."""
    small = ["--task=circle", "--depth=4", "--width=30", "--samples=500", "--epochs=2"]
    search = ["--pruner=snip", "--density=0.3", "--tflite"]
    return made_once("found_run", "seek", *small, *search)


@pytest.fixture(scope="session")
def popup_run(made_once) -> Path:
    """A folder that ``seek --pruner=edge_popup --anneal`` writes."""
    small = ["--task=helix", "--depth=3", "--width=30", "--samples=500", "--epochs=1"]
    search = ["--pruner=edge_popup", "--anneal", "--density=0.25", "--options={epochs: 2}"]
    return made_once("popup_run", "seek", *small, *search)


@pytest.fixture
def run(capsys):
    """Runs a command in this process; gives its exit code, output and errors."""
    from pns_tf import commands

    def call(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            commands.main(argv)
            code = 0
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


class OneAfterAnother(Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, work, /, *args, **kwargs):
        future = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture
def without_workers(monkeypatch):
    """Runs take place in this process, for tests of something else: workers take long to start."""

    @contextlib.contextmanager
    def here(workers, scheduler, threads=1):
        yield OneAfterAnother(), 1

    monkeypatch.setattr("pns_tf.runs.workers.open_executor", here)
    monkeypatch.setattr("pns_tf.runs.pool.open_executor", here)
    monkeypatch.setattr("pns_tf.runs.tickets.open_executor", here)


@pytest.fixture
def refused(run, tmp_path, monkeypatch):
    """Runs a command that must be refused where nothing is to change; gives its line of error."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        code, out, err = run(*argv)
        assert (code, out) == (2, "")
        assert re.fullmatch(r"pns_tf: [^\n]+\n", err), err
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return call


SERVE = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pns_tf", "tasks"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import numpy as np, tensorflow as tf

try:
    import pns_tf
except ModuleNotFoundError:
    x, *networks = sys.argv[1:]
    for number, network in enumerate(networks):
        np.save(f"{number}.npy", tf.saved_model.load(network).serve(np.load(x)))
"""


@pytest.fixture
def serve_elsewhere(run_python, tmp_path):
    """Outputs of SavedModels in a process in which this package cannot be imported."""

    def serve(networks: list[Path], x: np.ndarray) -> list[np.ndarray]:
        np.save(tmp_path / "x.npy", x)
        done = run_python("-I", "-c", SERVE, "x.npy", *networks, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return [np.load(tmp_path / f"{number}.npy") for number in range(len(networks))]

    return serve


@pytest.fixture(scope="session")
def run_python():
    """Runs ``python *arguments`` on this checkout in a process of its own."""

    def run(*arguments, cwd, **environment) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
