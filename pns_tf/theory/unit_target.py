"""Targets as Theorem 2 needs them: with all parameters in [−1, 1]."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pns_tf.checks import choice, number
from pns_tf.tasks.task import Target
from pns_tf.theory.errors import allowed_errors, lemma1_errors

LARGEST = 0.9  # parameters of a unit target: boxes of half-width 0.1 around them lie in [−1, 1]


@dataclass(frozen=True, eq=False)
class UnitTarget:
    """A target rescaled for Theorem 2, which needs all parameters in [−1, 1].

    Attributes:
        target: the rescaled network.
        scale: c: the original target is c × this one.
        epsilon: the error that is allowed to it, ε / c.
        errors: the error that is allowed to its parameters, by layer.
        bound: "theorem" or "proven", which formulas these errors belong to.
    """

    target: Target
    scale: float
    epsilon: float
    errors: np.ndarray
    bound: str


def unit_target(target: Target, epsilon: float, bound: str = "theorem") -> UnitTarget:
    """Shrinks a target's neurons, as ReLU permits, until no parameter is above 0.9.

    Args:
        target: the network.
        epsilon: error allowed to its outputs, above 0.
        bound: "theorem" for the paper's ε_l, "proven" for those of `allowed_errors`.

    Raises:
        ValueError: ``epsilon`` is not above 0, or an unknown ``bound``.

    Example:
        >>> import tasks
        >>> unit = unit_target(tasks.get("relu").target(3), epsilon=0.1)
        >>> round(unit.scale, 3), [float(kernel[0, 0].round(3)) for kernel in unit.target.kernels]
        (1.235, [0.9, 0.9])
    """
    epsilon = number("epsilon", epsilon, low=0.0, low_excluded=True)
    errors = {"theorem": lemma1_errors, "proven": allowed_errors}
    errors_of = errors[choice("bound", bound, errors)]
    kernels, biases, carried = [], [], np.ones(target.shape[0])
    for layer, (kernel, bias) in enumerate(zip(target.kernels, target.biases, strict=True)):
        theta = np.vstack([bias, kernel * carried[:, None]])
        scale = np.maximum(np.abs(theta).max(axis=0) / LARGEST, 1.0)
        if layer == len(target.kernels) - 1:
            scale[:] = scale.max()  # one scale for all outputs: ε is the same for all
        bias, *kernel = theta / scale
        kernels.append(np.array(kernel))
        biases.append(bias)
        carried = scale
    rescaled, scale = Target(kernels, biases), float(carried[0])
    smaller = epsilon / scale
    return UnitTarget(rescaled, scale, smaller, errors_of(rescaled, smaller), bound)
