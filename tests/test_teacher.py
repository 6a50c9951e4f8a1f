"""Tasks with settings: random sparse teachers."""

import numpy as np
import pytest

import tasks
from pns_tf.recipe.run import grid
from tasks import InputError


def test_a_teacher_labels_its_own_data():
    for name in ("teacher", "teacher+inputs=8+outputs=1+weights=2", "teacher+hidden=3"):
        task = tasks.get(name)
        data, target = task.data(1000, noise=0), task.target(7)
        assert target.shape[0] == task.inputs
        np.testing.assert_allclose(target(data.x_train), data.y_train, atol=1e-5)


@pytest.mark.parametrize("depth", [3, 4, 10])
def test_a_teacher_has_any_depth_from_its_own_on(depth):
    task = tasks.get("teacher")
    x = task.data(100).x_test
    np.testing.assert_allclose(task.target(depth)(x), task.target(3)(x), atol=1e-12)


def test_a_teacher_is_as_sparse_as_it_is_said():
    task = tasks.get("teacher+inputs=10+neurons=20+weights=2")
    first = task.target(3).kernels[0]
    np.testing.assert_array_equal(np.count_nonzero(first, axis=0), 2)
    assert (np.count_nonzero(first, axis=1) > 0).all()
    last = task.target(3).kernels[1]  # two outputs need ten weights each to use twenty neurons
    np.testing.assert_array_equal(np.count_nonzero(last, axis=0), 10)
    assert (np.count_nonzero(last, axis=1) > 0).all()


def test_no_neuron_of_a_teacher_is_dead_or_linear_and_outputs_have_one_size():
    task = tasks.get("teacher+hidden=2+seed=5")
    data, target = task.data(10_000, noise=0), task.target(4)
    h = data.x_train.astype(float)
    for kernel, bias in zip(target.kernels[:-1], target.biases[:-1], strict=True):
        h = np.maximum(h @ kernel + bias, 0)
        active = (h > 0).mean(axis=0)
        assert active.min() > 0.25
        assert active.max() < 0.75
    np.testing.assert_allclose(data.y_train.std(axis=0), 0.5, rtol=0.1)


def test_equal_teachers_have_equal_names_and_settings_make_other_runs():
    names = ["teacher", "teacher+seed=1", "teacher+inputs=8+seed=1"]
    assert [tasks.get(name).name for name in names] == names
    runs = grid(names, ["snip"], [0.5], [0])
    assert len({run.name for run in runs}) == 3
    assert [run.settings["task"] for run in runs] == names
    data = [tasks.get(name).data(100, seed=0).y_train for name in names[:2]]
    assert not np.array_equal(*data)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("teacher+seed=0", "'teacher[+]seed=0' is called 'teacher'"),
        ("teacher+seed=1+inputs=8", "is called 'teacher[+]inputs=8[+]seed=1'"),
        ("teacher+width=3", "unknown setting of task 'teacher' 'width': choose from inputs"),
        ("teacher+inputs=many", "inputs of task 'teacher' must be an integer, got 'many'"),
        ("teacher+inputs=0", "inputs of a teacher must be an integer of at least 1, got 0"),
        ("teacher+neurons=1000000000", "memory"),
        ("circle+inputs=8", "task 'circle' has no settings"),
        ("teach+inputs=8", "unknown task 'teach': .*did you mean 'teacher'"),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        tasks.get(name)


def test_a_target_deeper_than_the_host_is_refused():
    with pytest.raises(InputError, match="a teacher of 3 hidden layers needs depth 5, got 4"):
        tasks.get("teacher+hidden=3").target(4)
