"""`prune` works on models of every kind, or says by name what it cannot prune."""

import itertools
import warnings

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras

import pns_tf
from pns_tf.checks import InputError
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tfmot.prune import pruned_weights
from pns_tf.tfmot.wrapper import PruneBySaliency, saliency_wrappers

pytestmark = [
    pytest.mark.filterwarnings("ignore:pruning at step .* leaves nothing of"),
]

L, sparsity = keras.layers, tfmot.sparsity.keras
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
RNG = np.random.default_rng(0)
SEQUENCES = RNG.normal(size=(32, 10, 8)).astype(np.float32)
POINTS = RNG.normal(size=(64, 6)).astype(np.float32)
HALVES = (POINTS[:, 0] > 0).astype(int)


def always(density):
    return sparsity.ConstantSparsity(1 - density, 0, frequency=1)


def fit(model, x, y, callbacks=None, epochs=1, optimizer="adam", eagerly=True, **options):
    """Trains it; a compiled training computes the same, but takes longer to trace."""
    model.compile(optimizer, LOSS, run_eagerly=eagerly)
    callbacks = [pns_tf.UpdateMasks()] if callbacks is None else callbacks
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=callbacks, **options)
    return model


def dense(units=(20, 20, 2), **options):
    keras.utils.set_random_seed(0)
    hidden = [L.Dense(n, "relu", name=f"d{i}", **options) for i, n in enumerate(units[:-1])]
    return keras.Sequential([keras.Input((6,)), *hidden, L.Dense(units[-1], name="logits")])


def density_of(arrays):
    arrays = [np.asarray(array) for array in arrays]
    return sum(np.count_nonzero(array) for array in arrays) / sum(array.size for array in arrays)


def masks_of(model):
    return [weight.mask.numpy() for weight in pruned_weights(model)]


