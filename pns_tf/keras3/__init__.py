"""Pruning in Keras 3, on TensorFlow, JAX and PyTorch, while ``fit`` trains.

Two lines of a training script change: the optimizer is wrapped by `Sparse`, and the callback
`UpdateMasks` says which pruner sets its masks, and when. The pruners are those of
`pns_tf.pruners`, with the same formulas. TensorFlow is not imported unless it is the backend.

    model.compile(Sparse(keras.optimizers.Adam(1e-3)), loss)
    model.fit(x, y, callbacks=[UpdateMasks("snip", PolynomialDecay(0, 0.9, 0, 1000), *batch)])
    strip(model)
"""

from __future__ import annotations

from pns_tf.keras3.models import strip, summary
from pns_tf.keras3.schedules import ConstantSparsity, PolynomialDecay
from pns_tf.keras3.sparse import Sparse
from pns_tf.keras3.update_masks import UpdateMasks
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.batch import scoring_batch
from pns_tf.pruning.patterns import Blocks, NofM

__all__ = [
    "Blocks",
    "ConstantSparsity",
    "NofM",
    "PolynomialDecay",
    "Pruner",
    "Sparse",
    "UpdateMasks",
    "scoring_batch",
    "strip",
    "summary",
]
