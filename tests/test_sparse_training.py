"""Training along the remaining weights alone is training of the masked network."""

from itertools import pairwise

import numpy as np
import pytest

from pns_tf.hosts.models import build_host, host_arrays, set_masks, set_parameters
from pns_tf.masks import Mask
from pns_tf.tasks.kinds import kind_named
from pns_tf.training.epoch import compiled_epoch, train
from pns_tf.training.loop import Loop
from pns_tf.training.schedules import falling
from pns_tf.training.sparse import train_sparse


def problem(outputs, seed=0):
    """A random network, a mask with neurons that nothing feeds or uses, and samples."""
    rng = np.random.default_rng(seed)
    sizes = (2, 7, 6, outputs)
    kernels = [rng.normal(size=s).astype(np.float32) for s in pairwise(sizes)]
    biases = [rng.normal(size=n).astype(np.float32) for n in sizes[1:]]
    mask = Mask.from_layers(
        [rng.random(k.shape) < 0.6 for k in kernels], [rng.random(b.shape) < 0.4 for b in biases]
    )
    return kernels, biases, mask, rng.normal(size=(75, 2)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_it_is_what_keras_makes_of_the_masked_network(kind):
    kernels, biases, mask, x = problem(outputs=3)
    y = np.argmax(x @ np.ones((2, 3)) + [0, x[0, 0], 0.5], axis=1)
    y = y.astype(np.int32) if kind == "classification" else np.sin(x @ np.ones((2, 3)))
    ours = train_sparse(
        kernels, biases, mask, x, y, kind_named(kind), 4, Loop(np.random.default_rng(3)),
        learning_rate=0.01, batch_size=20,
    )  # fmt: skip
    host = build_host([2, 7, 6, 3])
    set_parameters(host, kernels, biases)
    set_masks(host, mask)
    epoch = compiled_epoch(host, kind, 0.01, 20)
    loop = Loop(np.random.default_rng(3))
    weights, _ = train(epoch, host.get_weights(), x, y, 4, loop)
    host.set_weights(weights)
    moved = 0.0
    for got, expected, start in zip(
        [*ours[0], *ours[1]],
        [*host_arrays(host)[0], *host_arrays(host)[1]],
        [*kernels, *biases],
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, atol=2e-5)
        moved += np.abs(got - start).sum()
    assert moved > 0.5


@pytest.mark.slow
def test_a_falling_learning_rate_ends_at_zero_and_the_loss_falls():
    kernels, biases, mask, x = problem(outputs=1)
    y, loop = np.abs(x[:, :1]), Loop(np.random.default_rng(0))
    settings = {"learning_rate": 0.02, "batch_size": 25, "share": falling}
    train_sparse(kernels, biases, mask, x, y, kind_named("regression"), 60, loop, **settings)
    assert loop.history[-1] < 0.7 * loop.history[0]
    assert loop.history[-1] == pytest.approx(loop.history[-3], rel=1e-2)


def test_what_is_pruned_stays_as_it_is():
    kernels, biases, mask, x = problem(outputs=1)
    trained = train_sparse(
        kernels, biases, mask, x, x[:, :1], kind_named("regression"), 2,
        Loop(np.random.default_rng(0)), learning_rate=0.1, batch_size=75,
    )  # fmt: skip
    for before, after, kept in zip(
        [*kernels, *biases], [*trained[0], *trained[1]], [*mask.kernels, *mask.biases], strict=True
    ):
        np.testing.assert_array_equal(before[~kept], after[~kept])
