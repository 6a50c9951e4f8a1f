"""How much faster the compiled epoch trains than ``model.fit``, and how long scoring takes.

    python benchmarks/training.py

Prints, after warm-up, ten epochs on a circle host of depth 5 and width 100 (batch 32, 9,000
samples) both ways and their ratio, and the time of scoring 40 samples with each pruner.
"""

import statistics
import time

import numpy as np
import tf_keras as keras

import pns_tf
from pns_tf import pruners
from pns_tf.tasks.kinds import CLASSIFICATION
from pns_tf.training.epoch import compiled_epoch, train
from pns_tf.training.loop import Loop
from pns_tf.training.losses import LOSSES

EPOCHS = 10
REPEATS = 5


def seconds(work) -> float:
    """Median time of a call, after one that warms up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    planted = pns_tf.plant("circle")
    data = planted.data()
    weights = planted.host.get_weights()
    epoch = compiled_epoch(planted.host, CLASSIFICATION)

    def compiled():
        loop = Loop(np.random.default_rng(0))
        train(epoch, weights, data.x_train, data.y_train, EPOCHS, loop)

    model = keras.models.clone_model(planted.host)
    model.compile(keras.optimizers.Adam(1e-3), LOSSES[CLASSIFICATION])

    def plain():
        model.set_weights(weights)
        model.fit(data.x_train, data.y_train, batch_size=32, epochs=EPOCHS, verbose=0)

    ours, theirs = seconds(compiled), seconds(plain)
    print(f"{EPOCHS} epochs   compiled {ours:.3f} s   model.fit {theirs:.3f} s")
    print(f"ratio       {theirs / ours:.1f} ×")
    x, y = pruners.scoring_batch(data.x_train, data.y_train)
    for name in ("random", "magnitude", "snip", "grasp", "synflow"):
        pruner = pruners.get(name)
        spent = seconds(lambda pruner=pruner: pruner.score(planted.host, x, y))
        print(f"score 40    {name:<10} {1000 * spent:.1f} ms")


if __name__ == "__main__":
    main()
