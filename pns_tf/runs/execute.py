"""Executes one run: draws or plants, seeks, and gives the row to keep."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.masks import Mask
from pns_tf.own_modules import told
from pns_tf.recipe.hosts import FRESH, Host
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.pruners import ORACLE, weak_from
from pns_tf.recipe.run import Run

if TYPE_CHECKING:
    import tf_keras as keras

    from pns_tf.found_ticket import FoundTicket
    from pns_tf.planting.planted import Planted
    from pns_tf.tasks import Data

TICKETS = "tickets"  # in the folder of all results: trained tickets that other runs plant


@dataclass(frozen=True, eq=False)
class Result:
    """What a run results in.

    Attributes:
        row: settings, metrics, seconds and versions, flat.
        masks: the found ticket.
        curves: values of each epoch, by name: ``loss/search``, ``loss/training`` and
            ``accuracy/validation``.
    """

    row: dict
    masks: Mask
    curves: dict[str, list[float]] = field(default_factory=dict)


def execute(
    run: Run, folder: Path | None = None, data_dir: str | None = None, keep_ticket: bool = False
) -> Result:
    """Seeks the ticket of a run; the same run gives the same result in any process.

    Args:
        run: what to do.
        folder: of all results: trained tickets of other runs are read from there, and long
            trainings are kept there until they end.
        data_dir: where data sets lie.
        keep_ticket: write the trained ticket into ``folder``, for other runs to plant it.
    """
    from pns_tf.saving.exporting import versions

    if run.ranked or run.search.pruner == ORACLE:
        from pns_tf.runs.ranked import check_ranked

        check_ranked(run)
    network = network_of(run, folder)
    with _kept(run, folder), _epochs_shown(run) as watch:
        found = found_in(network, run, data_dir, watch)
        if keep_ticket and folder is not None:
            _write_ticket(run, found, network, folder)
    row = {"run": run.name, "task": run.task, **run.settings, "kind": found.kind.name}
    row["weak_from"] = weak_from(
        run.search.pruner, found.search.weights is not None, run.search.options
    )
    row |= {"baseline": run.baseline if run.ticket is None else network.density, **found.metrics}
    if run.control and run.planting is not None:
        row |= control_of(found, run, data_dir)
    if run.ranked:
        row = _ranked(row, found, network, run)
    row |= {f"{what}_seconds": spent for what, spent in found.seconds.items()}
    row["trained_epochs"] = len(found.history)
    row |= {f"version_{package}": version for package, version in versions().items()}
    return Result(row, found.masks, found.curves)


def _ranked(row: dict, found: FoundTicket, network: Planted | keras.Model, run: Run) -> dict:
    """The row with the metrics of rankings in place of the paper's, and from where they begin."""
    from pns_tf.planting.planted import Planted
    from pns_tf.runs.ranked import BY_THE_PAPER, check_ranked, ranked_metrics

    assert isinstance(network, Planted)
    kept = {name: value for name, value in row.items() if name not in BY_THE_PAPER}
    kept |= {"weak_from": "host", "published_from": row["weak_from"]}
    return kept | ranked_metrics(found, network, check_ranked(run))


def control_of(found: FoundTicket, run: Run, data_dir: str | None = None) -> dict[str, float]:
    """The same search in the host before planting, on the same data.

    A strong ticket owes something to planting only as far as it is better than this one: of relu
    every host has thousands.

    Args:
        found: of the planted host.
        run: how it was found.
        data_dir: where data sets lie.

    Returns:
        ``control_strong`` and ``control_final``, and ``control_gain``, by how much the planted host
        has given the better strong ticket.
    """
    host = run.host.resolved(data_dir)
    stream = FRESH if run.ticket is not None or host.problem is None else "host"
    before = found_in(host.draw(run.search.seed, stream), run, data_dir).metrics
    gain = found.metrics["strong"] - before["strong"]
    return {
        "control_strong": before["strong"],
        "control_final": before["final"],
        "control_gain": gain if found.kind.higher_is_better else -gain,
    }


def found_in(
    network: Planted | keras.Model,
    run: Run,
    data_dir: str | None = None,
    watch: Callable[[int, float], None] | None = None,
) -> FoundTicket:
    """Seeks in a run's network, on its data."""
    from pns_tf.seeking import seek_with

    settings, pruner = run.search, None
    if settings.pruner == ORACLE:
        from pns_tf.pruners.given import Given

        pruner = Given(mask=network.planted_masks)  # type: ignore[union-attr]
    with told("pruner", settings.pruner):
        return seek_with(
            network,
            settings,
            pruner=pruner,
            data=_data(run.host, settings.samples, settings.noise, settings.seed, data_dir),
            watch=watch,
            augmented=run.augmented,
            judged=run.control or not run.ranked,
        )


def network_of(run: Run, folder: Path | None = None) -> Planted | keras.Model:
    """The planted host of a run, or its host if nothing is planted; arguments as for `execute`."""
    if run.planting is None:
        return run.host.draw(run.search.seed)
    if run.ticket is None or folder is None:
        return planted_of(run.planting)
    ticket = str(folder / TICKETS / run.ticket.name)
    return planted_of(dataclasses.replace(run.planting, ticket=ticket))


def planted_of(planting: Planting) -> Planted:
    """The planted host; the last two are kept.

    Runs that differ only in pruner or density share host and data; a worker gets them in sequence.
    """
    return _planted(dataclasses.replace(planting, samples=planting.host.usual_samples, noise=None))


@functools.lru_cache(maxsize=2)
def _planted(planting: Planting) -> Planted:
    if planting.ticket is None:
        return planting.host.plant(planting)
    from pns_tf.planting.planted import plant
    from pns_tf.saving.trained import load_trained

    return plant(
        load_trained(planting.ticket),
        host=planting.host.draw(planting.seed, FRESH),
        seed=planting.seed,
        hide=planting.hide,
        hide_biases=planting.hide_biases,
        epsilon=planting.epsilon,
    )


@functools.lru_cache(maxsize=2)
def _data(host: Host, samples: int, noise: float | None, seed: int, data_dir: str | None) -> Data:
    return host.data(samples, noise, seed, data_dir)


@contextlib.contextmanager
def _kept(run: Run, folder: Path | None):
    """Long trainings go on where they were stopped; to keep short ones would cost more."""
    if folder is None or not run.host.on_images:
        yield
        return
    from pns_tf.training.checkpoints import kept_in

    with kept_in(folder / "runs" / f".{run.name}", run.settings):
        yield


@contextlib.contextmanager
def _epochs_shown(run: Run):
    """A bar of the epochs of a long run, below that of the runs."""
    if not run.host.on_images:
        yield None
        return
    from tqdm import tqdm

    from pns_tf.pruners import make_pruner

    name = f"{run.search.pruner} {run.search.density:g}"
    total = make_pruner(run.search).total_epochs(run.search)
    with tqdm(total=total, desc=name, unit="epoch", position=1, leave=False, disable=None) as bar:
        yield lambda epoch, loss: bar.update()


def _write_ticket(
    run: Run, found: FoundTicket, network: Planted | keras.Model, folder: Path
) -> None:
    from pns_tf.planting.planted import Planted
    from pns_tf.saving.found_run import write_found

    write_found(
        found,
        network if isinstance(network, Planted) else None,
        run.search,
        folder / TICKETS / run.name,
        planted_in=None if run.planting is None else run.planting.name,
        host=run.host,
        augmented=run.augmented,
        overwrite=True,
    )
