"""n of m and blocks: as TF-MOT has them, with exact counts, by any scores, in both Keras lines."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_utils
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl import Pruning

import pns_tf
from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.pruning.patterns import Blocks, NofM, input_axis
from pns_tf.pruning.thresholds import kept_count, masks_at_sparsity

sparsity = tfmot.sparsity.keras


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def masks(scores, at, pattern, scope="local", within=None, axes=()):
    within = within or Mask.ones_like(scores)
    rng = np.random.default_rng(0)
    return masks_at_sparsity(scores, at, scope, within=within, rng=rng, pattern=pattern, axes=axes)


@pytest.mark.parametrize("shape", [(8, 5), (10, 3), (3, 3, 8, 4), (2, 2, 6, 3)])
@pytest.mark.parametrize(("n", "m"), [(2, 4), (1, 4), (1, 3)])
def test_n_of_m_are_those_of_tfmot(shape, n, m):
    weights = drawn(*shape)
    rows = pruning_utils.weights_rearrange(tf.constant(weights))
    theirs = pruning_utils.generate_m_by_n_mask(rows, (m - n, m))
    theirs = pruning_utils.m_by_n_sparsity_mask_prepare(theirs, tf.TensorShape(shape))
    ours = masks([np.abs(weights)], 1 - n / m, NofM(n, m))[0]
    np.testing.assert_array_equal(ours, theirs.numpy().astype(bool))


@pytest.mark.parametrize("block", [(4, 1), (1, 4), (2, 3)])
@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("at", [0.25, 0.5, 0.9])
def test_blocks_are_those_of_tfmot(block, pooling, at):
    weights = tf.Variable(drawn(8, 12))
    schedule = sparsity.ConstantSparsity(at, 0)
    name = {"mean": "AVG", "max": "MAX"}[pooling]
    step = lambda: tf.constant(1)  # noqa: E731
    theirs = Pruning(step, [(weights, None, None)], schedule, list(block), name)
    _, mask = theirs._maybe_update_block_mask(weights)
    ours = masks([np.abs(weights.numpy())], at, Blocks(block, pooling))[0]
    np.testing.assert_array_equal(ours, mask.numpy().astype(bool))


@settings(max_examples=30)
@given(
    shape=st.tuples(st.integers(1, 13), st.integers(1, 4)),
    at=st.sampled_from([0.0, 0.1, 0.3, 0.45]),
    scope=st.sampled_from(["local", "global"]),
    seed=st.integers(0, 5),
)
def test_on_the_way_to_two_of_four_the_count_is_exact_and_nothing_returns(shape, at, scope, seed):
    scores = [drawn(*shape, seed=seed), drawn(8, 3, seed=seed + 1)]
    first = masks(scores, at, NofM(2, 4), scope)
    final = masks(scores[::1], 0.5, NofM(2, 4), scope, within=first)
    if scope == "global":
        total = sum(score.size for score in scores)
        assert first.kept == max(kept_count(total, at), final_kept(scores))
    else:
        for mask, score in zip(first, scores, strict=True):
            assert mask.sum() == max(kept_count(mask.size, at), final_kept([score]))
    for before, after in zip(first, final, strict=True):
        assert not (after & ~before).any()
        assert groups(after).sum(axis=1).max() <= 2
    assert final.kept == final_kept(scores)


def groups(mask, m=4):
    padded = np.pad(mask, [(0, -mask.shape[0] % m), (0, 0)])
    return padded.T.reshape(-1, m)


def final_kept(scores):
    return int(sum(np.minimum(groups(np.ones(s.shape)).sum(axis=1), 2).sum() for s in scores))


def test_blocks_at_the_edge_are_smaller_and_counted_as_blocks():
    mask = masks([drawn(5, 3) ** 2], 0.5, Blocks((2, 2)))[0]
    assert mask.shape == (5, 3)
    corners = mask[::2, ::2]
    assert corners.sum() == kept_count(6, 0.5)
    wide = np.repeat(np.repeat(corners, 2, axis=0), 2, axis=1)[:5, :3]
    np.testing.assert_array_equal(mask, wide)


def test_groups_go_along_the_inputs_of_each_layer():
    layers = keras.layers
    dense = layers.Dense(3)
    assert input_axis(dense, "kernel", 2) == 0
    assert input_axis(layers.Conv2D(3, 2), "kernel", 4) == 2
    assert input_axis(layers.Conv2DTranspose(3, 2), "kernel", 4) == 3
    assert input_axis(layers.EinsumDense("...x,xy->...y", 3), "kernel", 2) == 0
    assert input_axis(layers.EinsumDense("abcd,cde->abe", (None, 3)), "kernel", 3) == 1
    assert input_axis(layers.DepthwiseConv2D(3), "depthwise_kernel", 4) is None
    assert input_axis(layers.Embedding(5, 3), "embeddings", 2) is None
    assert input_axis(dense, "bias", 1) is None


@pytest.mark.slow
def test_a_tf_keras_model_becomes_two_of_four_while_it_is_trained():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Dense(12, "relu", input_shape=(8,)), layers.Dense(2, name="head")]
    )
    x, y = drawn(64, 8), np.arange(64) % 2
    schedule = sparsity.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, frequency=4)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    pruned = pns_tf.prune(model, "snip", schedule, x, y, loss=loss, pattern=NofM(2, 4))
    pruned.compile("adam", loss)
    pruned.fit(x, y, batch_size=8, verbose=0, callbacks=[pns_tf.UpdateMasks()])
    for layer in model.layers:
        kernel = layer.kernel.numpy()
        assert (groups(kernel != 0).sum(axis=1) == 2).all()


def model_with_an_embedding():
    layers = keras.layers
    return keras.Sequential(
        [layers.Embedding(5, 4, input_length=3, name="words"), layers.Flatten(), layers.Dense(2)]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NofM(4, 4), "n of NofM must be below m"),
        (lambda: NofM(0, 4), "n of NofM must be an integer of at least 1"),
        (lambda: Blocks((0, 1)), "shape of Blocks must be an integer of at least 1"),
        (lambda: Blocks(4), "shape of Blocks must be two numbers"),
        (lambda: Blocks((2, 2), "sum"), "unknown pooling 'sum'"),
        (lambda: masks([drawn(4, 2)], 0.6, NofM(2, 4)), "is sparsity 0.5, but the schedule asks"),
        (
            lambda: pns_tf.prune(
                model_with_an_embedding(), "magnitude", sparsity.ConstantSparsity(0.5, 0),
                pattern=NofM(),
            ),
            "words/embeddings sums none: leave its layer out",
        ),
        (
            lambda: pns_tf.prune(
                model_with_an_embedding(), "magnitude", sparsity.ConstantSparsity(0.9, 0),
                pattern=NofM(), skip="words",
            ),
            "expected a schedule that ends there, got 0.9",
        ),
        (
            lambda: pns_tf.prune(
                model_with_an_embedding(), "magnitude", sparsity.ConstantSparsity(0.5, 0),
                pattern=Blocks(), biases=True,
            ),
            "dense.*/bias has one: leave biases dense",
        ),
        (
            lambda: pns_tf.prune(
                model_with_an_embedding(), "magnitude", sparsity.ConstantSparsity(0.5, 0),
                pattern="2:4",
            ),
            "pattern must be NofM",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_pattern_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
