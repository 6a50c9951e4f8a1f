"""What a task or data of one's own must be is said in one line, before anything is computed."""

from dataclasses import replace

import numpy as np
import pytest

import pns_tf
import tasks
from pns_tf.checks import InputError
from pns_tf.tasks import Data

CIRCLE, HELIX = tasks.get("circle"), tasks.get("helix")


@pytest.mark.parametrize(("task", "label", "said"), [
    (HELIX, lambda x, noise, rng: x, r"must be numbers of shape \(20, 3\), got float64 of shape"),
    (HELIX, lambda x, noise, rng: x[:, 0], r"got float64 of shape \(20,\)"),
    (HELIX, lambda x, noise, rng: [["a"] * 3] * len(x), "numbers of shape"),
    (CIRCLE, lambda x, noise, rng: np.full(len(x), 1.6), "class numbers from 0 to 3.*got 1.6"),
    (CIRCLE, lambda x, noise, rng: 1 + np.arange(len(x)) % 4, "from 0 to 3.*got 4 among them"),
    (CIRCLE, lambda x, noise, rng: np.full(len(x), -1), "got -1 among them"),
    (CIRCLE, lambda x, noise, rng: np.zeros((len(x), 1)), r"got float64 of shape \(20, 1\)"),
])  # fmt: skip
def test_labels_that_fit_no_network_are_refused(task, label, said):
    with pytest.raises(InputError, match=f"labels of task '{task.name}' {'.*' + said}"):
        replace(task, label=label).data(20)


@pytest.mark.parametrize(("layers", "said"), [
    (lambda depth: [np.ones((2, 4))], "must be pairs of a kernel and a bias"),
    (lambda depth: [], "must be pairs of a kernel and a bias"),
    (lambda depth: [(np.ones((2, 4)), np.ones(4))], r"must be 2, from 2 inputs to 4 outputs, got"),
    (lambda depth: [(np.ones((2, 5)), np.ones(5)), (np.ones((5, 3)), np.ones(3))],
     r"got neurons \(2, 5, 3\)"),
])  # fmt: skip
def test_layers_that_are_no_target_are_refused(layers, said):
    with pytest.raises(InputError, match=said):
        replace(CIRCLE, layers=layers).target(3)


MINE = """
from dataclasses import replace
import tasks

def wrong(*given):
    raise ValueError("not so deep")

LAYERS = replace(tasks.get("circle"), name="layers", layers=wrong)
LABELS = replace(tasks.get("circle"), name="labels", label=wrong)
"""


@pytest.mark.parametrize("name", ["LAYERS", "LABELS"])
def test_what_a_task_raises_is_told_in_a_line_with_its_place(name, run, tmp_path, monkeypatch):
    (tmp_path / f"mine_{name.lower()}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    module = f"mine_{name.lower()}"
    code, _, error = run("plant", f"--task={module}:{name}", "--depth=3", "--width=40")
    assert code == 2
    assert f"task '{module}:{name}' fails: ValueError: not so deep" in error
    assert f"{module}.py, line 6" in error
    assert len(error.splitlines()) == 1


def test_data_that_do_not_fit_the_network_are_refused():
    planted = pns_tf.plant("helix", depth=3, width=40)
    x, y = np.zeros((20, 1), np.float32), np.zeros((20, 3), np.float32)
    for data, said in (
        (Data(x, y[:, :2], x, y), r"y_train must be numbers of shape \(20, 3\)"),
        (Data(x, y, x, y[:7]), r"y_test must be numbers of shape \(20, 3\)"),
        (Data(x, y, x, y, x, y[:, 0]), "y_validation must be"),
        (
            Data(np.zeros((20, 2)), y, x, y),
            r"x_train must hold samples of shape \(1,\), got .*\(2,",
        ),
        (Data(x, np.zeros(20), x, np.zeros(20)), r"y_train must be numbers of shape \(20, 3\)"),
    ):
        with pytest.raises(InputError, match=said):
            pns_tf.seek(planted, "snip", 0.5, data=data, epochs=1)
