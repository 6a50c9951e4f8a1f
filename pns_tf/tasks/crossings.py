"""Where samples change their class as the logits of some classes grow, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def crossings(logits, y, inside):
    """For each sample the factor of some logits at which its class changes, and what that gains.

    Above its threshold a sample with a positive logit goes to the moved classes, one with a
    negative logit back to the others; no positive factor changes anything for the rest, which are
    left out.

    Args:
        logits: float64 ``(n, classes)``.
        y: classes ``(n,)``.
        inside: which classes are moved, bool ``(classes,)``; at least one, and not all.

    Returns:
        Thresholds > 0, and 1, 0 or −1 correct samples more above them, ``(m,)`` both, m ≤ n.

    Example:
        >>> one_of_two = crossings(np.array([[1.0, 3.0]]), np.array([0]), np.array([True, False]))
        >>> [array.tolist() for array in one_of_two]
        [[3.0], [1]]
    """
    n, classes = logits.shape
    thresholds, gains = np.empty(n), np.empty(n, np.int64)
    count = 0
    for row in range(n):
        ours, theirs = -np.inf, -np.inf
        our_class, their_class = -1, -1
        for c in range(classes):
            value = logits[row, c]
            if inside[c]:
                if our_class < 0 or value > ours:  # of equal ones the first
                    ours, our_class = value, c
            elif their_class < 0 or value > theirs:
                theirs, their_class = value, c
        if ours == 0 or not theirs / ours > 0:
            continue
        gain = int(our_class == y[row]) - int(their_class == y[row])
        thresholds[count] = theirs / ours
        gains[count] = gain if ours > 0 else -gain
        count += 1
    return thresholds[:count], gains[:count]
