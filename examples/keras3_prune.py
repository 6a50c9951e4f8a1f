"""Prunes a convolutional and a small transformer network of Keras 3's own layers, by SNIP.

    KERAS_BACKEND=jax python examples/keras3_prune.py [--pruner=snip] [--sparsity=0.9] [--epochs=10]

The images are noisy bars, to be told apart by direction; the sequences are tokens, and the question
is whether the first one's partner is among them. Pruning begins when two fifths of the steps are
done, and ends at three fifths. Prints accuracies on fresh samples, and what is left.
"""

import argparse

import keras
import numpy as np

import pns_tf.keras3 as pns

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pruner", default="snip")
parser.add_argument("--sparsity", type=float, default=0.9)
parser.add_argument("--epochs", type=int, default=10)
arguments = parser.parse_args()
layers = keras.layers
BATCH = 32


def bars(n: int, seed: int):
    """Noisy images of one horizontal or vertical bar."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 8, 8, 1), scale=0.5).astype("float32"), np.arange(n) % 2
    place = rng.integers(8, size=n)
    x[y == 0, place[y == 0]] += 1.5
    x[y == 1, :, place[y == 1]] += 1.5
    return x, y


def tokens(n: int, seed: int):
    """Sequences of eight tokens; half of them have the partner of the first, six away from it."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(12, size=(n, 8)), np.arange(n) % 2
    partner = (x[:, :1] + 6) % 12
    x[x == partner] = 12  # nowhere by chance
    places = rng.integers(1, 8, size=n)
    x[y == 1, places[y == 1]] = partner[y == 1, 0]
    return x, y


def convolutional() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(32, "relu"),
            layers.Dense(2),
        ]
    )


def transformer() -> keras.Model:
    inputs = keras.Input((8,), dtype="int32")
    h = layers.Embedding(13, 32)(inputs)
    for _ in range(2):
        h = layers.LayerNormalization()(h + layers.MultiHeadAttention(4, 8)(h, h))
        h = layers.LayerNormalization()(h + layers.Dense(32)(layers.Dense(64, "gelu")(h)))
    return keras.Model(inputs, layers.Dense(2)(h[:, 0]))


def main() -> None:
    for make, data, dense in ((convolutional, bars, ()), (transformer, tokens, layers.Embedding)):
        keras.utils.set_random_seed(0)
        model = make()
        x, y = data(2048, seed=0)
        fifth = arguments.epochs * len(x) // BATCH // 5 // 10 * 10
        schedule = pns.PolynomialDecay(
            0.0, arguments.sparsity, begin_step=2 * fifth, end_step=3 * fifth, frequency=10
        )
        samples = pns.scoring_batch(x, y, samples_per_class=50)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        # The two lines that change: Sparse around the optimizer, and the callback.
        model.compile(pns.Sparse(keras.optimizers.Adam(3e-3)), loss, metrics=["accuracy"])
        updates = pns.UpdateMasks(arguments.pruner, schedule, *samples, skip=dense)
        model.fit(x, y, BATCH, arguments.epochs, verbose=0, callbacks=[updates])
        _, accuracy = model.evaluate(*data(2000, seed=10_000), verbose=0)
        print(f"{make.__name__}: accuracy {accuracy:.3f} on {keras.backend.backend()}")
        print(pns.summary(model))
        pns.strip(model)


if __name__ == "__main__":
    main()
