"""Numbers that change during a training."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

# What is left of a learning rate at some steps, counted from 0, of so many.
Share = Callable[[np.ndarray, int], np.ndarray]
WARM_UP = 0.05  # share of the steps in which a learning rate rises


def cosine_decay(start: float, step: int, steps: int) -> float:
    """From ``start`` at step 0 to zero at step ``steps``: start (1 + cos(π step / steps)) / 2.

    Example:
        >>> cosine_decay(0.1, 0, 10), round(cosine_decay(0.1, 5, 10), 3)
        (0.1, 0.05)
    """
    return 0.5 * start * (1 + math.cos(math.pi * step / steps))


def falling(steps: np.ndarray, total: int) -> np.ndarray:
    """From one to zero by a cosine, as `cosine_decay`.

    Example:
        >>> falling(np.array([0, 5, 10]), 10).round(3).tolist()
        [1.0, 0.5, 0.0]
    """
    return (1 + np.cos(np.pi * steps / total)) / 2


def rising_and_falling(steps: np.ndarray, total: int) -> np.ndarray:
    """From zero up for `WARM_UP` of the steps, then to zero by a cosine.

    Example:
        >>> rising_and_falling(np.array([0, 4, 52, 100]), 100).round(3).tolist()
        [0.2, 1.0, 0.5, 0.0]
    """
    warm = max(round(WARM_UP * total), 1)
    left = (steps + 1 - warm) / max(total + 1 - warm, 1)
    return np.minimum((steps + 1) / warm, falling(np.clip(left, 0, 1), 1))
