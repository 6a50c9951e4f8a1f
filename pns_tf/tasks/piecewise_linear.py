"""Two layers of weights that approximate a univariate function: the targets' building block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PiecewiseLinear:
    """Interpolation of functions of one variable u: f(u) = Σ_j a_j φ(p_j (u − s_j)) + b, φ = ReLU.

    Attributes:
        signs: p, ``(N,)``: weights from u to the inner neurons.
        inner_biases: −p_j s_j, ``(N,)``.
        outer: a, ``(N, functions)``: weights from the inner neurons to the outputs.
        bias: b, ``(functions,)``.
    """

    signs: np.ndarray
    inner_biases: np.ndarray
    outer: np.ndarray
    bias: np.ndarray


def piecewise_linear(
    f: Callable[[np.ndarray], np.ndarray],
    low: float,
    high: float,
    knots: int,
    last_sign: int | None = None,
) -> PiecewiseLinear:
    """Interpolates ``f`` on [low, high] at equidistant knots (Plant 'n' Seek, appendix A.2).

    Slopes m_j = (f(s_{j+1}) − f(s_j)) / δ; outer weights a_j = m_j − m_{j−1} for j ≥ 2 and
    a_1 = m_1 + Σ_{j ≥ 2, p_j = −1} a_j; the output bias makes the value at the first knot exact.

    Args:
        f: maps ``(n,)`` to ``(n,)`` or ``(n, functions)``; the inner neurons serve all functions.
        low: first knot.
        high: last knot.
        knots: N, at least 2.
        last_sign: p_N if it should not follow the alternation +, −, +, …

    Example:
        >>> h = piecewise_linear(np.square, 0, 1, knots=10)
        >>> h.outer.shape
        (10, 1)
    """
    s = np.linspace(low, high, knots)
    step = s[1] - s[0]
    values = f(np.append(s, high + step)).reshape(knots + 1, -1)
    slopes = np.diff(values, axis=0) / step
    signs = np.where(np.arange(knots) % 2 == 0, 1.0, -1.0)
    if last_sign is not None:
        signs[-1] = last_sign
    outer = np.diff(slopes, axis=0, prepend=0.0)
    outer[0] += outer[1:][signs[1:] < 0].sum(axis=0)
    at_first_knot = np.maximum(signs * (s[0] - s), 0.0)
    return PiecewiseLinear(signs, -signs * s, outer, values[0] - at_first_knot @ outer)
