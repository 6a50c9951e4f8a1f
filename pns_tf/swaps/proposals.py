"""Which flips of a mask promise a lower loss together."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

OFF, ON = 200, 400  # the best flips of each kind, among which pairs are looked for


class Proposals:
    """Predicts what flips do together from what each of them does alone.

    With d_i the change of the outputs by flip i, the loss after several flips is taken as that of
    the sum of their d_i, to second order: Σ_i a_i + Σ_{i<j} b_i · b_j.

    Args:
        alone: a, the change of the loss by each flip alone, ``(flips,)``.
        features: b of the flips of given numbers, ``(numbers, features)``; called once, for those
            among which pairs are looked for.
        off: which flips turn a parameter off, bool ``(flips,)``.
        prices: parameters that each flip adds, if it turns one on, ``(flips,)``.

    Example:
        >>> alone, off = np.array([0.1, 0.3, -0.2, 0.5]), np.array([True, True, False, False])
        >>> b = np.array([[0.0], [1.0], [0.1], [-1.0]])
        >>> proposals = Proposals(alone, lambda few: b[few], off, prices=np.ones(4, int))
        >>> proposals.swap(room=0)  # 0.3 + 0.5 − 1
        [1, 3]
    """

    def __init__(
        self,
        alone: np.ndarray,
        features: Callable[[np.ndarray], np.ndarray],
        off: np.ndarray,
        prices: np.ndarray,
    ):
        self._off = _lowest(alone, np.flatnonzero(off), OFF)
        self._on = _lowest(alone, np.flatnonzero(~off), ON)
        self._off_alone, self._on_alone = alone[self._off], alone[self._on]
        both = features(np.concatenate([self._off, self._on]))
        off_features, self._on_features = both[: len(self._off)], both[len(self._off) :]
        self._cross = off_features @ self._on_features.T
        self._among_off = off_features @ off_features.T
        self._prices = prices[self._on]

    def drop(self) -> list[int]:
        """The parameter that is missed least; nothing if there is none left."""
        if not np.isfinite(self._off_alone).any():
            return []
        return [int(self._off[np.argmin(self._off_alone)])]

    def add(self, room: int) -> list[int]:
        """The addition that lowers the loss most for each of its at most ``room`` parameters."""
        gains = np.where(self._prices <= room, self._on_alone / self._prices, 0.0)
        if not gains.size or gains.min() >= 0:
            return []
        return [int(self._on[np.argmin(gains)])]

    def swap(self, room: int) -> list[int]:
        """The best pair, with more parameters to turn off if its price needs them."""
        if not self._cross.size:
            return []
        together = self._off_alone[:, None] + self._on_alone + self._cross
        off, on = np.unravel_index(np.argmin(together), together.shape)
        if not together[off, on] < 0:
            return []
        leaving = [int(off)]
        rest = self._off_alone + self._cross[:, on]
        while self._prices[on] - len(leaving) > room:
            rest = rest + self._among_off[leaving[-1]]
            rest[leaving] = np.inf
            if not np.isfinite(rest).any():
                return []
            leaving.append(int(np.argmin(rest)))
        return [*map(int, self._off[leaving]), int(self._on[on])]

    def exclude(self, flips: list[int]) -> None:
        """Proposes none of these again."""
        self._off_alone[np.isin(self._off, flips)] = np.inf
        self._on_alone[np.isin(self._on, flips)] = np.inf

    def made(self, flips: list[int], prices: np.ndarray) -> None:
        """Takes flips as made: all others add to them from now on.

        Args:
            flips: those made.
            prices: of all flips, after it.
        """
        off, on = np.isin(self._off, flips), np.isin(self._on, flips)
        self._off_alone += self._among_off[off].sum(axis=0) + self._cross[:, on].sum(axis=1)
        # The few that are made do not pay for the products among all 400.
        among_on = self._on_features @ self._on_features[on].sum(axis=0)
        self._on_alone += among_on + self._cross[off].sum(axis=0)
        self._prices = prices[self._on]
        self.exclude(flips)


def _lowest(values: np.ndarray, among: np.ndarray, count: int) -> np.ndarray:
    return among[np.argsort(values[among], kind="stable")[:count]]
