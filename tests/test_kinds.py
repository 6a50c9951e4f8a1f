"""The two kinds of task say what follows from them, and still read as text."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from pns_tf import tasks
from pns_tf.checks import InputError
from pns_tf.tasks.kinds import CLASSIFICATION, KINDS, REGRESSION, kind_named

HELIX = tasks.get("helix")


def test_a_task_given_its_kind_as_text_has_the_object():
    task = dataclasses.replace(HELIX, kind="classification")
    assert task.kind is CLASSIFICATION
    assert dataclasses.replace(HELIX, kind=REGRESSION).kind is REGRESSION
    assert {tasks.get(name).kind for name in tasks.names()} == {CLASSIFICATION, REGRESSION}


@pytest.mark.parametrize("kind", ["classify", "regresion", 3, None])
def test_any_other_kind_of_task_is_refused_with_the_choices(kind):
    with pytest.raises(InputError, match=r"classification, regression.*") as error:
        dataclasses.replace(HELIX, kind=kind)
    assert repr(kind) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_kind_reads_as_its_name_and_survives_copies():
    for name, kind in KINDS.items():
        assert kind == name
        assert f"{kind}" == name
        assert {name: 1}[kind] == 1
        assert pickle.loads(pickle.dumps(kind)) is kind
        assert copy.deepcopy(kind) is kind
        assert kind_named(name) is kind
    assert CLASSIFICATION != REGRESSION
    assert CLASSIFICATION != "regression"


def test_metrics_and_best_constants():
    y_train, y = np.array([0, 1, 1, 2]), np.array([1, 1, 0, 2])
    logits = np.eye(3)[[1, 1, 0, 0]]
    assert CLASSIFICATION.measure(logits, y_train, logits, y) == 0.75
    assert CLASSIFICATION.best_constant(y_train, y) == 0.5
    values, goal = np.array([[1.0], [3.0]]), np.array([[2.0], [6.0]])
    assert REGRESSION.judge(values, goal) == 5.0
    assert REGRESSION.measure(values, goal, values, goal) == 0.0  # twice as large is right
    assert REGRESSION.best_constant(goal, goal) == 4.0


@pytest.mark.parametrize(("kind", "planted", "near"), [
    (CLASSIFICATION, 0.98, [0.97, 0.99, 1.0]),
    (REGRESSION, 1e-3, [2e-3, 1e-3, 0.0]),
])  # fmt: skip
def test_the_distance_from_the_planted_ticket_is_one_at_the_limit(kind, planted, near):
    assert kind.shortfall(planted, kind.limit(planted)) == pytest.approx(1)
    distances = [kind.shortfall(planted, metric) for metric in near]
    assert distances == sorted(distances, reverse=True)  # from worse to better
    assert max(distances) < 1
    errors = [kind.error(metric) for metric in near]
    assert errors == sorted(errors, reverse=True)
    assert (near[-1] > near[0]) == kind.higher_is_better
