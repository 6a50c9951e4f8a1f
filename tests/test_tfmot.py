"""TF-MOT prunes hosts as they are, and prunes any model by any pruner."""

import functools
from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import (
    collect_prunable_layers,
)
from tflite_runner import run_tflite

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners import Pruner
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import kept_count
from pns_tf.tfmot.prune import prune, pruned_weights
from pns_tf.tfmot.update_masks import UpdateMasks
from pns_tf.tfmot.wrapper import saliency_wrappers

sparsity = tfmot.sparsity.keras
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def convnet():
    """A small convolutional network with batch normalisation and a nested model."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    head = keras.Sequential(
        [
            layers.Dense(16, input_shape=(32,), name="wide"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ],
        name="head",
    )
    x = keras.Input((8, 8, 1))
    h = layers.Conv2D(8, 3, padding="same", name="conv0")(x)
    h = layers.ReLU()(layers.BatchNormalization(name="norm")(h))
    h = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="conv1")(h)
    h = head(layers.Flatten()(layers.MaxPooling2D()(h)))
    return keras.Model(x, layers.Dense(2, name="logits")(h), name="convnet")


@functools.cache
def bars(n=512, seed=0):
    """Noisy images of one horizontal (class 0) or vertical (class 1) bar."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 8, 8, 1), scale=0.5).astype(np.float32), np.arange(n) % 2
    places = rng.integers(8, size=n)
    x[y == 0, places[y == 0]] += 1.5
    x[y == 1, :, places[y == 1]] += 1.5
    return x, y


def host(seed=0, sizes=(3, 20, 20, 2)):
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=s) for s in pairwise(sizes)]
    return host_from_arrays(kernels, [rng.normal(size=n) for n in sizes[1:]])


def points(n=96):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    return x, (x[:, 0] > x[:, 1]).astype(np.int32)


def always(density):
    return sparsity.ConstantSparsity(1 - density, 0, frequency=1)


