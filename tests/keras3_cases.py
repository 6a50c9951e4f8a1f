"""What is measured of `pns_tf.keras3` on one backend, in a process of its own.

    KERAS_BACKEND=jax python tests/keras3_cases.py host.npz out.npz

``host.npz`` has the kernels, biases and samples of a planted host. The results are arrays, and one
JSON text of what is no array.
"""

import json
import os
import sys
import tempfile
import warnings

import keras
import numpy as np

import pns_tf.keras3 as pns
from pns_tf import pruners
from pns_tf.keras3.layers import prunable_weights
from pns_tf.keras3.scoring import score
from pns_tf.keras3.sparse import sparse_in

L = keras.layers
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ALL = ("magnitude", "random", "snip", "grasp", "synflow")


def drawn(model, seed=0):
    """The model with weights that are the same on every backend."""
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        shape = tuple(variable.shape)
        fan = np.prod(shape[:-1]) if len(shape) > 1 else 4
        variable.assign(rng.normal(size=shape) / np.sqrt(fan))
    return model


def samples(shape, n=64, classes=3):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, *shape)).astype(np.float32), np.arange(n) % classes


def images():
    layers = [
        keras.Input((6, 6, 2)), L.Conv2D(4, 3, padding="same", name="conv"),
        L.BatchNormalization(), L.ReLU(), L.DepthwiseConv2D(3, name="deep"),
        L.SeparableConv2D(5, 2, name="separable"), L.Flatten(), L.Dense(3, name="head"),
    ]  # fmt: skip
    return drawn(keras.Sequential(layers))


def sequences():
    tokens = keras.Input((7,), dtype="int32")
    h = L.Embedding(11, 6, name="tokens")(tokens)
    h = h + L.MultiHeadAttention(2, 3, name="attention")(h, h)
    h = L.SimpleRNN(4, name="memory")(L.LayerNormalization()(h))
    return drawn(keras.Model(tokens, L.Dense(3, name="head")(h)))


def host(arrays):
    """The planted host as a Keras 3 model."""
    layers = [keras.Input((arrays["x"].shape[1],))]
    depth = sum(name.startswith("kernel") for name in arrays.files)
    for number in range(depth):
        units, last = arrays[f"kernel{number}"].shape[1], number == depth - 1
        layers.append(L.Dense(units, None if last else "relu", name=f"layer{number}"))
    model = keras.Sequential(layers)
    for number, layer in enumerate(model.layers):
        layer.set_weights([arrays[f"kernel{number}"], arrays[f"bias{number}"]])
    return model


def host_masks(arrays, name):
    model = host(arrays)
    model.compile(pns.Sparse(keras.optimizers.SGD(0.0)), LOGITS, run_eagerly=True)
    schedule = pns.ConstantSparsity(0.9, begin_step=1)
    x, y = arrays["x"], arrays["y"]
    updates = pns.UpdateMasks(name, schedule, x, y, biases=True)
    model.fit(x, y, batch_size=len(x), verbose=0, callbacks=[updates])
    return [mask.numpy().astype(bool) for _, mask in model.optimizer.masked()]


def network(seed=0):
    layers = [keras.Input((8,)), L.Dense(16, "relu"), L.Dense(16, "relu"), L.Dense(3)]
    return drawn(keras.Sequential(layers), seed)


class Watch(keras.callbacks.Callback):
    """How many pruned weights are not zero, after each step and in the end."""

    moved = steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.moved += pruned_but_not_zero(self.model)


def pruned_but_not_zero(model):
    return sum(
        int(np.count_nonzero(variable.numpy()[mask.numpy() == 0]))
        for variable, mask in sparse_in(model.optimizer).masked()
    )


def optimizers():
    o, sparse = keras.optimizers, pns.Sparse
    return {
        "momentum and clipnorm": lambda: sparse(o.SGD(0.05, momentum=0.9, clipnorm=1.0)),
        "weight decay": lambda: sparse(o.AdamW(0.01, weight_decay=0.1)),
        "moving average": lambda: sparse(
            o.Adam(0.01, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3)
        ),
        "gradient accumulation": lambda: sparse(o.Adam(0.01, gradient_accumulation_steps=2)),
        "mixed precision, loss scale outside by Keras": lambda: sparse(o.Adam(0.01)),
        "mixed precision, loss scale inside": lambda: sparse(o.LossScaleOptimizer(o.Adam(0.01))),
        "loss scale outside": lambda: o.LossScaleOptimizer(sparse(o.Adam(0.01))),
    }


