"""What is to be learned: the data of the tasks, and how a task is found."""

import numpy as np
import pytest

import tasks
from tasks import InputError


@pytest.fixture(params=tasks.names())
def task(request):
    return tasks.get(request.param)


def test_the_papers_three_tasks_are_found():
    assert {"circle", "helix", "relu"} <= set(tasks.names())
    assert tasks.names() == sorted(tasks.names())
    assert [tasks.get(name).name for name in tasks.names()] == tasks.names()


def test_a_tenth_of_the_samples_is_held_out(task):
    data = task.data(samples=10_000)
    y_shape = () if task.kind == "classification" else (task.outputs,)
    assert data.x_train.shape == (9000, task.inputs)
    assert data.x_test.shape == (1000, task.inputs)
    assert data.y_train.shape == (9000, *y_shape)
    assert data.y_test.shape == (1000, *y_shape)
    assert data.x_train.dtype == np.float32
    assert data.y_train.dtype == (np.int32 if task.kind == "classification" else np.float32)


def test_inputs_are_uniform_on_the_unit_cube(task):
    x = task.data().x_train
    assert x.min() < -0.99
    assert x.max() > 0.99
    assert np.abs(x).max() <= 1
    np.testing.assert_allclose(np.quantile(x, [0.25, 0.5, 0.75]), [-0.5, 0, 0.5], atol=0.03)


def test_the_same_seed_gives_the_same_data_and_another_seed_gives_others(task):
    first, again, other = task.data(seed=3), task.data(seed=3), task.data(seed=4)
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.x_train, other.x_train)


def test_seed_0_gives_these_samples_on_every_machine():
    relu, circle = tasks.get("relu").data(), tasks.get("circle").data()
    np.testing.assert_array_equal(
        relu.x_train[:3, 0], np.float32([0.27392337, -0.46042657, -0.91805295])
    )
    np.testing.assert_allclose(relu.y_train[:3, 0], [0.274, 0.0, 0.0], atol=0.03)
    np.testing.assert_array_equal(
        circle.x_train[:2], np.float32([[0.27392337, -0.46042657], [-0.91805295, -0.96694475]])
    )
    assert circle.y_train[:2].tolist() == [1, 3]


def test_the_noise_level_changes_labels_only(task):
    clean, noisy = task.data(noise=0), task.data(noise=0.1)
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    assert not np.array_equal(clean.y_train, noisy.y_train)


def test_the_default_noise_is_the_tasks_own(task):
    np.testing.assert_array_equal(task.data().y_train, task.data(noise=task.noise).y_train)


@pytest.mark.parametrize("name", ["relu", "helix"])
def test_regression_noise_has_the_given_standard_deviation(name):
    task = tasks.get(name)
    error = task.data(noise=0.05).y_train - task.data(noise=0).y_train
    np.testing.assert_allclose(error.std(axis=0), 0.05, rtol=0.05)
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=0.003)


def test_relu_data_follow_the_formula():
    data = tasks.get("relu").data(noise=0)
    np.testing.assert_array_equal(data.y_train, np.maximum(data.x_train, 0))


def test_helix_data_follow_the_formula():
    data = tasks.get("helix").data(noise=0)
    t = 5 * np.pi + 3 * np.pi * data.x_train[:, 0].astype(np.float64)
    expected = np.stack([t * np.cos(t), t * np.sin(t), t], axis=1) / (8 * np.pi)
    np.testing.assert_allclose(data.y_train, expected, atol=1e-6)


def rings(x: np.ndarray) -> np.ndarray:
    r2 = np.sum(x.astype(np.float64) ** 2, axis=1)
    return (r2 > 0.2).astype(int) + (r2 > 0.5) + (r2 > 0.7)


def test_circle_labels_count_the_thresholds_below_the_squared_radius():
    data = tasks.get("circle").data(noise=0)
    np.testing.assert_array_equal(data.y_train, rings(data.x_train))


def test_circle_noise_moves_a_label_to_the_nearest_other_ring():
    data = tasks.get("circle").data(noise=0.2)
    true = rings(data.x_train)
    moved = data.y_train != true
    assert moved.mean() == pytest.approx(0.2, abs=0.02)
    assert (np.abs(data.y_train - true)[moved] == 1).all()
    r2 = np.sum(data.x_train[moved].astype(np.float64) ** 2, axis=1)
    crossed = np.array([0.2, 0.5, 0.7])[np.minimum(data.y_train, true)[moved]]
    nearest = np.min(np.abs(r2[:, None] - [0.2, 0.5, 0.7]), axis=1)
    np.testing.assert_allclose(np.abs(r2 - crossed), nearest, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": 0.5}, "seed must be an integer"),
        ({"samples": 9}, "samples must be an integer of at least 10, got 9"),
        ({"noise": -0.1}, "noise must be a number of at least 0"),
        ({"noise": float("nan")}, "noise must be a number"),
        ({"noise": "much"}, "noise must be a number of at least 0, got 'much'"),
    ],
)
def test_impossible_data_are_refused(task, values, complaint):
    with pytest.raises(InputError, match=complaint):
        task.data(**values)


def test_an_unknown_task_is_refused_by_naming_the_choices():
    choices = ", ".join(tasks.names())
    with pytest.raises(InputError, match=rf"unknown task 'helx': .*{choices}.*'helix'"):
        tasks.get("helx")
