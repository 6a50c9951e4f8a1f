"""Training on several devices is training on one."""

import json

import pytest

SCRIPT = """
import json
import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import pns_tf
from pns_tf.hosts.vgg import vgg_host
from tasks import Data

rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (61, 8, 8, 3)).astype(np.float32)  # batches of 16, 16, 16 and 1
y = rng.integers(0, 3, 61).astype(np.int32)
data = Data(x[:49], y[:49], x[49:], y[49:])

def drawn():
    return vgg_host((6, "M", 8), (8, 8, 3), classes=3)

def search():
    settings = {"rounds": 2, "round_epochs": 1, "epochs": 3, "batch_size": 16}
    return pns_tf.seek(drawn(), "synflow", 0.3, data=data, augmented=True, **settings)

one = search()
with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
    alone = search()
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    two = search()
    try:
        pns_tf.seek(drawn(), "edge_popup", 0.3, data=data, options={"epochs": 1})
    except ValueError as error:
        refused = str(error)
difference = max(np.abs(a * 1.0 - b).max() for a, b in zip(one.weights, two.weights))
print(json.dumps({
    "devices": strategy.num_replicas_in_sync,
    "histories": [one.history, two.history, alone.history],
    "same masks": one.masks == two.masks,
    "difference": float(difference),
    "refused": refused,
}))
"""


@pytest.mark.slow
def test_two_devices_learn_what_one_learns(run_python, tmp_path):
    done = run_python("-c", SCRIPT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["devices"] == 2
    one, two, alone = result["histories"]
    assert len(one) == 2 + 3
    assert two == pytest.approx(one, rel=1e-4)
    assert alone == pytest.approx(one, rel=1e-4)
    assert result["same masks"]
    assert result["difference"] < 1e-3
    assert "edge-popup runs on one device" in result["refused"]
