"""What TensorBoard shows of single runs of an experiment."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.figure import Figure

from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.pictures import layer_counts_figure, overlap_figure
from pns_tf.recipe.run import Run, label, with_seed
from pns_tf.reports.hparams import Details
from pns_tf.runs.store import Store

MOST_PICTURES = 30  # each takes half a second


class RunDetails:
    """The losses of each run, and how runs of the first seed overlap with the planted ticket.

    Of more than 30 settings every second, third, … is drawn.

    Args:
        runs: finished ones.
        store: where they are kept.
    """

    def __init__(self, runs: Iterable[Run], store: Store):
        self._store = store
        self._runs = {run.name: run for run in runs}
        settings: dict[str, str] = {}
        for run in self._runs.values():
            settings.setdefault(with_seed(run, 0).name, run.name)
        self._drawn = set(list(settings.values())[:: -(-len(settings) // MOST_PICTURES) or 1])

    def __call__(self, name: str) -> Details:
        """Those of the run of this name."""
        run = self._runs.get(name)
        if run is None or not self._store.has(run):
            return Details()
        pictures = {"overlap": self._overlap(run)} if name in self._drawn else {}
        return Details(self._store.curves(run), pictures)

    def _overlap(self, run: Run) -> Figure:
        found = self._store.masks(run)
        title = f"{label(run.search)}, density {run.search.density:g}"
        planted = None
        if isinstance(run.host, FullyConnected) and run.planting is not None:
            planted = run.host.planted_mask(run.planting)
        if planted is None or any(mask.ndim > 2 for mask in found):
            return layer_counts_figure(planted, found, title)
        return overlap_figure(planted, found, title)
