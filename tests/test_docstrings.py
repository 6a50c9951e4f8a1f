"""The examples in docstrings run, and give what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

import pns_tf
import tasks
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.models import build_host, host_from_arrays

NOT_HERE = (
    "pns_tf.__main__",  # starts the command line
    "pns_tf.derivatives.in_torch",  # PyTorch need not be installed
    "pns_tf.datasets",  # shows a progress bar; the README's example is tested
    "pns_tf.experiments",  # need finished runs
    "pns_tf.reports",
    "pns_tf.runs",
    "pns_tf.sweeping.tuner",  # trains for minutes
)
MODULES = [
    module.name
    for package in (pns_tf, tasks)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.startswith(NOT_HERE)
]
SLOW = (
    "pns_tf",
    "pns_tf.constructing.constructed",
    "pns_tf.constructing.instances",
    "pns_tf.hosts.compaction",
    "pns_tf.recipe.hosts",
    "pns_tf.saving.found_again",
    "pns_tf.seeking",
    "pns_tf.tfmot.prune",
    "pns_tf.theory.figure",
    "pns_tf.training.epoch",
    "pns_tf.training.host",
    "pns_tf.training.last",
    "pns_tf.training.sparse",
)


@pytest.fixture(scope="module")
def folder(helix_run, tmp_path_factory):
    """The folder in which the examples find their files."""
    path = tmp_path_factory.mktemp("examples")
    (path / "saved_models").symlink_to(helix_run.parent)
    model, *_ = network()
    pruned = pns_tf.prune(model, "magnitude", schedule())
    pruned.compile("sgd", "mse")
    pruned.save(path / "half_pruned.keras")
    return path


def schedule():
    return tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=1)


def network():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2)).astype(np.float32)
    model = keras.Sequential(
        [keras.layers.Dense(8, activation="relu", input_shape=(2,)), keras.layers.Dense(2)]
    )
    return model, x, x[:, ::-1].copy()


def names_the_examples_use() -> dict:
    model, x, y = network()
    return {
        "keras": keras,
        "np": np,
        "pns_tf": pns_tf,
        "tasks": tasks,
        "tf": tf,
        "tfmot": tfmot,
        "build_host": build_host,
        "host": host_from_arrays(*draw_host([2, 6, 2])),
        "model": model,
        "rng": np.random.default_rng(0),
        **{"x": x, "y": y, "x_train": x, "y_train": y},
    }


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in ("pns_tf", "tasks", *MODULES)
    ],
)
def test_examples_run_and_give_what_they_say(name, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in filter(lambda test: test.examples, doctest.DocTestFinder().find(module)):
        test.globs = names_the_examples_use() | test.globs
        runner.run(test)
    results = runner.summarize(verbose=False)
    assert results.failed == 0, capsys.readouterr().out
