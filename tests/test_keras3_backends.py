"""Keras 3 models are pruned by the same formulas on each backend, as tf_keras models are."""

import functools
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot
import tf_keras

import pns_tf
from pns_tf import pruners
from pns_tf.tfmot.prune import pruned_weights

CASES = Path(__file__).parent / "keras3_cases.py"
BACKENDS = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(
            importlib.util.find_spec(package) is None, reason=f"{package} is not installed"
        ),
    )
    for name, package in (("tensorflow", "tensorflow"), ("jax", "jax"), ("torch", "torch"))
]
EQUAL = {"magnitude", "synflow", "random"}
ALL = ("magnitude", "random", "snip", "grasp", "synflow")


@pytest.fixture(scope="module")
def planted():
    """A planted host, and samples to score it on."""
    planted = pns_tf.plant("circle", depth=4, width=30, seed=0)
    data = planted.data()
    return planted.host, *pruners.scoring_batch(data.x_train, data.y_train)


@pytest.fixture(scope="module")
def cases(planted, run_python, tmp_path_factory):
    """What `keras3_cases` measures on a backend; once for each."""
    folder, done = tmp_path_factory.mktemp("keras3"), {}
    host, x, y = planted
    arrays = {
        f"{('kernel', 'bias')[number % 2]}{number // 2}": variable.numpy()
        for number, variable in enumerate(host.trainable_variables)
    }
    np.savez(folder / "host.npz", x=x, y=y, **arrays)

    def of(backend):
        if backend not in done:
            out = folder / f"{backend}.npz"
            run = run_python(CASES, folder / "host.npz", out, cwd=folder, KERAS_BACKEND=backend)
            assert run.returncode == 0, run.stderr
            with np.load(out) as file:
                done[backend] = {name: file[name] for name in file.files}
            done[backend]["said"] = json.loads(str(done[backend]["said"]))
        return done[backend]

    return of


@pytest.fixture(scope="module")
def theirs(planted):
    """The masks that `pns_tf.prune` gives the host in tf_keras, by any pruner."""
    host, x, y = planted

    @functools.cache
    def of(pruner):
        schedule = tfmot.sparsity.keras.ConstantSparsity(0.9, begin_step=1)
        wrapped = pns_tf.prune(host, pruner, schedule, x, y)
        loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        wrapped.compile(tf_keras.optimizers.SGD(0.0), loss, run_eagerly=True)
        weights = host.get_weights()
        wrapped.fit(x, y, batch_size=len(x), verbose=0, callbacks=[pns_tf.UpdateMasks()])
        masks = [weight.mask.numpy().astype(bool) for weight in pruned_weights(wrapped)]
        host.set_weights(weights)
        return masks

    return of


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pruner", ALL)
def test_a_planted_host_gets_the_masks_that_it_gets_in_tf_keras(backend, pruner, cases, theirs):
    theirs = theirs(pruner)
    ours = [cases(backend)[f"mask:{pruner}:{number}"] for number in range(len(theirs))]
    equal = np.mean(np.concatenate([(a == b).ravel() for a, b in zip(ours, theirs, strict=True)]))
    assert equal >= (1 if pruner in EQUAL else 0.999)
    assert sum(mask.sum() for mask in ours) == round(0.1 * sum(mask.size for mask in ours))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_scores_are_the_same_on_each_backend(backend, cases):
    first, other = cases("tensorflow"), cases(backend)
    names = [name for name in first if name.startswith("score:")]
    assert len(names) == 5 * 5 + 2 * 8
    for name in names:
        scale = np.abs(first[name]).mean()
        np.testing.assert_allclose(
            other[name], first[name], rtol=1e-4, atol=1e-4 * scale, err_msg=name
        )


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pruner", ["snip", "grasp"])
def test_scores_in_batches_are_those_at_once(backend, pruner, cases):
    found = cases(backend)
    for number in range(5):
        whole, parts = (found[f"{kind}:{pruner}:{number}"] for kind in ("at once", "in batches"))
        np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-5 * np.abs(whole).max())


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_pruned_stays_pruned_under_every_optimizer(backend, cases):
    for name, found in cases(backend)["said"]["held"].items():
        assert found["moved"] == 0, name
        assert found["zeros"] == [0.75] * 3, name
        assert found["steps"] == 16, name
        assert min(found["trained"]) > 0.5, name  # the others feed units that never fire


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_saved_and_loaded_half_way_the_end_is_the_same(backend, cases):
    found = cases(backend)
    numbers = [name for name in found if name.startswith("whole:")]
    assert len(numbers) == 9
    for name in numbers:
        np.testing.assert_array_equal(found[name], found[name.replace("whole", "halves")])
    kept = [found[f"whole:{number}"].sum() for number in range(3)]
    assert sum(kept) == round(0.2 * (8 * 16 + 16 * 16 + 16 * 3))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_without_tensorflow_as_the_backend_it_is_not_imported(backend, cases):
    assert cases(backend)["said"]["imported"] == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_synflow_scores_what_is_beyond_float32(backend, cases):
    first, last = cases(backend)["said"]["deep"]
    assert 0 < first < np.finfo(np.float32).max
    assert 0 < last < np.finfo(np.float32).max


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_fetches_the_state_only_when_masks_change(cases):
    assert cases("jax")["said"]["synchronised"] == 2 + 1  # Keras itself does at an epoch's end