def fit(model, x, y, callbacks, epochs=1, optimizer="sgd", eagerly=False):
    """Trains it; where no compiled step is needed to say something, eager ones take less."""
    if not getattr(model, "optimizer", None):
        model.compile(optimizer, LOSS, run_eagerly=eagerly)
        model.optimizer.build(model.trainable_variables)  # else the first step is traced twice
    model.fit(x, y, batch_size=32, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return model


def masks_of(model):
    return [weight.mask.numpy() for weight in pruned_weights(model)]


def zeros(arrays):
    return sum(int(np.count_nonzero(np.asarray(array) == 0)) for array in arrays)


class Record(keras.callbacks.Callback):
    """Remembers masks, weights and step counters after every batch."""

    def __init__(self):
        super().__init__()
        self.masks, self.weights, self.steps = [], [], []

    def on_train_batch_end(self, batch, logs=None):
        layers = [layer for layer in collect_prunable_layers(self.model) if layer.pruning_vars]
        pairs = [pair for layer in layers for pair in layer.pruning_vars]
        self.masks.append([mask.numpy() for _, mask, _ in pairs])
        self.weights.append([weight.numpy() for weight, _, _ in pairs])
        self.steps.append({int(layer.pruning_step) for layer in layers})


class Constant(Pruner):
    """Every parameter is worth the same."""

    def calculate_scores(self, network, x, y):
        return [np.zeros(v.shape) for v in network.variables]


# --- TF-MOT's own pruning of a host ------------------------------------------------------------


@pytest.mark.slow
def test_tfmot_prunes_a_host_as_it_is_biases_too():
    model, (x, y) = host(), points()
    wrapped = sparsity.prune_low_magnitude(model, pruning_schedule=always(0.25))
    fit(wrapped, x, y, [sparsity.UpdatePruningStep()])
    stripped = sparsity.strip_pruning(wrapped)
    for layer in stripped.layers[1:]:
        for weight in layer.get_prunable_weights():
            kept = np.count_nonzero(weight.numpy())
            assert kept == max(round(weight.shape.num_elements() / 4), 1)
    np.testing.assert_array_equal(stripped(x), wrapped(x))


# --- the same wrapper, any pruner --------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_the_round_trip_keeps_what_the_schedule_asked_for_and_the_accuracy(tmp_path):
    (x, y), (x_test, y_test) = bars(1024), bars(seed=1)
    batch = pruners.scoring_batch(x, y, samples_per_class=20)
    schedule = sparsity.PolynomialDecay(0.3, 0.9, begin_step=10, end_step=150, frequency=10)
    model = prune(convnet(), "snip", schedule, *batch)
    fit(model, x, y, [UpdateMasks()], epochs=10, optimizer=keras.optimizers.Adam(0.01))

    stripped = sparsity.strip_pruning(model)
    assert not saliency_wrappers(stripped)
    stripped.save(tmp_path / "small.keras")
    loaded = keras.models.load_model(tmp_path / "small.keras")
    kernels = [weight.variable.numpy() for weight in prunable_weights(loaded, biases=False)]
    total = sum(kernel.size for kernel in kernels)
    assert total == 9 * 8 + 9 * 64 + 32 * 16 + 16 * 2
    assert zeros(kernels) == total - round(0.1 * total)

    logits = loaded.predict(x_test, verbose=0)
    accuracy = np.mean(logits.argmax(axis=1) == y_test)
    assert accuracy > 0.9  # guessing gives 0.5

    tflite = tf.lite.TFLiteConverter.from_keras_model(loaded).convert()
    np.testing.assert_allclose(run_tflite(tflite, x_test[:64]), logits[:64], atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("make", [host, convnet])
def test_local_magnitude_masks_equal_those_of_tfmot_bit_for_bit_through_a_whole_fit(make):
    x, y = points() if make is host else bars(96)
    schedule = sparsity.PolynomialDecay(0.4, 0.85, begin_step=1, end_step=9, frequency=2)
    stock = sparsity.prune_low_magnitude(make(), pruning_schedule=schedule)
    ours = prune(make(), "magnitude", schedule, scope="local")
    theirs, mine = Record(), Record()
    # Small steps: TF-MOT lets a pruned weight return once an update has made it large enough.
    fit(stock, x, y, [sparsity.UpdatePruningStep(), theirs], 4, keras.optimizers.SGD(1e-3))
    fit(ours, x, y, [UpdateMasks(), mine], 4, keras.optimizers.SGD(1e-3))
    assert mine.steps == theirs.steps == [{step} for step in range(1, 13)]
    for a, b in zip(theirs.masks, mine.masks, strict=True):
        assert [array.tobytes() for array in a] == [array.tobytes() for array in b]
    # TF-MOT lets the optimizer move pruned weights until the next batch begins.
    for a, masks, b in zip(theirs.weights, theirs.masks, mine.weights, strict=True):
        for theirs_, mask, mine_ in zip(a, masks, b, strict=True):
            np.testing.assert_array_equal(theirs_ * mask, mine_)
    densities = [1 - zeros(m) / sum(a.size for a in m) for m in mine.masks]
    assert densities[0] == pytest.approx(0.6, abs=0.02)
    assert densities[-1] == pytest.approx(0.15, abs=0.02)
    assert len(set(densities)) == 5  # refreshed at steps 1, 3, 5, 7 and 9


@pytest.mark.parametrize("scope", ["global", "local"])
@pytest.mark.parametrize("pruner", ["random", "magnitude", "snip", "grasp", "synflow"])
def test_every_pruner_reaches_the_density_of_the_schedule(pruner, scope):
    x, y = points(32)
    model = prune(host(), pruner, always(0.2), x, y, scope=scope)
    fit(model, x, y, [UpdateMasks()], eagerly=True)
    weights = pruned_weights(model)
    sizes = [weight.mask.shape.num_elements() for weight in weights]
    kept = [size - zeros([mask]) for size, mask in zip(sizes, masks_of(model), strict=True)]
    if scope == "global":
        assert sum(kept) == round(0.2 * sum(sizes))
    else:
        assert kept == [max(round(0.2 * size), 1) for size in sizes]
    assert zeros(w.variable for w in weights) == sum(sizes) - sum(kept)


def test_global_scope_judges_all_weights_by_one_threshold():
    model = prune(host(), "magnitude", always(0.3))
    fit(model, *points(), [UpdateMasks()], optimizer=keras.optimizers.SGD(0.0), eagerly=True)
    kept = np.concatenate([np.abs(w.ravel()) for w in weights_of(host())])
    threshold = np.sort(kept)[-round(0.3 * kept.size)]
    for mask, weight in zip(masks_of(model), weights_of(host()), strict=True):
        np.testing.assert_array_equal(mask == 1, np.abs(weight) >= threshold)
    stored = {float(t) for layer in saliency_wrappers(model) for _, _, t in layer.pruning_vars}
    assert min(stored) == threshold


def weights_of(model):
    return [weight.variable.numpy() for weight in prunable_weights(model)]


@pytest.mark.slow
def test_masks_change_only_at_the_steps_of_the_schedule_and_never_return():
    x, y = bars(256)
    schedule = sparsity.PolynomialDecay(0.2, 0.8, begin_step=3, end_step=15, frequency=4)
    model, record = prune(convnet(), "snip", schedule, x[:40], y[:40]), Record()
    callbacks = [UpdateMasks(), record]
    fit(model, x, y, callbacks, epochs=2, optimizer=keras.optimizers.Adam(0.05), eagerly=True)
    kept = [sum(a.size for a in masks) - zeros(masks) for masks in record.masks]
    changes = [step for step in range(2, 17) if kept[step - 1] != kept[step - 2]]
    assert changes == [3, 7, 11, 15]
    for before, after in pairwise(record.masks):
        assert all((a <= b).all() for a, b in zip(after, before, strict=True))
    total = sum(a.size for a in record.masks[0])
    goals = [float(schedule(tf.constant(step, tf.int64))[1]) for step in changes]
    assert [kept[step - 1] for step in changes] == [kept_count(total, goal) for goal in goals]


def test_ties_are_broken_to_the_exact_count_and_not_towards_low_indices():
    model = prune(host(), Constant(seed=3), always(0.5))
    fit(model, *points(), [UpdateMasks()], eagerly=True)
    flat = np.concatenate([mask.ravel() for mask in masks_of(model)])
    assert flat.sum() == round(0.5 * flat.size)
    half = flat.size // 2
    assert abs(flat[:half].sum() - flat[half:].sum()) < 5 * np.sqrt(flat.size)


def test_only_layers_with_prunable_weights_are_wrapped():
    model = prune(convnet(), "magnitude", always(0.5))
    wrapped = {layer.layer.name for layer in saliency_wrappers(model)}
    assert wrapped == {"conv0", "conv1", "wide", "logits"}
    assert isinstance(model.get_layer("norm"), keras.layers.BatchNormalization)
    assert [w.name.rpartition("/")[2] for w in pruned_weights(model)] == ["kernel"] * 4


@pytest.mark.slow
def test_biases_of_stock_layers_are_pruned_on_request():
    model = prune(convnet(), "random", always(0.25), biases=True, scope="local")
    fit(model, *bars(64), [UpdateMasks()], eagerly=True)
    biases = {w.name: w.mask.numpy() for w in pruned_weights(model) if w.name.endswith("bias")}
    assert [mask.sum() for mask in biases.values()] == [2, 2, 4, 1]


@pytest.mark.slow
def test_a_sequential_model_without_input_shape_is_built_by_the_samples():
    x, y = points()
    model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)])
    pruned = fit(prune(model, "snip", always(0.5), x, y), x, y, [UpdateMasks()], eagerly=True)
    assert sum(mask.sum() for mask in masks_of(pruned)) == (3 * 8 + 8 * 2) / 2


