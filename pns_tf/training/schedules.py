"""Numbers that change during a training."""

from __future__ import annotations

import math


def cosine_decay(start: float, step: int, steps: int) -> float:
    """From ``start`` at step 0 to zero at step ``steps``: start (1 + cos(π step / steps)) / 2.

    Example:
        >>> cosine_decay(0.1, 0, 10), round(cosine_decay(0.1, 5, 10), 3)
        (0.1, 0.05)
    """
    return 0.5 * start * (1 + math.cos(math.pi * step / steps))
