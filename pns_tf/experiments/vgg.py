"""Figure 5: VGG16 on CIFAR-10. Weak tickets by multishot pruning, then edge-popup on a planted one.

The right side needs a trained ticket of the left side: SynFlow's of the lowest density, planted
into a fresh host. Runs are kept like those of all experiments, and one that was stopped goes on
from its last epoch. They follow one another, because each of them uses all cores.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.hosts.vgg_plans import ImageHost
from pns_tf.recipe.run import code_digest, identity, result_versions
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs.execute import Result
from pns_tf.runs.store import Store

if TYPE_CHECKING:
    from pns_tf.training.validation import Images

NAME = "figure5"
PRUNERS = ("random", "magnitude", "snip", "grasp", "synflow")
DENSITIES = (0.01, 0.05, 0.1, 0.2, 0.5)
PLANTED_PRUNER = "synflow"
LEVELS = 5  # of edge-popup's annealing
WEAK, STRONG = "weak tickets, multishot", "strong tickets, planted host"


@dataclass(frozen=True)
class ImageRun:
    """One search in a VGG host: everything that decides the result.

    Attributes:
        host: the network and its images.
        search: how the ticket is sought; its seed is also that of the host.
        augmented: whether training mirrors and shifts images.
        ticket: name of the run whose trained ticket is planted in the host; ``None`` for none.
    """

    host: ImageHost
    search: SeekSettings = field(default_factory=SeekSettings)
    augmented: bool = False
    ticket: str | None = None

    @property
    def settings(self) -> dict:
        """All settings as a flat dict for a table; shapes and options as JSON."""
        host, search = dataclasses.asdict(self.host), dataclasses.asdict(self.search)
        host["shape"] = json.dumps(host["shape"])
        search["options"] = json.dumps(search["options"], sort_keys=True)
        return {**host, **search, "augmented": self.augmented, "ticket": self.ticket}

    @functools.cached_property
    def name(self) -> str:
        """Hash of the settings: equal settings, and only these, have equal names."""
        code = code_digest(self.search.pruner)
        versions = result_versions(self.search.pruner)
        return identity([*versions, self.settings, *([code] if code else [])])


def figure5_runs(
    host: ImageHost,
    samples: int,
    seeds: int = 3,
    *,
    pruners: Sequence[str] = PRUNERS,
    densities: Sequence[float] = DENSITIES,
    epochs: int = 10,
    round_epochs: int = 5,
    rounds: int = 10,
    augmented: bool = False,
) -> list[ImageRun]:
    """All runs of the figure, each after the one that it needs.

    Args:
        host: the network and its images.
        samples: training images, held-out ones included.
        seeds: 0, 1, … of each setting.
        pruners: of the left side.
        densities: of both sides; the ticket of the lowest one is planted.
        epochs: of the final training, and of edge-popup.
        round_epochs: of each multishot round.
        rounds: of multishot.
        augmented: train on randomly mirrored and shifted images.

    Example:
        >>> host = ImageHost("vgg16", "cifar10", (32, 32, 3), 10)
        >>> len(figure5_runs(host, samples=50_000, seeds=1))
        30
    """
    runs = []
    for seed in range(seeds):
        multishot = {"rounds": rounds, "round_epochs": round_epochs, "epochs": epochs}
        shared = {"samples": samples, "seed": seed}
        weak = [
            ImageRun(host, SeekSettings(pruner, density, **multishot, **shared), augmented)
            for density in sorted(densities)
            for pruner in pruners
        ]
        planted = SeekSettings(PLANTED_PRUNER, min(densities), **multishot, **shared)
        ticket = ImageRun(host, planted, augmented)
        options = {"anneal": True, "epochs": epochs, "levels": min(LEVELS, epochs)}
        strong = [
            ImageRun(
                host,
                SeekSettings("edge_popup", density, epochs=0, options=options, **shared),
                ticket=ticket.name,
            )
            for density in sorted(densities)
        ]
        runs += [ticket, *(run for run in weak if run != ticket), *strong]
    return runs


def execute(run: ImageRun, data: Images, folder: Path, watch=None) -> Result:
    """Seeks in the host of a run; goes on where it was stopped.

    Args:
        run: what to do.
        data: the images.
        folder: of all results; trained tickets that are to be planted are in ``tickets``.
        watch: told each finished epoch.
    """
    from pns_tf.hosts.vgg import FRESH, vgg_host
    from pns_tf.planting.planted import plant
    from pns_tf.saving.exporting import versions
    from pns_tf.saving.image_runs import load_trained
    from pns_tf.seeking import seek_with
    from pns_tf.training.checkpoints import kept_in

    seed = run.search.seed
    host, baseline = vgg_host(**run.host.network, seed=seed), None
    if run.ticket is not None:
        fresh = vgg_host(**run.host.network, seed=seed, stream=FRESH)
        host = plant(load_trained(folder / "tickets" / run.ticket), host=fresh, seed=seed)
        baseline = host.planted_masks.density
    with kept_in(folder / "runs" / f".{run.name}", run.settings):
        found = seek_with(host, run.search, data=data, watch=watch, augmented=run.augmented)
        if run.ticket is None and run.search.pruner == PLANTED_PRUNER:
            _keep_ticket(run, found, folder / "tickets" / run.name)
    row = {"run": run.name, **run.settings, "baseline": baseline, **found.metrics}
    row |= {f"{what}_seconds": spent for what, spent in found.seconds.items()}
    row |= {f"version_{package}": version for package, version in versions().items()}
    return Result(row, found.masks)


def _keep_ticket(run: ImageRun, found, path: Path) -> None:
    from pns_tf.saving.found_run import write_found

    about = {"task": run.host.dataset, "host": dataclasses.asdict(run.host)}
    write_found(found, None, run.search, path, planted_in=None, host=about, overwrite=True)


def reproduce_figure5(
    out: Path,
    *,
    plan: str = "vgg16",
    dataset: str = "cifar10",
    width_multiplier: float = 1.0,
    epochs: int = 10,
    round_epochs: int = 5,
    rounds: int = 10,
    samples: int | None = None,
    seeds: int = 3,
    pruners: Sequence[str] = PRUNERS,
    densities: Sequence[float] = DENSITIES,
    augmented: bool = False,
    data_dir: str | None = None,
) -> Path:
    """Runs what is missing of the figure, and writes its table and picture.

    Args:
        out: folder of all results.
        plan, dataset, width_multiplier: of the host, see `ImageHost`.
        epochs, round_epochs, rounds, seeds, pruners, densities, augmented: see `figure5_runs`.
        samples: training images, ``None`` for all.
        data_dir: where TFDS keeps its data sets, ``None`` for its own place.

    Returns:
        The folder with ``runs.csv``, ``summary.md`` and ``performance.png``.

    Raises:
        ValueError: a value out of range, or a data set that there is not.
    """
    from tqdm import tqdm

    from pns_tf.experiments.vgg_report import write_figure5
    from pns_tf.images import image_set, load_images

    shape, classes = image_set(dataset, data_dir)
    host = ImageHost(plan, dataset, shape, classes, width_multiplier)
    data = load_images(dataset, data_dir, samples)
    runs = figure5_runs(
        host,
        len(data.x_train) + len(data.x_validation),
        seeds,
        pruners=pruners,
        densities=densities,
        epochs=epochs,
        round_epochs=round_epochs,
        rounds=rounds,
        augmented=augmented,
    )
    store = Store(out)
    missing = [run for run in runs if store.read(run) is None]
    with tqdm(total=sum(map(_epochs, missing)), unit="epoch", disable=None) as bar:
        for run in missing:
            bar.set_description(f"{run.search.pruner} {run.search.density:g}")
            store.write(run, execute(run, data, out, watch=lambda epoch, loss: bar.update()))
    table = store.table(runs)
    return write_figure5(table, store.write_table(table, NAME).parent)


def _epochs(run: ImageRun) -> int:
    return run.search.total_epochs + run.search.options.get("epochs", 0)
