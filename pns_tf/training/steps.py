"""An epoch step by step, for networks whose steps take long.

On a CPU XLA's convolutions take three to nine times as long as TensorFlow's own, and VGG16 takes
half a minute to compile each time that it is cut (``benchmarks/vgg.py``). Against a step the loop
in Python costs nothing; it can be interrupted, shows how long it will take, and spreads a batch
over several devices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from pns_tf.training.augmentation import augment


class Steps:
    """Calls a compiled step on one batch after the other, the last short one included.

    Made within the scope of a ``tf.distribute.Strategy``, each of its devices takes a share of
    every batch.

    Args:
        step: ``step(x, y, *constants)`` trains on a batch and returns its mean loss. Under a
            strategy it gets as its third argument what each sample counts in the mean over the
            whole batch, and returns the sum.
        batch_size: samples a step, on all devices together.

    Example:
        >>> steps = Steps(lambda x, y: tf.reduce_mean((x - y) ** 2), batch_size=2)
        >>> steps(np.ones((5, 1)), np.zeros((5, 1)), order=np.arange(5))
        1.0
    """

    def __init__(self, step: Callable[..., tf.Tensor], batch_size: int):
        self._batch_size = batch_size
        self._strategy = tf.distribute.get_strategy()
        self._spread = tf.distribute.has_strategy()
        run = self._on_all_devices if self._spread else step
        self._step = tf.function(run, reduce_retracing=True)
        self._own_step = step

    def __call__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        order: np.ndarray,
        *constants: tf.Tensor,
        augmentation: int | None = None,
    ) -> float:
        """The mean loss over all samples; arguments as for a `CompiledEpoch`."""
        total = 0.0
        for start in tqdm(
            range(0, len(order), self._batch_size), unit="batch", leave=False, disable=None
        ):
            rows = order[start : start + self._batch_size]
            images, labels = tf.constant(x[rows]), tf.constant(y[rows])
            if augmentation is not None:
                images = augment(images, tf.constant([augmentation, start], tf.int32))
            if self._spread:
                loss = self._step(*self._shared(images, labels))
            else:
                loss = self._step(images, labels, *constants)
            total += float(loss) * len(rows)
        return total / len(order)

    def _shared(self, x: tf.Tensor, y: tf.Tensor) -> list:
        """Samples, labels and shares on each device: equally many, the last ones repeated."""
        devices = self._strategy.num_replicas_in_sync
        places = np.arange(devices * -(-len(x) // devices))
        rows = np.split(np.minimum(places, len(x) - 1), devices)
        shares = np.split((places < len(x)).astype(np.float32) / len(x), devices)
        parts = zip(*[(tf.gather(x, some), tf.gather(y, some)) for some in rows], strict=True)
        return [
            self._strategy.experimental_distribute_values_from_function(
                lambda context, values=values: values[context.replica_id_in_sync_group]
            )
            for values in (*parts, [tf.constant(share) for share in shares])
        ]

    def _on_all_devices(self, x, y, shares):
        losses = self._strategy.run(self._own_step, args=(x, y, shares))
        return self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
