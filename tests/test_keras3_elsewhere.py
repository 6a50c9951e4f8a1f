"""Keras 3: replicas, devices, the example, and export; in processes of their own where needed."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from test_keras3 import network, pruned
from test_keras3_backends import BACKENDS

import pns_tf.keras3 as pns

EXAMPLE = Path(__file__).parents[1] / "examples" / "keras3_prune.py"
TRAINED = """
import json, sys, warnings
import keras, numpy as np
import pns_tf.keras3 as pns

def trained():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    x = np.random.default_rng(0).normal(size=(64, 8)).astype("float32")
    y = np.arange(64) % 3
    sparse = pns.Sparse(keras.optimizers.SGD(0.1, momentum=0.9))
    model.compile(sparse, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    schedule = pns.ConstantSparsity(0.5, begin_step=2, frequency=2)
    updates = pns.UpdateMasks("snip", schedule, x, y)
    model.fit(x, y, 16, epochs=2, verbose=0, shuffle=False, callbacks=[updates])
    return [[v.numpy().tolist(), mask.numpy().tolist()] for v, mask in sparse.masked()]
"""
REPLICAS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    try:
        trained()
    except ValueError as error:
        print(error)
"""
DEVICES = """
import jax
one = trained()
keras.distribution.set_distribution(keras.distribution.DataParallel())
print(json.dumps([len(jax.devices()), one, trained()]))
"""


@pytest.mark.slow
def test_more_than_one_replica_is_refused(run_python, tmp_path):
    run = run_python("-c", TRAINED + REPLICAS, cwd=tmp_path, KERAS_BACKEND="tensorflow")
    assert "is trained on 2 replicas of tf.distribute, and masks are for one" in run.stdout


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_on_two_devices_of_jax_training_is_the_same(run_python, tmp_path):
    devices = {"KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    run = run_python("-c", TRAINED + DEVICES, cwd=tmp_path, **devices)
    assert run.returncode == 0, run.stderr
    found, one, two = json.loads(run.stdout)
    assert found == 2
    for (value, mask), (other, other_mask) in zip(one, two, strict=True):
        np.testing.assert_array_equal(mask, other_mask)
        np.testing.assert_allclose(value, other, rtol=1e-5, atol=1e-6)
        assert not np.asarray(other)[np.asarray(mask) == 0].any()


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_the_example_prunes_both_of_its_networks(backend, run_python, tmp_path):
    run = run_python(EXAMPLE, "--epochs=2", cwd=tmp_path, KERAS_BACKEND=backend)
    assert run.returncode == 0, run.stderr
    found = re.findall(r"^(\w+): accuracy ([\d.]+) on (\w+)$", run.stdout, re.MULTILINE)
    assert [(name, where) for name, _, where in found] == [
        ("convolutional", backend),
        ("transformer", backend),
    ]
    assert float(found[0][1]) > 0.9  # the transformer needs more epochs
    kept = [line.split()[1:3] for line in run.stdout.splitlines() if line.startswith("all ")]
    assert kept == [["8674", "984"], ["17570", "2767"]]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_keras_exports_the_zeros_to_litert(tmp_path):
    model = pns.strip(pruned(network(), scope="local", schedule=pns.ConstantSparsity(0.75, 1)))
    model.export(tmp_path / "pruned.tflite", format="litert", verbose=False)
    interpreter = tf.lite.Interpreter(str(tmp_path / "pruned.tflite"))
    interpreter.allocate_tensors()
    kernels = [
        interpreter.get_tensor(details["index"])
        for details in interpreter.get_tensor_details()
        if tuple(details["shape"]) in {(16, 8), (3, 16)}
    ]
    assert [(k == 0).mean() for k in kernels] == [0.75, 0.75]


@pytest.mark.parametrize("begin", [0, 4])
def test_a_schedule_without_an_end_is_tfmots(begin):
    theirs = tfmot.sparsity.keras.ConstantSparsity(0.7, begin, frequency=5)
    ours = pns.ConstantSparsity(0.7, begin, frequency=5)
    due = [bool(theirs(tf.constant(step, tf.int64))[0]) for step in range(1, 60)]
    assert [ours.due(step) for step in range(1, 60)] == due
