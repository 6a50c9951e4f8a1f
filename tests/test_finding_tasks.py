"""Tasks are found whatever lies in the user's folder, and one of their own by its module."""

import json
import sys

import pytest

from pns_tf import tasks

OWN = """
import numpy as np
from pns_tf.tasks import Task

TASK = Task(
    name="absolute", summary="y = |x|", inputs=1, outputs=1, kind="regression",
    label=lambda x, noise, rng: np.abs(x) + noise * rng.standard_normal(x.shape),
    layers=lambda depth: [(np.array([[1.0, -1.0]]), np.zeros(2)),
                          *[(np.eye(2), np.zeros(2))] * (depth - 3),
                          (np.ones((2, 1)), np.zeros(1))],
)
NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with a module ``own_task_*`` in it, a new name each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"own_task_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(OWN, encoding="utf-8")
    return name


@pytest.mark.parametrize(
    "content", ["raise RuntimeError('not this one')", "", "names = get = None"]
)
def test_a_file_called_tasks_in_the_current_folder_is_left_alone(run_python, tmp_path, content):
    (tmp_path / "tasks.py").write_text(content, encoding="utf-8")
    done = run_python("-m", "pns_tf", "tasks", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "helix" in done.stdout


def test_the_users_own_tasks_module_stays_theirs(run_python, tmp_path):
    (tmp_path / "tasks.py").write_text("OWN = True", encoding="utf-8")
    program = (
        "import pns_tf; names = pns_tf.tasks.names()\n"
        "import tasks; print(tasks.OWN, *names, pns_tf.tasks.get('relu').target(3).shape)"
    )
    done = run_python("-c", program, cwd=tmp_path)
    assert done.stdout == f"True {' '.join(tasks.names())} (1, 1, 1)\n", done.stderr


def test_a_folder_called_tasks_without_tasks_is_left_alone(run_python, tmp_path):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "__init__.py").write_text("", encoding="utf-8")
    done = run_python("-c", "import pns_tf; print(*pns_tf.tasks.names())", cwd=tmp_path)
    assert done.stdout == f"{' '.join(tasks.names())}\n", done.stderr


@pytest.mark.parametrize("module", ["pruners", "tasks", "masks", "checks"])
def test_modules_are_attributes_after_importing_the_package_alone(run_python, tmp_path, module):
    done = run_python("-c", f"import pns_tf; print(pns_tf.{module}.__name__)", cwd=tmp_path)
    assert done.stdout == f"pns_tf.{module}\n", done.stderr


def test_a_task_of_ones_own_is_found_by_its_module(folder):
    task = tasks.get(f"{folder}:TASK")
    assert task.name == f"{folder}:TASK"
    assert task.target(5).nonzero_weights == 8


def test_a_task_of_ones_own_is_planted_and_read_back(folder, run, tmp_path):
    import pns_tf

    code, _, err = run("plant", f"--task={folder}:TASK", "--width=20", "--samples=100")
    assert (code, err) == (0, "")
    (path,) = (tmp_path / "saved_models").iterdir()
    assert ":" not in path.name
    assert json.loads((path / "ticket.json").read_text())["task"] == f"{folder}:TASK"
    assert pns_tf.load_planted(path).task.summary == "y = |x|"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_module:TASK", "ModuleNotFoundError"),
        ("{}:OTHER", "AttributeError"),
        ("{}:NUMBER", "must be a tasks.Task, got a int"),
        ("../x:TASK", "must be a name or module:NAME"),
        (":TASK", "must be a name or module:NAME"),
    ],
)
def test_a_task_that_cannot_be_loaded_is_refused_with_the_reason(folder, name, reason):
    with pytest.raises(ValueError, match=reason):
        tasks.get(name.format(folder))