def held(name, make):
    """Trains twice with an optimizer; what became of the pruned weights."""
    keras.config.set_dtype_policy("mixed_float16" if "mixed" in name else "float32")
    model = network()
    keras.config.set_dtype_policy("float32")
    model.compile(make(), LOGITS)
    schedule = pns.PolynomialDecay(0.0, 0.75, begin_step=0, end_step=12, frequency=4)
    updates, watch = pns.UpdateMasks("magnitude", schedule, scope="local"), Watch()
    x, y = samples((8,))
    start = [layer.kernel.numpy() for layer in model.layers]
    for _ in range(2):
        model.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[updates, watch])
    kept = [layer.kernel.numpy() != 0 for layer in model.layers]
    trained = [
        float((layer.kernel.numpy() != before)[k].mean())
        for layer, before, k in zip(model.layers, start, kept, strict=True)
    ]
    zeros = [float((layer.kernel.numpy() == 0).mean()) for layer in model.layers]
    moved = watch.moved + pruned_but_not_zero(model)
    return {"zeros": zeros, "moved": moved, "steps": watch.steps, "trained": trained}


def trained(epochs, interrupted):
    """A model's weights and masks after training, saved and loaded half way or not."""
    x, y = samples((8,))
    model = network()
    model.compile(pns.Sparse(keras.optimizers.Adam(0.01)), LOGITS)
    schedule = pns.PolynomialDecay(0.1, 0.8, begin_step=2, end_step=2 * 8, frequency=2)
    fit = {"batch_size": 8, "shuffle": False, "verbose": 0}
    if not interrupted:
        updates = pns.UpdateMasks("snip", schedule, x, y)
        model.fit(x, y, epochs=epochs, callbacks=[updates], **fit)
        return arrays_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of training that ends before the schedule
        model.fit(x, y, callbacks=[pns.UpdateMasks("snip", schedule, x, y)], **fit)
    with tempfile.TemporaryDirectory() as folder:
        model.save(os.path.join(folder, "half.keras"))
        model = keras.models.load_model(os.path.join(folder, "half.keras"))
    updates = pns.UpdateMasks("snip", schedule, x, y)
    model.fit(x, y, epochs=epochs - 1, callbacks=[updates], **fit)
    return arrays_of(model)


def arrays_of(model):
    masks = [mask.numpy() for _, mask in model.optimizer.masked()]
    return [*masks, *(variable.numpy() for variable in model.trainable_variables)]


def synchronisations():
    """How often JAX fetches the state in 40 steps with 2 updates of the masks."""
    fetched = []

    class Counted(keras.Sequential):
        def jax_state_sync(self):
            fetched.append(not self._jax_state_synced)
            super().jax_state_sync()

    model = Counted([keras.Input((8,)), L.Dense(3)])
    model.compile(pns.Sparse("adam"), LOGITS)
    x, y = samples((8,), n=320)
    schedule = pns.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=40, frequency=20)
    updates = pns.UpdateMasks("magnitude", schedule)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[updates])
    return sum(fetched)


def deep():
    """Whether synflow scores a network whose flow is beyond float32."""
    layers = [keras.Input((4,)), *[L.Dense(16, use_bias=False) for _ in range(8)], L.Dense(2)]
    model = keras.Sequential(layers)
    for layer in model.layers:
        layer.kernel.assign(np.full(tuple(layer.kernel.shape), 1e6))
    scores = score(pruners.get("synflow"), model, prunable_weights(model))
    return [float(part.max()) for part in (scores[0], scores[-1])]


def main(given: str, out: str) -> None:
    others = ("tensorflow", "tf_keras", "tensorflow_model_optimization")
    arrays, found, said = np.load(given), {}, {"imported": [m for m in others if m in sys.modules]}
    tokens = np.random.default_rng(2).integers(0, 11, (64, 7))
    models = {
        "images": (images, samples((6, 6, 2))),
        "sequences": (sequences, (tokens, samples((7,))[1])),
    }
    for case, (make, (x, y)) in models.items():
        for name in ALL if case == "images" else ("snip", "grasp"):
            model = make()
            before = [variable.numpy() for variable in model.variables]
            scores = score(pruners.get(name), model, prunable_weights(model), x, y, LOGITS)
            for variable, value in zip(model.variables, before, strict=True):
                assert np.array_equal(variable.numpy(), value), variable.path
            for weight, part in zip(prunable_weights(model), scores, strict=True):
                found[f"score:{case}:{name}:{weight.name}"] = part
    for name in ("snip", "grasp"):
        for kind, size in (("at once", None), ("in batches", 24)):
            model = images()
            scores = score(
                pruners.get(name), model, prunable_weights(model), *models["images"][1], LOGITS,
                batch_statistics=False, batch_size=size,
            )  # fmt: skip
            for number, part in enumerate(scores):
                found[f"{kind}:{name}:{number}"] = part
    for name in ALL:
        for number, mask in enumerate(host_masks(arrays, name)):
            found[f"mask:{name}:{number}"] = mask
    said["held"] = {name: held(name, make) for name, make in optimizers().items()}
    for number, pair in enumerate(zip(trained(3, False), trained(3, True), strict=True)):
        found[f"whole:{number}"], found[f"halves:{number}"] = pair
    said["deep"] = deep()
    if keras.backend.backend() == "jax":
        said["synchronised"] = synchronisations()
    np.savez(out, said=json.dumps(said), **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
