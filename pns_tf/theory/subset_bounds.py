"""How wide a random network has to be for sums of its weights to come near given ones.

Each bound holds with a constant that is not known. Here it is 1, so that only shapes can be
compared, not sizes.
"""

from __future__ import annotations

import numpy as np


def pensia_width(fan_in: int, fan_out: int, epsilon: float) -> float:
    """Hidden neurons between two random layers that hold one layer, d₁ log(2 d₁ d₂ / ε).

    Pensia et al. (NeurIPS 2020): with probability 1 − ε, up to an error of ε.

    Args:
        fan_in: d₁ of the layer that is held.
        fan_out: d₂.
        epsilon: error allowed, ‖W‖ and ‖x‖ at most 1.

    Example:
        >>> round(pensia_width(20, 4, 0.03))
        172
    """
    return fan_in * float(np.log(2 * fan_in * fan_out / epsilon))


def entropy(share: float) -> float:
    """H₂ of a coin, in bits.

    Example:
        >>> entropy(0.5)
        1.0
    """
    shares = np.array([share, 1.0 - share])
    return float(-np.sum(shares * np.log2(shares, out=np.zeros(2), where=shares > 0)))


def fixed_size_pool(elements: int, epsilon: float) -> int:
    """Candidates n with n H₂(k/n) ≥ log₂(k/ε), of which k add up to a weight.

    Natale et al. (NeurIPS 2024): with constant probability, up to an error of ε.

    Args:
        elements: k, of the subset.
        epsilon: error allowed.

    Example:
        >>> [fixed_size_pool(k, 0.01) for k in (1, 2, 3)]
        [38, 12, 9]
    """
    pool = elements
    while pool * entropy(elements / pool) < np.log2(elements / epsilon):
        pool += 1
    return pool
