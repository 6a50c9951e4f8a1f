"""Scales of logits that make more samples correct, one direction after the other, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def ascent(f, y, start, directions, pairs, sweeps):
    """Moves the scales along single classes, and where that ends along pairs, while that helps.

    Args:
        f: logits, float64 ``(n, classes)``.
        y: classes ``(n,)``.
        start: scales > 0, ``(classes,)``.
        directions: which classes each direction moves, bool ``(directions, classes)``.
        pairs: the first direction that is tried only if none before it has helped.
        sweeps: through the directions, at most.

    Returns:
        Scales ``(classes,)``, and how many samples are correct with them.

    Example:
        >>> logits, y = np.array([[1.0, 3.0], [1.0, 9.0]]), np.array([0, 1])
        >>> scales, correct = ascent(logits, y, np.ones(2), np.eye(2, dtype=bool), 2, 20)
        >>> int(correct)
        2
    """
    scales = start.copy()
    scaled = f * scales
    correct = correct_samples(scaled, y)
    for _ in range(sweeps):
        before = correct
        for number in range(len(directions)):
            if number == pairs and correct > before:
                break
            factor = best_factor(scaled, y, directions[number])
            moved = np.where(directions[number], scales * factor, scales)
            then = f * moved
            now = correct_samples(then, y)
            if now > correct:
                scales, scaled, correct = moved, then, now
        if correct == before:
            break
    return scales, correct


@njit(cache=True)
def correct_samples(logits, y):
    """How many samples have their highest logit at their own class; of equal ones the first."""
    count = 0
    for row in range(len(y)):
        count += int(np.argmax(logits[row]) == y[row])
    return count


@njit(cache=True)
def best_factor(logits, y, inside):
    """The factor > 0 of the logits of some classes that makes most samples correct.

    As a function of it the number is constant between `crossings`. Of equally good intervals the
    lowest is taken, and of it the middle, as a ratio.

    Args:
        logits: float64 ``(n, classes)``.
        y: classes ``(n,)``.
        inside: which classes are moved, bool ``(classes,)``.

    Example:
        >>> logits, y = np.array([[1.0, 3.0], [1.0, 9.0]]), np.array([0, 1])
        >>> round(best_factor(logits, y, np.array([True, False])), 3)  # √27
        5.196
    """
    if inside.all():
        return 1.0
    places, gains = crossings(logits, y, inside)
    if len(places) == 0:
        return 1.0
    order = np.argsort(places)
    total, most, begin = 0, 0, 0.0
    for at in range(len(order)):
        total += gains[order[at]]
        place = places[order[at]]
        ends = at + 1 == len(order) or places[order[at + 1]] > place  # of equal places all count
        if ends and total > most:
            most, begin = total, place
    if most == 0:
        return places[order[0]] / 2
    for at in order:
        if places[at] > begin:
            return np.sqrt(places[at] * begin)
    return begin * 2


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
