"""Keras 3 models are pruned while they train, by the same formulas on each backend."""

import ast
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

import pns_tf.keras3 as pns
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.keras3.layers import prunable_weights
from pns_tf.keras3.sparse import sparse_in
from pns_tf.pruners import Pruner
from pns_tf.pruning.thresholds import kept_count

ALL = ("magnitude", "random", "snip", "grasp", "synflow")
L = keras.layers
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize("begin", [0, 3])
@pytest.mark.parametrize("power", [1, 3, 2.5])
@pytest.mark.parametrize("frequency", [10, 70])
def test_schedules_are_tfmots_step_by_step(begin, power, frequency):
    settings = {"begin_step": begin, "end_step": begin + 210, "frequency": frequency}
    for name, arguments in {
        "PolynomialDecay": {"initial_sparsity": 0.1, "final_sparsity": 0.93, "power": power},
        "ConstantSparsity": {"target_sparsity": 0.7},
    }.items():
        ours = getattr(pns, name)(**arguments, **settings)
        theirs = getattr(tfmot.sparsity.keras, name)(**arguments, **settings)
        for step in [*range(1, 230, 7), *range(frequency + begin, 230, frequency)]:
            due, sparsity = theirs(tf.constant(step, tf.int64))
            assert ours.due(step) == bool(due), step
            np.testing.assert_allclose(ours.sparsity(step), sparsity.numpy(), rtol=2e-7, atol=1e-7)


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((8,)), L.Dense(16, "relu", name="first"), L.Dense(3, name="head")]
    )


def samples(n=32, inputs=8, classes=3):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, inputs)).astype(np.float32), np.arange(n) % classes


def at_once(sparsity=0.5):
    return pns.ConstantSparsity(sparsity, begin_step=1)


def pruned(model, pruner="magnitude", *, schedule=None, optimizer="adam", eagerly=True, **options):
    """The model after one epoch of training with masks; to compile its steps takes longer."""
    x, y = samples()
    if not getattr(model, "compiled", False):
        model.compile(pns.Sparse(optimizer), LOGITS, run_eagerly=eagerly)
    updates = pns.UpdateMasks(pruner, schedule or at_once(), **options)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[updates])
    return model


def zeros(model):
    return [float((v.numpy() == 0).mean()) for v, _ in model.optimizer.masked()]


class Net(keras.Model):
    """A subclassed model with layers that no graph knows of."""

    def __init__(self):
        super().__init__()
        self.blocks = [L.Dense(12, "relu", name="a"), L.Dense(12, "relu", name="b")]
        self.head = L.Dense(3, name="head")

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def test_a_subclassed_model_is_pruned_that_was_never_called_before():
    x, y = samples()
    model = pruned(Net(), "snip", x=x, y=y, scope="local", eagerly=False)
    assert zeros(model) == [0.5, 0.5, 0.5]


def test_a_nested_model_is_pruned_inside():
    inner = keras.Sequential([L.Dense(8, "relu", name="dense")], name="encoder")
    x = keras.Input((8,))
    model = keras.Model(x, L.Dense(3, name="dense")(inner(x)))
    names = [weight.name for weight in prunable_weights(model)]
    assert names == ["encoder/dense/kernel", "dense/kernel"]
    pruned(model, scope="local", skip="encoder")
    assert zeros(model) == [0.5]
    assert inner.layers[-1].kernel.numpy().all()


def test_a_shared_layer_has_one_mask():
    shared = L.Dense(8, "relu", name="shared")
    x = keras.Input((8,))
    model = pruned(keras.Model(x, L.Dense(3)(shared(shared(x)))), scope="local")
    assert len(zeros(model)) == 2


def test_the_models_that_tfmot_refuses_are_pruned():
    # Layers and models of Keras 3 are, for TF-MOT, no layers of Keras at all.
    with pytest.raises(ValueError, match=r"can only prune an object of the following types"):
        tfmot.sparsity.keras.prune_low_magnitude(network())
    assert zeros(pruned(network(), scope="local")) == [0.5, 0.5]


class IsHead(L.Dense):
    """A layer of a type of its own."""


def every_kind():
    image = keras.Input((6, 6, 2))
    h = L.Conv2D(4, 3, name="conv2d")(image)
    h = L.DepthwiseConv2D(2, name="depthwise")(L.BatchNormalization()(h))
    h = L.Conv2DTranspose(3, 2, name="transposed")(L.SeparableConv2D(3, 2, name="separable")(h))
    h = L.Conv3D(2, 1, name="conv3d")(L.Reshape((3, 3, 3, 1))(h[:, :3, :3]))
    h = L.Conv1D(4, 1, name="conv1d")(L.Reshape((9, 6))(h))
    words = L.Embedding(5, 4, name="words")(keras.Input((9,), dtype="int32", name="tokens"))
    h = L.EinsumDense("abc,cd->abd", (None, 4), name="einsum")(h + words)
    h = L.MultiHeadAttention(2, 2, name="attention")(h, h)
    h = L.Bidirectional(L.GRU(3), name="both")(L.LSTM(4, return_sequences=True, name="lstm")(h))
    inputs = [image, words._keras_history.operation.input]
    return keras.Model(inputs, L.Dense(3, name="head")(h))


def test_kernels_are_found_in_every_kind_of_layer():
    names = [weight.name for weight in prunable_weights(every_kind())]
    attention = [f"attention/{part}/kernel" for part in ("query", "key", "value")]
    assert set(names) == {
        "conv2d/kernel", "depthwise/kernel", "transposed/kernel", "separable/depthwise_kernel",
        "separable/pointwise_kernel", "conv3d/kernel", "conv1d/kernel", "words/embeddings",
        "einsum/kernel", *attention, "attention/attention_output/kernel",
        "lstm/lstm_cell/kernel", "lstm/lstm_cell/recurrent_kernel",
        "both/forward_gru/gru_cell/kernel", "both/forward_gru/gru_cell/recurrent_kernel",
        "both/backward_gru/gru_cell/kernel", "both/backward_gru/gru_cell/recurrent_kernel",
        "head/kernel",
    }  # fmt: skip


