"""Found tickets as TFLite files: small, and the same network."""

import json
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
from tflite_runner import run_tflite

from pns_tf.saving.exporting import Server
from pns_tf.saving.tflite import convert

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")


def sparse_server(sizes, density=1.0, seed=0) -> Server:
    rng = np.random.default_rng(seed)
    shapes = list(pairwise(sizes))
    kernels = [rng.normal(size=s) * (rng.random(s) < density) for s in shapes]
    return Server(kernels, [rng.normal(size=n) for n in sizes[1:]], np.full(sizes[-1], 2.0))


def test_the_file_computes_what_the_saved_model_does(found_run):
    x = np.random.default_rng(0).uniform(-1, 1, (64, 2)).astype(np.float32)
    served = tf.saved_model.load(str(found_run / "trained")).serve(x)
    content = (found_run / "trained.tflite").read_bytes()
    np.testing.assert_allclose(run_tflite(content, x), served, atol=1e-5)
    np.testing.assert_allclose(run_tflite(content, x[:1]), served[:1], atol=1e-5)


def test_the_record_holds_the_sizes(found_run):
    record = json.loads((found_run / "ticket.json").read_text(encoding="utf-8"))
    sizes = record["tflite_bytes"]
    assert sizes["ticket"] == (found_run / "trained.tflite").stat().st_size
    dense = 4 * sum(a * b + b for a, b in pairwise(record["layer_sizes"]))
    assert dense < sizes["dense_host"] < dense + 4000


@pytest.mark.parametrize("density", [0.3, 0.05])
@pytest.mark.parametrize("sizes", [(1, 100, 100, 3), (2, 30, 30, 4), (3, 15, 7, 1), (6, 2)])
def test_layers_of_any_size_and_density_compute_the_same(sizes, density):
    x = np.random.default_rng(1).normal(size=(8, sizes[0])).astype(np.float32)
    server = sparse_server(sizes, density)
    np.testing.assert_allclose(run_tflite(convert(server), x), server.serve(x), atol=1e-4)


def test_a_network_can_be_stored_densely():
    x, server = np.ones((2, 3), np.float32), sparse_server((3, 60, 60, 2), density=0.1)
    content = convert(server, sparse=False)
    np.testing.assert_allclose(run_tflite(content, x), server.serve(x), atol=1e-5)
    assert len(content) > len(convert(server))


def test_a_ticket_without_whole_neurons_computes_the_same():
    server = sparse_server((3, 30, 30, 2))
    for kernel in server.kernels:
        kernel[:, 2:].assign(tf.zeros_like(kernel[:, 2:]))  # runs of zeros are stored in blocks
    x = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    np.testing.assert_allclose(run_tflite(convert(server), x), server.serve(x), atol=1e-4)


def test_the_sparser_the_smaller():
    dense, tenth, hundredth = (
        len(convert(sparse_server((3, 100, 100, 2), density))) for density in (1.0, 0.1, 0.01)
    )
    assert hundredth < tenth < dense / 3


def test_a_collapsed_ticket_is_converted_too():
    server = sparse_server((3, 10, 10, 2), density=0.0)
    x = np.ones((4, 3), np.float32)
    np.testing.assert_allclose(run_tflite(convert(server), x), server.serve(x), atol=1e-6)
