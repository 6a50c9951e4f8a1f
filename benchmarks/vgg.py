"""How fast VGG networks train, dense and compacted, and how long planting into them takes.

    python benchmarks/vgg.py [--width_multiplier=1] [--data_dir=FOLDER] [--batches=12]

Prints, all from one run: images per second of training VGG16 dense, and compacted to SynFlow's
ticket of density 0.01, and their ratio; the same for XLA's convolutions, and for edge-popup; the
images per second that the data pipeline gives; the seconds that planting takes, and how far the
planted ticket's logits are from the target's on CIFAR-10's test images; and the hours that figure
5 would take.
"""

import math
import time

import fire
import numpy as np
import tensorflow as tf
import tf_keras as keras

import pns_tf
from pns_tf import pruners
from pns_tf.experiments.catalog import find
from pns_tf.hosts.compaction import compact, multiplications
from pns_tf.hosts.models import host_arrays, masked_layers, set_masks
from pns_tf.hosts.vgg import vgg_host
from pns_tf.images import load_images
from pns_tf.masks import Mask
from pns_tf.pruners import make_pruner
from pns_tf.pruners.popup import PopupSettings, popup_epoch
from pns_tf.pruning import thresholds
from pns_tf.recipe.hosts import FRESH
from pns_tf.tasks.kinds import CLASSIFICATION
from pns_tf.training.augmentation import augment
from pns_tf.training.epoch import compiled_epoch
from pns_tf.training.losses import LOSSES

DENSITY, BATCH, STEPS = 0.01, 32, 100


def synflow_ticket(host: keras.Model) -> Mask:
    """SynFlow's mask in 100 steps; the host has it afterwards."""
    mask = Mask.ones_like(host.trainable_weights)
    rng, pruner = np.random.default_rng(0), pruners.get("synflow")
    for density in thresholds.density_steps(DENSITY, STEPS):
        mask = thresholds.global_masks(pruner.score(host), density, within=mask, rng=rng)
        set_masks(host, mask)
    return mask


def training_rate(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Images per second, after a step that compiles."""
    epoch = compiled_epoch(model, "classification")
    epoch.model.set_weights(model.get_weights())
    epoch(x[:BATCH], y[:BATCH], np.arange(BATCH))
    start = time.perf_counter()
    epoch(x, y, np.arange(len(x)))
    return len(x) / (time.perf_counter() - start)


def xla_rate(model: keras.Model, x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Images per second with XLA's convolutions, and the seconds that compiling takes."""
    model = keras.models.clone_model(model)
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)

    @tf.function(jit_compile=True)
    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = LOSSES["classification"](labels, model(images, training=True))
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))
        return loss

    batches = [
        (tf.constant(x[i : i + BATCH]), tf.constant(y[i : i + BATCH]))
        for i in range(0, len(x), BATCH)
    ]
    start = time.perf_counter()
    step(*batches[0])
    compiled = time.perf_counter() - start
    start = time.perf_counter()
    for batch in batches:
        step(*batch)
    return len(x) / (time.perf_counter() - start), compiled


def popup_rate(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Images per second of edge-popup at density 0.5, after a step that compiles."""
    epoch = popup_epoch(model, PopupSettings(CLASSIFICATION, batch_size=BATCH))
    rng = np.random.default_rng(0)
    epoch.start([rng.standard_normal(score.shape, np.float32) for score in epoch.scores])
    counts = [math.prod(score.shape) // 2 for score in epoch.scores]
    epoch(x[:BATCH], y[:BATCH], np.arange(BATCH), counts, 0.1)
    start = time.perf_counter()
    epoch(x, y, np.arange(len(x)), counts, 0.1)
    return len(x) / (time.perf_counter() - start)


def pipeline_rate(x: np.ndarray) -> float:
    """Images per second that are gathered in random order and augmented."""
    order = np.random.default_rng(0).permutation(len(x))
    augment(tf.constant(x[:BATCH]), (0, 0))
    start = time.perf_counter()
    for i in range(0, len(x), BATCH):
        augment(tf.constant(x[order[i : i + BATCH]]), tf.constant([0, i]))
    return len(x) / (time.perf_counter() - start)


def planting(target: keras.Model, width_multiplier: float, x: np.ndarray) -> tuple[float, float]:
    """Seconds, and the largest difference of logits by the largest logit."""
    host = vgg_host("vgg16", width_multiplier=width_multiplier, stream=FRESH)
    start = time.perf_counter()
    planted = pns_tf.plant(target, host=host)
    spent = time.perf_counter() - start
    expected = planted.target(x)
    error = np.abs(planted.ticket(x) / planted.scales - expected).max() / np.abs(expected).max()
    return spent, float(error)


def main(width_multiplier: float = 1.0, data_dir: str | None = None, batches: int = 12) -> None:
    data = load_images("cifar10", data_dir, samples=2000)
    x, y = data.x_train[: batches * BATCH], data.y_train[: batches * BATCH]
    host = vgg_host("vgg16", width_multiplier=width_multiplier)
    dense = training_rate(host, x, y)
    mask = synflow_ticket(host)
    small = compact(host)
    kept = [len(some) for some in small.kept]
    full = [kernel.shape[-1] for kernel in host_arrays(host)[0]]
    compacted = training_rate(small.model, x, y)
    print(f"VGG16 × {width_multiplier:g}, batches of {BATCH}, {mask}")
    print(f"channels    {kept[1:]} of {full}")
    print(f"training    dense {dense:.0f} images/s   compacted {compacted:.0f} images/s")
    saved = multiplications(host) / multiplications(small.model)
    print(f"ratio       {compacted / dense:.1f} ×, with {saved:.1f} times fewer multiplications")
    rate, seconds = xla_rate(vgg_host("vgg16", width_multiplier=width_multiplier), x, y)
    print(
        f"XLA         dense {rate:.0f} images/s ({rate / dense:.2f} ×), compiled in {seconds:.0f} s"
    )
    rate = popup_rate(vgg_host("vgg16", width_multiplier=width_multiplier), x, y)
    print(f"edge-popup  {rate:.0f} images/s ({rate / dense:.2f} ×)")
    print(f"pipeline    {pipeline_rate(data.x_train):.0f} images/s, augmented")
    for layer in masked_layers(host):  # as if trained: larger, and with biases
        layer.kernel.assign(3 * layer.kernel)
        layer.bias.assign(tf.random.stateless_normal(layer.bias.shape, (0, 1), stddev=0.05))
    spent, error = planting(host, width_multiplier, data.x_test[:100])
    print(f"planting    {spent:.1f} s, logits differ by {error:.1e} of the largest")
    runs = find("figure5").runs()
    epochs = sum(make_pruner(run.search).total_epochs(run.search) for run in runs)
    hours = epochs * 45_000 / dense / 3600
    print(f"figure 5    {len(runs)} runs, {epochs} epochs: at most {hours:.0f} hours, if none is")
    print("            faster than a dense one")


if __name__ == "__main__":
    fire.Fire(main)
