"""The smallest width that is near enough to the planted ticket, by bisection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras_tuner

from pns_tf.reports.statistics import at_most


def next_width(widths: Sequence[int], near: Mapping[int, bool]) -> int | None:
    """The width to try next, or ``None`` if the smallest one that is near enough is known.

    The widest is tried first, because without it there is nothing to look for, then the narrowest,
    then the middle of the widest known to be too narrow and the narrowest known to be wide enough.
    It takes at most 2 + log₂(len(widths)) trials and is right if wider hosts are never worse.

    Args:
        widths: ascending.
        near: of the widths tried so far, whether the ticket came near enough.

    Example:
        >>> next_width(range(1, 101), {}), next_width(range(1, 101), {100: True, 1: False})
        (100, 50)
    """
    if not near.get(widths[-1], True):
        return None
    for end in (widths[-1], widths[0]):
        if end not in near:
            return end
    if near[widths[0]]:
        return None
    enough = min(index for index, width in enumerate(widths) if near.get(width))
    narrow = max(index for index, width in enumerate(widths[:enough]) if width in near)
    return None if narrow + 1 == enough else widths[(narrow + enough) // 2]


class BisectionOracle(keras_tuner.Oracle):
    """An oracle that bisects the values of the hyperparameter "width".

    Args:
        widths: ascending.
        near: the objective, to be minimised, is near enough up to here.
        **oracle: see `keras_tuner.Oracle`.
    """

    def __init__(self, widths: Sequence[int], near: float, **oracle):
        super().__init__(**oracle)
        self.widths, self.near = widths, near

    def populate_space(self, trial_id: str) -> dict:
        """See `keras_tuner.Oracle`; each trial depends on the one before."""
        if self.ongoing_trials:
            return {"status": "IDLE"}
        near = {
            trial.hyperparameters.get("width"): trial.status == "COMPLETED"
            and at_most(trial.score, self.near)
            for trial in self.trials.values()
        }
        width = next_width(self.widths, near)
        if width is None:
            return {"status": "STOPPED"}
        return {"status": "RUNNING", "values": {"width": width}}