def test_what_a_host_has_pruned_itself_stays_pruned():
    model = host()
    own = model.layers[1].kernel_mask
    own.assign(np.tile([1.0, 0.0], (3, 10)))
    pruned = prune(model, "magnitude", always(0.5), scope="local")
    fit(pruned, *points(), [UpdateMasks()], eagerly=True)
    mask = pruned_weights(pruned)[0].mask.numpy()
    np.testing.assert_array_equal(mask, own.numpy())
    np.testing.assert_array_equal(own.numpy(), np.tile([1.0, 0.0], (3, 10)))


# --- what cannot work --------------------------------------------------------------------------


@pytest.mark.slow
def test_training_without_the_callback_says_so():
    model = prune(convnet(), "magnitude", always(0.5))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"needs the callback .*UpdateMasks"):
        fit(model, *bars(64), [sparsity.UpdatePruningStep()])


def test_bad_input_is_one_clear_line():
    x, y = points()
    flat = keras.Sequential([keras.layers.Flatten(input_shape=(2,))], name="flat")
    cases = [
        (lambda: prune(flat, "magnitude", always(0.5)), "'flat' has no prunable layer"),
        (lambda: prune(host(), "snap", always(0.5)), "unknown pruner 'snap'"),
        (lambda: prune(host(), Pruner(), always(0.5)), "'pruner' gives no scores"),
        (lambda: prune(host(), 3, always(0.5)), "pruner must be a name or .*got 3"),
        (lambda: prune(host(), "snip", always(0.5)), "'snip' scores by samples"),
        (lambda: prune(host(), "snip", always(0.5), x * np.nan, y), "x holds .* not finite"),
        (
            lambda: prune(host(), "snip", always(0.5), x, y, scope="layer"),
            "unknown scope 'layer': choose from global, local",
        ),
        (lambda: prune(host(), "magnitude", 0.5), "must be a TF-MOT PruningSchedule, got 0.5"),
        (
            lambda: prune(prune(host(), "magnitude", always(0.5)), "magnitude", always(0.5)),
            "already wrapped",
        ),
        (lambda: fit(host(), x, y, [UpdateMasks("magnitude")]), "'host' is not wrapped"),
        (lambda: UpdateMasks(scope="local"), "only together with a pruner"),
    ]
    for bad, message in cases:
        with pytest.raises(InputError, match=message) as error:
            bad()
        assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("together", [4, 5])
def test_several_steps_in_one_execution_end_at_the_same_step_and_density(together):
    schedule = sparsity.PolynomialDecay(0.2, 0.8, begin_step=2, end_step=10, frequency=2)
    model = prune(host(), "magnitude", schedule)
    model.compile("sgd", LOSS, steps_per_execution=together)
    model.fit(*points(), batch_size=8, verbose=0, callbacks=[UpdateMasks()])  # 12 steps
    assert {int(layer.pruning_step) for layer in saliency_wrappers(model)} == {12}
    masks = masks_of(model)
    assert sum(mask.sum() for mask in masks) == kept_count(sum(m.size for m in masks), 0.8)


def test_a_subclassed_model_is_refused():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = keras.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    with pytest.raises(InputError, match="'own' must be functional or sequential"):
        prune(Own(), "snip", always(0.5), *points())