class Gated(L.Layer):
    """A layer of the user's own, with a layer and a matrix in it."""

    def __init__(self, units=8, matrix=False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.matrix = units, matrix
        self.dense = L.Dense(units, "relu", name="inner")
        self.attention = L.MultiHeadAttention(2, 4, name="attention")

    def build(self, shape):
        if self.matrix:
            self.gate = self.add_weight("gate", (shape[-1], self.units))
        super().build(shape)

    def call(self, x):
        h = self.attention(x, x) + self.dense(x)
        return h * tf.sigmoid(x @ self.gate) if self.matrix else h

    def get_config(self):
        return {**super().get_config(), "units": self.units, "matrix": self.matrix}


class OwnDense(L.Dense):
    """Derived from a layer that TF-MOT knows."""


# --- sequence masks ----------------------------------------------------------------------------

WORDS = RNG.integers(1, 30, (40, 12))
WORDS[np.arange(12) >= RNG.integers(2, 11, 40)[:, None]] = 0  # padded


@pytest.mark.slow
@pytest.mark.parametrize("body", [
    lambda: [L.LSTM(4, return_sequences=True), L.GRU(4, return_sequences=True), L.SimpleRNN(4)],
    lambda: [L.TimeDistributed(L.Dense(5)), L.Bidirectional(L.LSTM(5, recurrent_dropout=0.2))],
    lambda: [L.Dense(5, "relu"), L.GlobalAveragePooling1D()],
    lambda: [L.Conv1D(4, 3, padding="same"), L.GlobalMaxPooling1D()],  # takes no mask
    lambda: [L.EinsumDense("abc,cd->abd", (None, 4)), L.Flatten()],
], ids=lambda body: type(body()[0]).__name__)  # fmt: skip
def test_a_wrapped_model_computes_the_same_on_padded_sequences(body):
    keras.utils.set_random_seed(0)
    embedding = L.Embedding(30, 8, mask_zero=True)
    model = keras.Sequential([keras.Input((12,), dtype="int32"), embedding, *body(), L.Dense(2)])
    before = model(WORDS)
    pruned = pns_tf.prune(model, "magnitude", always(0.5))
    assert len(saliency_wrappers(pruned)) >= 3
    np.testing.assert_allclose(pruned(WORDS), before, atol=1e-6)
    fit(pruned, WORDS, WORDS[:, 0] % 2, eagerly=False, batch_size=40)
    wrapped, stripped = pruned, sparsity.strip_pruning(pruned)
    np.testing.assert_allclose(wrapped(WORDS), stripped(WORDS), atol=1e-6)


# --- which layers are pruned -------------------------------------------------------------------


# Recurrent layers take long to compile: of each one case.
RECURRENT = [
    (lambda: L.Bidirectional(L.LSTM(8)), True),
    (lambda: keras.Sequential([L.Reshape((5, 2, 8), input_shape=(10, 8)), L.ConvLSTM1D(6, 2)]),
     False),
    (lambda: L.LSTM(8, recurrent_dropout=0.2, dropout=0.1), False),
    (lambda: L.GRU(8, recurrent_dropout=0.2), True),
    (lambda: L.RNN([L.LSTMCell(4), L.GRUCell(4)]), True),
]  # fmt: skip
OTHERS = [
    lambda: L.TimeDistributed(L.Dense(16)),
    lambda: L.EinsumDense("abc,cd->abd", (None, 16)),
    lambda: OwnDense(16),
    lambda: Gated(8),
]


@pytest.mark.slow
@pytest.mark.parametrize(("layer", "keep"), [*RECURRENT, *itertools.product(OTHERS, [False, True])])
def test_all_kernels_together_reach_the_density(layer, keep):
    model = keras.Sequential([keras.Input((10, 8)), layer(), L.Flatten(), L.Dense(2)])
    y = (SEQUENCES[:, 0, 0] > 0).astype(int)
    pruned = pns_tf.prune(
        model, "snip", always(0.25), SEQUENCES, y, scope="local", keep_pruned_weights=keep
    )
    fit(pruned, SEQUENCES, y, eagerly=False)
    outputs = pruned(SEQUENCES)
    pns_tf.apply_masks(pruned)
    weights = pruned_weights(pruned)
    known = {id(weight.variable) for weight in weights}
    dense_ones = [v.name for v in pruned.trainable_variables if id(v) not in known]
    assert all("bias" in name for name in dense_ones)
    assert density_of(masks_of(pruned)) == pytest.approx(0.25, abs=0.01)
    assert density_of(w.variable for w in weights) == density_of(masks_of(pruned))
    stripped = sparsity.strip_pruning(pruned)
    np.testing.assert_allclose(stripped(SEQUENCES), outputs, atol=1e-5)


def test_a_matrix_that_nobody_knows_is_named_and_may_be_skipped():
    model = keras.Sequential([keras.Input((10, 8)), Gated(8, True, name="mine"), L.Flatten(),
                              L.Dense(2, name="logits")])  # fmt: skip
    with pytest.raises(InputError, match=r"'mine': gate \(8, 8\).*skip=\['mine'\]") as error:
        pns_tf.prune(model, "magnitude", always(0.5))
    assert "\n" not in str(error.value)
    pruned = pns_tf.prune(model, "magnitude", always(0.5), skip=["mine"])
    assert [w.name for w in pruned_weights(pruned)] == ["logits/kernel"]


def test_layers_are_skipped_by_name_or_path():
    def nested():
        inner = keras.Sequential([L.Dense(8, input_shape=(6,), name="a"), L.Dense(8, name="b")],
                                 name="inner")  # fmt: skip
        return keras.Sequential([keras.Input((6,)), inner, L.Dense(2, name="a2")])

    for skip, left in (
        ("inner/a", ["inner/b/kernel", "a2/kernel"]),
        (["inner"], ["a2/kernel"]),
        (["b", "a2"], ["inner/a/kernel"]),
    ):
        pruned = pns_tf.prune(nested(), "magnitude", always(0.5), skip=skip)
        assert [weight.name for weight in pruned_weights(pruned)] == left
    with pytest.raises(InputError, match=r"got 'iner' \(did you mean 'inner'\?\)"):
        pns_tf.prune(nested(), "magnitude", always(0.5), skip=["iner"])


# --- schedules, parts and shared layers --------------------------------------------------------


@pytest.mark.parametrize("scope", ["local", "global"])
def test_each_wrapper_keeps_to_its_own_schedule(scope):
    wanted = {"d0": 0.9, "d1": 0.5, "logits": 0.2}
    model = keras.models.clone_model(
        dense(),
        clone_function=lambda layer: PruneBySaliency(layer, always(1 - wanted[layer.name])),
    )
    model.build((None, 6))
    fit(model, POINTS, HALVES, [pns_tf.UpdateMasks("magnitude", scope=scope)])
    for layer in saliency_wrappers(model):
        mask = layer.pruning_vars[0][1].numpy()
        assert 1 - mask.mean() == pytest.approx(wanted[layer.layer.name], abs=0.02)


def test_parts_pruned_apart_are_joined_and_each_goes_on():
    body = fit(pns_tf.prune(dense((12, 8)), "magnitude", always(0.5)), POINTS, HALVES)
    head = pns_tf.prune(keras.Sequential([L.Dense(2, input_shape=(8,))]), "magnitude", always(0.25))
    joined = keras.Model(body.input, head(body.output))
    fit(joined, POINTS, HALVES)
    *first, last = masks_of(joined)
    assert (density_of(first), density_of([last])) == (0.5, 0.25)
    steps = [int(layer.pruning_step) for layer in saliency_wrappers(joined)]
    assert steps == [4, 4, 2]
    by_hand = keras.Sequential([PruneBySaliency(L.Dense(2, name="own"), always(0.5))])
    by_hand.build((None, 6))
    with pytest.raises(InputError, match=r"does not know its pruner \(own loaded"):
        fit(by_hand, POINTS, HALVES)


@pytest.mark.parametrize("keep", [False, True])
def test_a_layer_in_two_nested_models_has_one_mask(keep):
    shared = L.Dense(6, "relu", name="shared")
    parts = [
        keras.Sequential([keras.Input((6,)), shared, L.Dense(3, name=f"own{i}")], name=f"part{i}")
        for i in range(2)
    ]
    x = keras.Input((6,))
    model = keras.Model(x, L.Dense(2, name="logits")(parts[0](x) + parts[1](x)))
    pruned = pns_tf.prune(model, "magnitude", always(0.5), keep_pruned_weights=keep)
    fit(pruned, POINTS, HALVES)
    assert [w.name for w in pruned_weights(pruned)] == [
        "part0/shared/kernel", "part0/own0/kernel", "part1/own1/kernel", "logits/kernel",
    ]  # fmt: skip
    outputs = pruned(POINTS)
    pns_tf.apply_masks(pruned)
    stripped = sparsity.strip_pruning(pruned)
    np.testing.assert_allclose(stripped(POINTS), outputs, atol=1e-6)


# --- what is pruned stays as it is -------------------------------------------------------------


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.05, weight_decay=0.1),
        lambda: keras.optimizers.SGD(0.1, momentum=0.9),
        lambda: keras.optimizers.legacy.Adam(0.05),
    ],
    ids=["AdamW", "momentum", "legacy"],
)
def test_kept_weights_do_not_move_by_momentum_decay_or_regularisers(optimizer):
    regularised = dense(kernel_regularizer="l2", kernel_constraint="max_norm")
    schedule = sparsity.PolynomialDecay(0.2, 0.8, begin_step=3, end_step=6, frequency=1)
    pruned = pns_tf.prune(regularised, "magnitude", schedule, keep_pruned_weights=True)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append([(w.mask.numpy(), w.variable.numpy()) for w in pruned_weights(self.model)])

    callbacks = [Watch(), pns_tf.UpdateMasks()]
    fit(pruned, POINTS, HALVES, callbacks, 2, optimizer(), eagerly=False, batch_size=16)
    for before, after in itertools.pairwise(seen):
        for (mask, value), (_, later) in zip(before, after, strict=True):
            np.testing.assert_array_equal(later[mask == 0], value[mask == 0])
            assert (later[mask == 1] != value[mask == 1]).any()
    assert sum((value[mask == 0] != 0).sum() for mask, value in seen[-1]) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("often", "first"), [(1, True), (1, False), ("epoch", True)])