@pytest.mark.parametrize("skip", ["head", ["head"], lambda layer: layer.name == "head", IsHead])
def test_layers_are_skipped_by_name_type_or_function(skip):
    model = keras.Sequential([keras.Input((8,)), L.Dense(16, name="first"), IsHead(3, name="head")])
    assert [weight.name for weight in prunable_weights(model, skip=skip)] == ["first/kernel"]


def test_skipping_what_is_not_there_or_everything_is_refused():
    with pytest.raises(InputError, match=r"skip fits no layer .* got Softmax"):
        prunable_weights(network(), skip=L.Softmax)
    with pytest.raises(InputError, match="no weight that can be pruned"):
        prunable_weights(network(), skip=["first", L.Dense])
    with pytest.raises(InputError, match="skip must hold names of layers, types"):
        prunable_weights(network(), skip=[3])


def test_a_pruner_of_ones_own_is_one_class_for_both_lines():
    class Least(Pruner):
        """Keeps small weights that the loss is sensitive to."""

        uses_data = True

        def calculate_scores(self, network, x, y):
            slopes = network.gradient(lambda: network.loss(x, y))
            return [abs(g) - abs(v) for v, g in zip(network.values(), slopes, strict=True)]

    x, y = samples()
    model = pruned(network(), Least(), x=x, y=y, scope="local", optimizer=keras.optimizers.SGD(0.0))
    host = tf_keras.Sequential([tf_keras.layers.Dense(16, "relu"), tf_keras.layers.Dense(3)])
    host.build((None, 8))
    host.set_weights([w.numpy() for w in network().weights])
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    scores = Least().score(host, x, y, loss)[::2]
    for score, (_, mask) in zip(scores, model.optimizer.masked(), strict=True):
        assert score[mask.numpy() == 1].min() >= score[mask.numpy() == 0].max()


def test_patterns_hold_in_keras_3():
    model = pruned(network(), pattern=pns.NofM(2, 4), skip="head")
    kernel = model.get_layer("first").kernel.numpy()
    assert ((kernel.T.reshape(-1, 4) != 0).sum(axis=1) == 2).all()
    model = pruned(network(), pattern=pns.Blocks((8, 1)), skip="head")
    columns = model.get_layer("first").kernel.numpy().any(axis=0)
    assert columns.sum() == 8


def test_global_scope_keeps_the_exact_number():
    model = pruned(network(), scope="global", schedule=at_once(0.7), biases=True)
    kept = sum(int(mask.numpy().sum()) for _, mask in model.optimizer.masked())
    assert kept == kept_count(8 * 16 + 16 + 16 * 3 + 3, 0.7)


@pytest.mark.slow
def test_masks_can_be_switched_on_after_a_training_without_them():
    model, (x, y) = network(), samples()
    model.compile(pns.Sparse("adam"), LOGITS)
    model.fit(x, y, verbose=0)
    assert zeros(pruned(model, scope="local")) == [0.5, 0.5]
    model.fit(x, y, verbose=0)  # without the callback
    assert zeros(model) == [0.5, 0.5]


# Keras's own saving makes NumPy warn.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
def test_stripping_changes_nothing_but_the_optimizer(tmp_path):
    model, (x, y) = pruned(network(), eagerly=False), samples()
    before, outputs = [w.numpy() for w in model.weights], model.predict(x, verbose=0)
    inner = model.optimizer.inner_optimizer
    assert pns.strip(model) is model
    assert model.optimizer is inner
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    model.save(tmp_path / "plain.keras")
    loaded = keras.models.load_model(tmp_path / "plain.keras")
    assert type(loaded.optimizer) is type(inner)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), outputs)
    model.fit(x, y, verbose=0)


def test_a_loss_scale_outside_stays_when_it_is_stripped():
    model = network()
    model.compile(keras.optimizers.LossScaleOptimizer(pns.Sparse("adam")), LOGITS)
    optimizer = pns.strip(model).optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    assert sparse_in(optimizer) is None


def test_the_learning_rate_is_the_inner_optimizers():
    sparse = pns.Sparse(keras.optimizers.Adam(0.25))
    sparse.learning_rate = 0.5
    assert float(sparse.inner_optimizer.learning_rate) == 0.5


def test_the_summary_counts_what_is_kept():
    table = pns.summary(pruned(network(), scope="local"))
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[2:]}
    assert rows["first/kernel"] == ["128", "64", "0.5"]
    assert rows["rest"] == ["19", "19", "1"]
    assert rows["all"] == ["195", "107", "0.5487"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_an_exported_tflite_file_still_has_the_zeros(tmp_path):
    model = pns.strip(pruned(network(), scope="local", schedule=at_once(0.75)))
    model.export(tmp_path / "saved", verbose=False)
    content = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    kernels = {}
    for details in interpreter.get_tensor_details():
        if tuple(details["shape"]) in {(16, 8), (3, 16)}:
            kernels[tuple(details["shape"])] = interpreter.get_tensor(details["index"])
    assert {shape: float((k == 0).mean()) for shape, k in kernels.items()} == {
        (16, 8): 0.75,
        (3, 16): 0.75,
    }


def test_each_formula_is_written_once():
    """No framework is named where scores are defined."""
    for name in ALL:
        module = sys.modules[type(pruners.get(name)).__module__]
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        } | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {i for i in imported if i} & {"tensorflow", "tf_keras", "keras", "jax", "torch"}
