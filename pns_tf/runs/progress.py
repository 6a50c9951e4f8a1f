"""The progress bar of an experiment: runs done, under way and left, and the time left."""

from __future__ import annotations

from tqdm import tqdm


class RunsBar(tqdm):
    """Counts runs; shown on terminals only.

    Args:
        total: runs of the experiment.
        done: those that were finished before.
    """

    def __init__(self, total: int, done: int = 0):
        super().__init__(total=total, initial=done, unit="run", disable=None)
        self._places = 0

    def set_places(self, count: int) -> None:
        """How many runs can be under way at once."""
        self._places = count
        self._show()

    def advance(self) -> None:
        """One more run is done."""
        self.update()
        self._show()

    def _show(self) -> None:
        left = self.total - self.n
        self.set_postfix(running=min(self._places, left), left=left, refresh=False)
