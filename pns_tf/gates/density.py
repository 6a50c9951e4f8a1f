"""How a search with gates arrives at the density asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

START = 0.5  # gates with scores of zero are half open


def falling_density(density: float, progress: float, ramp: float) -> float:
    """The density wanted on the way: exponential from ½ to ``density``, reached at ``ramp``.

    Args:
        density: wanted in the end.
        progress: how much of the search is over, 0 to 1.
        ramp: the progress at which ``density`` is reached.

    Example:
        >>> [round(falling_density(0.02, progress, ramp=0.5), 3) for progress in (0, 0.25, 0.5, 1)]
        [0.5, 0.1, 0.02, 0.02]
    """
    if density >= START:
        return density
    return START * (density / START) ** min(progress / ramp, 1.0)


class PressureController:
    """Steers the weight λ of a sparsity penalty so that the density follows `falling_density`.

    After each epoch, with the error e = log(density / wanted), log λ changes by
    gain · e + damping · (e − e before), by log 2 at most: a PI controller. The density asked for is
    reached by and by, without a search for the right λ; the threshold in the end does the rest.

    Args:
        density: wanted in the end.
        ramp: the progress at which it is to be reached.
        pressure: λ at the start.
        gain: the controller's integral gain.
        damping: its proportional gain.

    Example:
        >>> controller = PressureController(density=0.02, ramp=0.5, gain=0.5, damping=0.0)
        >>> round(controller(progress=0.5, density=0.04), 3)  # twice as dense: λ grows by √2
        1.414
    """

    def __init__(
        self,
        density: float,
        ramp: float,
        pressure: float = 1.0,
        gain: float = 0.4,
        damping: float = 6.0,
    ):
        self._density, self._ramp = density, ramp
        self._gain, self._damping = gain, damping
        self._error = 0.0
        self.pressure = pressure

    def __call__(self, progress: float, density: float) -> float:
        """Takes the density now; returns λ for the next epoch."""
        wanted = falling_density(self._density, progress, self._ramp)
        error = math.log(max(density, 1e-9) / wanted)
        change = self._gain * error + self._damping * (error - self._error)
        self._error = error
        self.pressure *= math.exp(max(-math.log(2), min(change, math.log(2))))
        return self.pressure

    def after(self, densities: Sequence[float], epochs: int) -> float:
        """λ for the next of so many epochs; a new controller takes the densities so far."""
        for number, density in enumerate(densities):
            self(number / epochs, density)
        return self.pressure
