"""When masks are updated, and how sparse they become: TF-MOT's schedules by name and formula."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from pns_tf.checks import InputError, integer, number

FOREVER = -1


@dataclass(frozen=True)
class Schedule(ABC):
    """What schedules share: an update every ``frequency`` steps; the first batch is step 1.

    A schedule of one's own is a subclass with ``begin_step``, ``end_step`` (−1 for no end),
    ``frequency``, ``final`` and ``sparsity``.
    """

    @property
    @abstractmethod
    def final(self) -> float:
        """The sparsity in the end."""

    @abstractmethod
    def sparsity(self, step: int) -> np.float32:
        """The fraction of weights that is pruned at an update at ``step``."""

    def due(self, step: int) -> bool:
        """Whether the masks are updated at the beginning of ``step``."""
        begin, end = self.begin_step, self.end_step  # type: ignore[attr-defined]
        if step < begin or (end != FOREVER and step > end):
            return False
        return (step - begin) % self.frequency == 0  # type: ignore[attr-defined]

    @property
    def last(self) -> int:
        """The step of the update after which nothing more is pruned."""
        begin, end = self.begin_step, self.end_step  # type: ignore[attr-defined]
        frequency = self.frequency  # type: ignore[attr-defined]
        return (begin or frequency) if end == FOREVER else end - (end - begin) % frequency


@dataclass(frozen=True)
class ConstantSparsity(Schedule):
    """The same sparsity from ``begin_step`` on.

    Args:
        target_sparsity: fraction pruned, in [0, 1).
        begin_step: the first step with an update; the first batch is step 1.
        end_step: the last; −1 goes on until training ends.
        frequency: steps from one update to the next.

    Raises:
        ValueError: a value out of range.

    Example:
        >>> schedule = ConstantSparsity(0.5, begin_step=10, frequency=5)
        >>> [step for step in range(22) if schedule.due(step)], float(schedule.sparsity(10))
        ([10, 15, 20], 0.5)
    """

    target_sparsity: float
    begin_step: int
    end_step: int = FOREVER
    frequency: int = 100

    def __post_init__(self):
        _check_sparsity("target_sparsity", self.target_sparsity)
        _check_steps(self.begin_step, self.end_step, self.frequency, endless=True)

    @property
    def final(self) -> float:
        return self.target_sparsity

    @property
    def last(self) -> int:
        return self.begin_step or self.frequency  # later ones prune no more

    def sparsity(self, step: int) -> np.float32:
        return np.float32(self.target_sparsity)


@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """s(t) = s_f + (s_i − s_f) (1 − (t − t₀)/(t₁ − t₀))^p, in float32 as in TF-MOT.

    Args:
        initial_sparsity: s_i, fraction pruned at the beginning, in [0, 1).
        final_sparsity: s_f, fraction pruned in the end.
        begin_step: t₀, the first step with an update; the first batch is step 1.
        end_step: t₁, the last.
        power: p.
        frequency: steps from one update to the next. It should divide t₁ − t₀: otherwise the last
            update comes before t₁ and falls short of s_f, as in TF-MOT.

    Raises:
        ValueError: a value out of range.

    Reference: Zhu & Gupta, To Prune, or Not to Prune, ICLR Workshop 2018, arXiv 1710.01878.

    Example:
        >>> schedule = PolynomialDecay(0.0, 0.8, begin_step=0, end_step=200, frequency=100)
        >>> [(step, round(float(schedule.sparsity(step)), 3)) for step in (100, 200)]
        [(100, 0.7), (200, 0.8)]
    """

    initial_sparsity: float
    final_sparsity: float
    begin_step: int
    end_step: int
    power: float = 3
    frequency: int = 100

    def __post_init__(self):
        _check_sparsity("initial_sparsity", self.initial_sparsity)
        _check_sparsity("final_sparsity", self.final_sparsity)
        if self.initial_sparsity > self.final_sparsity:
            raise InputError(
                f"final_sparsity must be at least initial_sparsity, got {self.final_sparsity} and "
                f"{self.initial_sparsity}: a weight once pruned stays pruned"
            )
        _check_steps(self.begin_step, self.end_step, self.frequency, endless=False)
        number("power", self.power, 0.0, low_excluded=True)
        if self.end_step == self.begin_step:
            raise InputError(
                f"end_step must be after begin_step, got {self.end_step} for both: sparsity is "
                "not defined by a division by 0; ConstantSparsity prunes at once"
            )

    @property
    def final(self) -> float:
        return self.final_sparsity

    def sparsity(self, step: int) -> np.float32:
        one = np.float32(1)
        part = np.float32(step - self.begin_step) / np.float32(self.end_step - self.begin_step)
        left = (one - np.clip(part, np.float32(0), one)) ** np.float32(self.power)
        # TF-MOT subtracts the two before they become float32.
        return np.float32(self.initial_sparsity - self.final_sparsity) * left + np.float32(
            self.final_sparsity
        )


def _check_sparsity(name: str, value: object) -> None:
    if number(name, value, 0.0, 1.0) == 1.0:
        raise InputError(f"{name} must be below 1, which would prune everything, got {value!r}")


def _check_steps(begin: object, end: object, frequency: object, endless: bool) -> None:
    first = integer("begin_step", begin, minimum=0)
    integer("frequency", frequency, minimum=1)
    if not (endless and end == FOREVER):
        integer("end_step", end, minimum=first)
        if (first or frequency) > end:  # type: ignore[operator]
            raise InputError(
                f"frequency must be at most end_step, got {frequency} and {end}: there is no step "
                "0, and no other would update the masks"
            )
