"""Scales λ of matched neurons: what is planted in place of a host neuron's parameters m is θ/λ.

All arrays are ``(places, neurons)``, the biases first, or ``(neurons,)``. ``bounds`` are the
smallest and the largest value of the layer outside the ticket.
"""

from __future__ import annotations

import numpy as np

RANGE_MARGIN = 1e-6  # keeps a planted value inside its layer's range after rounding to float32
LOG_TWO = float(np.log(2.0))


def matched_scales(theta: np.ndarray, m: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """λ of each matched neuron: the best one that keeps θ/λ inside the layer's range.

    The best is θᵀm/‖m‖². Output neurons cannot choose their host neuron, so it may be negative
    there, or so small that θ/λ would stick out; then θ/λ gets the length of m, and if even this
    sticks out, the largest length that does not.

    Example:
        >>> matched_scales(np.array([[2.0]]), np.array([[0.5]]), (-1.0, 1.0))
        array([4.])
    """
    support = theta != 0
    theta_norm = np.sqrt(np.sum(theta**2, axis=0))
    m_norm = np.sqrt(np.sum(np.where(support, m, 0.0) ** 2, axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.sum(theta * m, axis=0) / m_norm**2
        same_length = theta_norm / m_norm
    smallest = smallest_scales(theta, bounds)
    lam = np.select(
        [(best > 0) & (best >= smallest), np.isfinite(same_length) & (same_length >= smallest)],
        [best, same_length],
        smallest,
    )
    return np.where(theta_norm > 0, lam, 1.0)  # a neuron without parameters needs no scale


def stays(
    theta: np.ndarray,
    drawn: np.ndarray,
    off: np.ndarray,
    bounds: tuple[float, float],
    lam: np.ndarray,
) -> np.ndarray:
    """Where the host's own parameters may stay: λ × drawn is θ up to ``off``; sign, range right."""
    low, high = bounds
    near = (np.abs(lam * drawn - theta) <= off) & (np.sign(drawn) == np.sign(theta))
    return near & (low <= drawn) & (drawn <= high)


def scales_that_keep(
    theta: np.ndarray,
    drawn: np.ndarray,
    off: np.ndarray,
    bounds: tuple[float, float],
    lam: np.ndarray,
) -> np.ndarray:
    """λ of each neuron near the given one that lets most of its host neuron's parameters stay.

    Tried are all with which a parameter stays exactly, up to twice or half the given λ.

    Example:
        >>> theta, drawn = np.array([[1.0], [1.0]]), np.array([[0.5], [0.6]])
        >>> scales_that_keep(theta, drawn, np.full((2, 1), 0.01), (-1.0, 1.0), np.array([1.8]))
        array([1.66666667])
    """
    kept = lam.copy()
    smallest = smallest_scales(theta, bounds)
    for neuron, (values, m, scale) in enumerate(zip(theta.T, drawn.T, lam, strict=True)):
        ratios = values[values * m > 0] / m[values * m > 0]
        ratios = ratios[(ratios >= smallest[neuron]) & (np.abs(np.log(ratios / scale)) <= LOG_TWO)]
        options = np.append(scale, ratios[np.argsort(np.abs(np.log(ratios / scale)))])
        staying = stays(values[:, None], m[:, None], off, bounds, options) & (values != 0)[:, None]
        kept[neuron] = options[np.argmax(staying.sum(axis=0))]
    return kept


def smallest_scales(theta: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """The smallest λ with which θ/λ does not stick out of the range of the layer's values.

    Example:
        >>> smallest_scales(np.array([[3.0], [-1.0]]), (-0.5, 1.0)).round(3)
        array([3.])
    """
    low, high = bounds
    with np.errstate(divide="ignore", invalid="ignore"):
        stretch = np.where(theta > 0, theta / high, np.where(theta < 0, theta / low, 0.0))
    stretch = np.where(stretch < 0, np.inf, stretch)  # the layer has no value of that sign
    smallest = np.max(stretch, axis=0) * (1.0 + RANGE_MARGIN)
    if not np.isfinite(smallest).all():
        extent = max(abs(low), abs(high)) or 1.0
        smallest = np.where(np.isfinite(smallest), smallest, np.max(np.abs(theta)) / extent)
    return smallest
