"""Samples, labels and a loss for tests of scores, and `scores` of kernels on them."""

import numpy as np
import tf_keras as keras

from pns_tf import pruners
from pns_tf.pruning.prunable import prunable_weights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5)).astype(np.float32)
CLASSES = np.arange(40) % 3
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def scores(model, y, pruner="snip", **options):
    return pruners.get(pruner).score(
        model, X, y, weights=prunable_weights(model, biases=False), **options
    )