def test_checkpoints_are_as_sparse_as_asked_for(tmp_path, often, first):
    schedule = always(0.3)
    pruned = pns_tf.prune(dense(kernel_regularizer="l2"), "snip", schedule, POINTS, HALVES)
    save = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch}.keras"), save_freq=often)
    callbacks = [save, pns_tf.UpdateMasks()] if first else [pns_tf.UpdateMasks(), save]
    fit(pruned, POINTS, HALVES, callbacks, optimizer=keras.optimizers.Adam(0.05), eagerly=False)
    with sparsity.prune_scope():
        loaded = keras.models.load_model(tmp_path / "1.keras")
    stripped = sparsity.strip_pruning(loaded)
    kernels = [weight.variable for weight in prunable_weights(stripped, biases=False)]
    assert density_of(kernels) == pytest.approx(0.3, abs=0.002)


@pytest.mark.slow
def test_an_emptied_layer_is_reported_by_its_name():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        L.Dense(300, "relu", input_shape=(6,), name="wide0"), L.Dense(300, "relu", name="wide1"),
        L.Dense(2, name="logits"),
    ])  # fmt: skip
    pruned = pns_tf.prune(model, "synflow", always(0.02))
    with pytest.warns(UserWarning, match="leaves nothing of wide1/kernel"):
        fit(pruned, POINTS, HALVES)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(pns_tf.prune(dense(), "magnitude", always(0.5)), POINTS, HALVES)


# --- precision and text ------------------------------------------------------------------------


@pytest.fixture
def mixed():
    keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("keep", [False, True])
def test_a_dense_layer_in_float32_under_mixed_precision(mixed, keep):
    model = keras.Sequential(
        [keras.Input((6,)), L.Dense(20, "relu", name="half"), L.Dense(2, dtype="float32")]
    )
    before = model.predict(POINTS, verbose=0)
    pruned = pns_tf.prune(model, "snip", always(0.5), POINTS, HALVES, keep_pruned_weights=keep)
    np.testing.assert_array_equal(pruned.predict(POINTS, verbose=0), before)
    assert pruned.layers[-1].layer.compute_dtype == "float32"
    fit(pruned, POINTS, HALVES)
    assert density_of(masks_of(pruned)) == 0.5
    assert pruned(POINTS).dtype == tf.float32


def test_text_goes_through_its_vocabulary():
    text = np.array([["a b c"], ["b d"]] * 16)
    words = L.TextVectorization(max_tokens=30, output_sequence_length=6)
    words.adapt(text)
    model = keras.Sequential([
        keras.Input((1,), dtype="string"), words, L.Embedding(30, 8), L.GlobalAveragePooling1D(),
        L.Dense(2),
    ])  # fmt: skip
    y = np.arange(32) % 2
    pruned = fit(pns_tf.prune(model, "snip", always(0.5), text, y), text, y)
    assert density_of(masks_of(pruned)) == 0.5
