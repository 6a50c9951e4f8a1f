"""What training mode does to a planted ticket with batch normalisation: CIFAR-10, ResNet-8.

    python benchmarks/normalisation.py [data_dir] [out.csv]

A ResNet-8 of width × 0.25 is trained for some epochs, and planted in one of width × 0.5; then
target and ticket are trained alike: the same batches, plain SGD, outputs divided by the scales, and
a momentum of 0.9 in the moving averages, so that few steps move them. One row for each case and
seed says how far their logits are apart, as a part of the largest: in inference mode and in
training mode before that training, and in inference mode after it; and how many test images both
then put in the same class. Some minutes of a core.
"""

import csv
import dataclasses
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

import pns_tf
from pns_tf.hosts.drawing import draw_parameters
from pns_tf.hosts.models import masked_layers, norm_layers, set_masks
from pns_tf.hosts.resnet import build_resnet
from pns_tf.images import load_images

SEEDS = range(10_000, 10_003)
# What the target is: density of its masks, and epochs of training before it is planted.
CASES = {"not trained": (1.0, 0), "trained": (1.0, 4), "a fifth kept, trained": (0.2, 4)}
SAMPLES, BATCH, TESTED = 1024, 64, 500
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def train(model, scales, x, y, epochs: int, seed: int) -> None:
    """Plain SGD with batches that the seed decides."""
    optimizer = keras.optimizers.SGD(0.05)
    scales = tf.constant(scales, tf.float32)
    for norm in norm_layers(model):
        norm.momentum = 0.9

    @tf.function
    def step(xs, ys):
        with tf.GradientTape() as tape:
            loss = LOSS(ys, model(xs, training=True) / scales)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for batch in rng.permutation(len(x)).reshape(-1, BATCH):
            step(x[batch], y[batch])


def in_training_mode(model, x) -> np.ndarray:
    """Logits by the statistics of the batch; those that the model has gathered stay."""
    before = [norm.get_weights() for norm in norm_layers(model)]
    logits = model(x, training=True).numpy()
    for norm, weights in zip(norm_layers(model), before, strict=True):
        norm.set_weights(weights)
    return logits


def apart(ticket: np.ndarray, target: np.ndarray) -> float:
    return float(np.abs(ticket - target).max() / np.abs(target).max())


def measure(name: str, seed: int, data) -> dict:
    density, epochs = CASES[name]
    rng = np.random.default_rng(seed)
    target = draw_parameters(build_resnet("resnet8", width_multiplier=0.25), seed)
    weights = [w for layer in masked_layers(target) for w in (layer.kernel, layer.bias)]
    set_masks(target, [rng.random(w.shape) < density for w in weights])
    one = np.ones(10)
    train(target, one, data.x_train, data.y_train, epochs, seed)
    host = draw_parameters(build_resnet("resnet8", width_multiplier=0.5), seed + 1)
    planted = pns_tf.plant(target, host=host, seed=seed)
    ticket, scales, x = planted.ticket, planted.scales, data.x_test[:TESTED]

    def logits(model, scales, x):
        return model.predict(x, batch_size=100, verbose=0) / scales

    row = {
        "case": name,
        "seed": seed,
        "inference": apart(logits(ticket, scales, x), logits(target, one, x)),
        "training": apart(
            in_training_mode(ticket, x[:BATCH]) / scales, in_training_mode(target, x[:BATCH])
        ),
    }
    for model, divided in ((target, one), (ticket, scales)):
        train(model, divided, data.x_train, data.y_train, 1, seed + 2)
    ours, theirs = logits(ticket, scales, x), logits(target, one, x)
    right = [np.mean(found.argmax(1) == data.y_test[:TESTED]) for found in (theirs, ours)]
    same = np.mean(ours.argmax(1) == theirs.argmax(1))
    return row | {
        "after an epoch": apart(ours, theirs),
        "same class": float(same),
        "target right": float(right[0]),
        "ticket right": float(right[1]),
    }


def main(data_dir: str | None = None, out: str = "normalisation.csv") -> None:
    data = load_images("cifar10", data_dir, SAMPLES * 10 // 9 + 1)
    data = dataclasses.replace(data, x_train=data.x_train[:SAMPLES], y_train=data.y_train[:SAMPLES])
    rows = []
    for name in CASES:
        for seed in SEEDS:
            rows.append(measure(name, seed, data))
            print({k: v if isinstance(v, str) else float(f"{v:.3g}") for k, v in rows[-1].items()})
            with open(out, "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, rows[0], lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
