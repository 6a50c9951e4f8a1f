"""Epoch after epoch: shuffled, checked, kept for resuming, counted and told."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pns_tf.checks import InputError
from pns_tf.training.checkpoints import Kept, next_stage


class Diverged(InputError):
    """The loss of a training is no longer finite."""


class Loop:
    """Runs the epochs of a search, one stage of it after the other.

    Within `pns_tf.training.checkpoints.kept_in` what epochs lead to is kept, and a stage that was
    stopped goes on from there, with the same numbers as undisturbed.

    Args:
        rng: shuffles; everything else that is random in a stage must be drawn from it, too.
        watch: told the number of each finished epoch, counted through all stages from 1, and its
            mean loss; of epochs finished before an interruption, too.
        augmented: whether trainings are to mirror and shift images at random.

    Attributes:
        history: mean loss of each finished epoch of all stages.

    Example:
        >>> from pns_tf.training.checkpoints import Note
        >>> loop, total = Loop(rng), Note(0.0)
        >>> def step(number):
        ...     total.assign(total.numpy() + 1 / number)
        ...     return float(total.numpy())
        >>> loop.run(3, step, [total])[:2]
        [1.0, 1.5]
    """

    def __init__(
        self,
        rng: np.random.Generator,
        watch: Callable[[int, float], None] | None = None,
        augmented: bool = False,
    ):
        self.rng, self.augmented = rng, augmented
        self.history: list[float] = []
        self._watch = watch

    @property
    def stream(self) -> dict:
        """Where the random numbers stand, for JSON."""
        return dict(self.rng.bit_generator.state)

    def go_on_from(self, stream: Mapping) -> None:
        """Sets the random numbers to where those of another loop stood, see `stream`.

        Raises:
            ValueError: it is no such thing.
        """
        try:
            self.rng.bit_generator.state = dict(stream)  # type: ignore[call-overload]
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise InputError(
                f"stream must be the state of NumPy's PCG64, as ticket.json has it: {error}"
            ) from error

    def shuffled(self, samples: int) -> np.ndarray:
        """A new order of so many samples, int32."""
        return self.rng.permutation(samples).astype(np.int32)

    def run(
        self,
        epochs: int,
        step: Callable[[int], float],
        state: Sequence[Kept],
        finished: Callable[[int], None] | None = None,
    ) -> list[float]:
        """Runs one stage.

        Args:
            epochs: how many.
            step: runs the epoch of this number, from 1 in each stage; returns its mean loss.
            state: everything that decides how the stage goes on after an epoch, apart from
                random numbers.
            finished: called with the number of each epoch after it, before its state is kept.

        Returns:
            The mean loss of each epoch.

        Raises:
            Diverged: the loss stops being finite.
        """
        stage = next_stage()
        losses = stage.restore(state, self.rng)
        for loss in losses:
            self._tell(loss)
        for number in range(len(losses) + 1, epochs + 1):
            loss = step(number)
            if not math.isfinite(loss):
                raise Diverged(
                    f"training diverged: the loss of epoch {len(self.history) + 1} is {loss}; "
                    "are all data finite, and is the learning rate small enough?"
                )
            losses.append(loss)
            if finished:
                finished(number)
            stage.save(state, self.rng, losses, finished=number == epochs)
            self._tell(loss)
        return losses

    def _tell(self, loss: float) -> None:
        self.history.append(loss)
        if self._watch:
            self._watch(len(self.history), loss)
