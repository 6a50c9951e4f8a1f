"""Plain functions of NumPy arrays as pruners, in one process with the judge."""

import sys

import pytest

import pns_tf

SHORT = {"epochs": 1, "samples": 400}


@pytest.fixture(scope="module")
def found():
    """What ``seek`` says of the project's own magnitude pruning in the same host."""
    return pns_tf.seek(pns_tf.plant("circle", depth=4, width=20), "magnitude", 0.2, **SHORT)


FUNCTIONS = """
import numpy as np

def scores(instance, density, rng):
    assert instance.x_train.shape == (360, 2) and set(instance.host) == set(instance.shapes)
    return {name: abs(array) for name, array in instance.host.items()}

def masks(instance, density, rng):
    flat = np.concatenate([abs(array).ravel() for array in instance.host.values()])
    threshold = np.sort(flat)[-round(density * flat.size)]
    return [abs(array) >= threshold for array in instance.host.values()]

def random(instance, density, rng):
    return [rng.random(array.shape) for array in instance.host.values()]

def too_many(instance, density, rng):
    return [np.ones(array.shape, bool) for array in instance.host.values()]

def nothing(instance, density, rng):
    return None

def other_shape(instance, density, rng):
    return [array.ravel() for array in instance.host.values()]

def other_names(instance, density, rng):
    return {"kernel9": instance.host["kernel0"]}

def fails(instance, density, rng):
    return 1 / 0

def ragged(instance, density, rng):
    return {name: [[1, 2], [3]] for name in instance.host}
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "my_functions.py").write_text(FUNCTIONS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("my_functions", None)


def sought(name, **settings):
    planted = pns_tf.plant("circle", depth=4, width=20)
    return pns_tf.seek(planted, f"my_functions:{name}", 0.2, **SHORT, **settings)


@pytest.mark.parametrize("name", ["scores", "masks"])
def test_a_plain_function_is_a_pruner(functions, found, name):
    mine = sought(name)
    assert mine.masks == found.masks
    assert mine.metrics["final"] == found.metrics["final"]


@pytest.mark.slow
def test_a_functions_generator_follows_from_the_seed(functions):
    assert sought("random", seed=3).masks == sought("random", seed=3).masks
    assert sought("random", seed=3).masks != sought("random", seed=4).masks


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("too_many", "keeps 564 of 564 parameters: density 0.2 allows 113"),
        ("nothing", "must return arrays for kernel0, .* got a NoneType"),
        ("other_shape", r"kernel0 must have shape \(2, 20\), got \(40,\)"),
        ("other_names", "kernel9"),
        ("ragged", "pruner 'my_functions:ragged': kernel0 is no array that NumPy takes: "),
        ("fails", "fails: ZeroDivisionError: division by zero .*my_functions.py, line 29"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(functions, name, complaint):
    with pytest.raises(pns_tf.checks.InputError, match=complaint):
        sought(name)
