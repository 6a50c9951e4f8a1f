"""Finished runs on disk: one row and its masks each, complete or not there at all."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError
from pns_tf.masks import Mask
from pns_tf.recipe.run import Run
from pns_tf.runs.execute import Result
from pns_tf.saving.storage import replacing, write_text

if TYPE_CHECKING:
    import pandas as pd

CURVES = "curves"  # in the file of a row, but no column of tables
SAID = "best_constant"  # not by rows of when scales of classes were fitted less well


class Store:
    """Finished runs, in ``<folder>/runs/<run's name>.json`` and ``.npz``.

    Experiments share the folder, so that a run that several of them need is done once. So may
    processes: files are written under another name first and renamed, and equal runs have equal
    results.

    Args:
        folder: where results are kept.
    """

    def __init__(self, folder: Path):
        self.folder = Path(folder)
        self._runs = self.folder / "runs"

    def has(self, run: Run) -> bool:
        """Whether the run is finished."""
        return self._row(run).exists() and self._masks(run).exists()

    def write(self, run: Run, result: Result) -> None:
        """Keeps a result; the row last, because it is what counts.

        Raises:
            ValueError: the disk is full, or the folder cannot be written.
        """
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            with replacing(self._masks(run)) as partial, partial.open("wb") as file:
                result.masks.save(file)
            write_text(self._row(run), json.dumps({**result.row, CURVES: result.curves}))
        except OSError as error:
            raise InputError(f"cannot write to {self._runs}: {error.strerror}") from error

    def read(self, run: Run) -> dict | None:
        """The row of a finished run; ``None`` if there is none, or it is damaged or outdated.

        A damaged row is put aside into ``runs/damaged`` and named on standard output.
        """
        path = self._row(run)
        if not self.has(run):
            return None
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(row, dict):
                raise ValueError("no JSON object")
            row.pop(CURVES, None)
            differing = [key for key, value in run.settings.items() if row[key] != value]
            if differing:
                raise ValueError(f"of other settings ({', '.join(differing)})")
            problem = run.host.problem
            outdated = SAID not in row and (problem is None or problem.kind.discrete)
            return None if outdated else row
        except (ValueError, KeyError, TypeError) as error:
            aside = self._runs / "damaged" / path.name
            aside.parent.mkdir(exist_ok=True)
            os.replace(path, aside)
            print(f"{path} is damaged or {error}: kept as {aside}, to be run again")
            return None

    def curves(self, run: Run) -> dict[str, list[float]]:
        """Losses of a finished run, epoch by epoch; runs of before kept none."""
        return json.loads(self._row(run).read_text(encoding="utf-8")).get(CURVES, {})

    def masks(self, run: Run) -> Mask:
        """The found ticket of a finished run."""
        return Mask.load(self._masks(run))

    def table(self, runs: Sequence[Run]) -> pd.DataFrame:
        """The rows of the finished ones among ``runs``, in their order."""
        import pandas as pd

        return pd.DataFrame([row for row in map(self.read, runs) if row is not None])

    def write_table(self, table: pd.DataFrame, experiment: str) -> Path:
        """Writes ``<folder>/<experiment>/runs.csv`` and returns its path."""
        path = self.folder / experiment / "runs.csv"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, table.to_csv(index=False))
        except OSError as error:
            raise InputError(f"cannot write to {path}: {error.strerror}") from error
        return path

    def _row(self, run: Run) -> Path:
        return self._runs / f"{run.name}.json"

    def _masks(self, run: Run) -> Path:
        return self._runs / f"{run.name}.npz"
