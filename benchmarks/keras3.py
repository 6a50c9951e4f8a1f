"""What pruning costs in Keras 3: one epoch with and without it, in one run.

    KERAS_BACKEND=jax python benchmarks/keras3.py

Prints, for a dense and a convolutional network, the median seconds of an epoch with plain Adam and
with `Sparse` and `UpdateMasks` (magnitude, one update in 100 steps), and their ratio: by the clock,
and in processor time, which says more on a busy machine. Epochs of the two take turns.
"""

import statistics
import time

import keras
import numpy as np

import pns_tf.keras3 as pns

REPEATS = 7
BATCH = 64
L = keras.layers


def dense():
    layers = [keras.Input((64,)), *[L.Dense(512, "relu") for _ in range(3)], L.Dense(10)]
    return keras.Sequential(layers), (64,), 300


def convolutional():
    layers = [
        keras.Input((16, 16, 3)), L.Conv2D(32, 3, activation="relu"),
        L.Conv2D(64, 3, strides=2, activation="relu"), L.Flatten(), L.Dense(10),
    ]  # fmt: skip
    return keras.Sequential(layers), (16, 16, 3), 100


def prepared(make, sparse: bool):
    """A function that trains one epoch, warmed up."""
    keras.utils.set_random_seed(0)
    model, shape, steps = make()
    optimizer = keras.optimizers.Adam(1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(pns.Sparse(optimizer) if sparse else optimizer, loss)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(steps * BATCH, *shape)).astype(np.float32)
    y = rng.integers(10, size=len(x))
    # Updates in every epoch that is timed, none the last.
    schedule = pns.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=(REPEATS + 1) * steps)
    callbacks = [pns.UpdateMasks("magnitude", schedule)] if sparse else []

    def epoch() -> tuple[float, float]:
        start = time.perf_counter(), time.process_time()
        model.fit(x, y, batch_size=BATCH, verbose=0, shuffle=False, callbacks=callbacks)
        return time.perf_counter() - start[0], time.process_time() - start[1]

    return epoch


def main() -> None:
    import warnings

    warnings.simplefilter("ignore")  # each epoch ends before the schedule does
    for make in (dense, convolutional):
        epochs = {sparse: prepared(make, sparse) for sparse in (False, True)}
        times: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
        for _ in range(REPEATS + 1):
            for sparse, epoch in epochs.items():
                times[sparse].append(epoch())
        for place, clock in enumerate(("clock", "processor")):
            plain, pruned = ([t[place] for t in times[s][1:]] for s in (False, True))
            ratios = [a / b for a, b in zip(pruned, plain, strict=True)]
            print(
                f"{keras.backend.backend():<10} {make.__name__:<13} {clock:<9} "
                f"plain {statistics.median(plain):6.2f} s   "
                f"pruned {statistics.median(pruned):6.2f} s   "
                f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
