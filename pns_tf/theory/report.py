"""What ``existence`` prints and writes: tables of allowed errors, bounds and needed widths."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from pns_tf.tasks.task import Target
from pns_tf.theory.activations import largest_norms, sampled_norms
from pns_tf.theory.errors import output_error
from pns_tf.theory.existence import (
    INITS,
    log_bound,
    log_limit,
    log_rule_of_thumb,
    log_width_needed,
)
from pns_tf.theory.unit_target import UnitTarget, unit_target

LOG10 = math.log(10.0)
BOUNDS = ("theorem", "proven")


def layer_table(target: Target, width: int, epsilon: float) -> pd.DataFrame:
    """One row for each layer of weights of the rescaled target.

    Args:
        target: the network that a random host may hold.
        width: neurons in each hidden layer of the host.
        epsilon: error allowed to the target's outputs.

    Returns:
        Columns: the layer's number, its ``neurons``, ``k_max`` and ``parameters``, the supremum of
        ‖x^(l−1)‖₁ as bounded (``sup``) and as sampled (``sup_sampled``), ``error_theorem`` and
        ``error_proven`` (ε_l), and for both and each initialisation log10 of the layer's factor of
        the bound, such as ``log10_theorem_uniform``.

    Example:
        >>> import tasks
        >>> layer_table(tasks.get("relu").target(3), 100, 0.1)["error_proven"].round(3).tolist()
        [0.043, 0.045]
    """
    units = {bound: unit_target(target, epsilon, bound) for bound in BOUNDS}
    rescaled = units["theorem"].target
    used = [
        np.count_nonzero(kernel, axis=0) + (bias != 0)
        for kernel, bias in zip(rescaled.kernels, rescaled.biases, strict=True)
    ]
    table = pd.DataFrame(
        {
            "layer": range(1, len(used) + 1),
            "neurons": [len(k) for k in used],
            "k_max": [int(k.max()) for k in used],
            "parameters": [int(k.sum()) for k in used],
            "sup": largest_norms(rescaled),
            "sup_sampled": sampled_norms(rescaled),
        }
    )
    for bound, unit in units.items():
        table[f"error_{bound}"] = unit.errors
    for bound, unit in units.items():
        for init in INITS:
            factors = log_bound(unit, math.log(width), init)
            table[f"log10_{bound}_{init}"] = factors / LOG10
    return table


def bound_table(
    target: Target, widths: Iterable[int], epsilon: float, delta: float
) -> pd.DataFrame:
    """The bound at some widths, and the width it needs.

    Returns:
        One row for each formula ("theorem" or "proven") and initialisation, and for "theorem" with
        a wide output layer as well, with the columns ``bound``, ``init``, ``wide_output``,
        ``log10_limit`` (of infinitely wide hidden layers), ``log10_width_needed`` for 1 − δ,
        ``log10_rule_of_thumb`` of that width, ``proven_error`` (the largest output error that ε_l
        is proven to keep to, ÷ ε) and log10 of the bound at each width, such as ``log10_at_100``.

    Example:
        >>> import tasks
        >>> table = bound_table(tasks.get("relu").target(3), [100], 0.5, 0.1)
        >>> (10 ** table["log10_at_100"]).round(3).tolist()
        [0.107, 0.053, 1.0, 0.987, 0.9, 0.684]
    """
    rows = []
    for bound, wide_output in (("theorem", False), ("theorem", True), ("proven", False)):
        unit = unit_target(target, epsilon, bound)
        rows += [_bound_row(unit, init, wide_output, widths, delta) for init in INITS]
    return pd.DataFrame(rows)


def _bound_row(
    unit: UnitTarget, init: str, wide_output: bool, widths: Iterable[int], delta: float
) -> dict:
    needed = log_width_needed(unit, delta, init, wide_output=wide_output)
    row = {
        "bound": unit.bound,
        "init": init,
        "wide_output": wide_output,
        "log10_limit": 0.0 if wide_output else log_limit(unit, init) / LOG10,
        "log10_width_needed": needed / LOG10,
        "log10_rule_of_thumb": log_rule_of_thumb(unit, delta) / LOG10,
        "proven_error": output_error(unit.target, unit.errors) / unit.epsilon,
    }
    for width in widths:
        factors = log_bound(unit, math.log(width), init, wide_output=wide_output)
        row[f"log10_at_{width}"] = float(factors.sum()) / LOG10
    return row


def probability(log10: float) -> str:
    """A probability or a width for reading, from its logarithm to base 10.

    Example:
        >>> probability(-0.5), probability(-321.4), probability(float("-inf")), probability(3)
        ('0.316', '10^-321', '0', '1,000')
    """
    if log10 == -math.inf:
        return "0"
    if log10 == math.inf:
        return "none"
    if log10 > 6.5 or log10 < -3.5:
        return f"10^{log10:.0f}"
    return f"{10**log10:,.0f}" if log10 > 0 else f"{10**log10:.3g}"
