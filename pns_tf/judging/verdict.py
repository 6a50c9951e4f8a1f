"""The verdict on a submission: the numbers that ``seek`` gives for the same masks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pns_tf.checks import InputError, json_object
from pns_tf.constructing.constructed import Constructed
from pns_tf.found_ticket import FoundTicket
from pns_tf.hosts.forward import forward
from pns_tf.hosts.models import host_arrays
from pns_tf.judging.arrays import digest
from pns_tf.judging.instance import JUDGE, Instance
from pns_tf.judging.making import seek_settings
from pns_tf.judging.submission import Submission, Ticket
from pns_tf.leaderboard.instances import instance_name
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import evaluate, evaluate_strong
from pns_tf.planting.planted import Planted
from pns_tf.pruners.given import Given
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import identity
from pns_tf.runs.execute import planted_of
from pns_tf.runs.ranked import BY_THE_PAPER, fresh_samples, ranked_metrics
from pns_tf.saving.exporting import load_planted
from pns_tf.seeking import seek_with
from pns_tf.tasks import Data


@dataclass(frozen=True, eq=False)
class Truth:
    """What the judge knows of an instance, and a pruner does not.

    Attributes:
        planted: the host with its ticket.
        planting: what they were made of.
        data: with their test part.
    """

    planted: Planted
    planting: Planting
    data: Data


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a submission's tickets are worth.

    Attributes:
        submission: what was judged.
        found: for each of its tickets all that ``seek`` would say.
        rows: one for each ticket, as a leaderboard has them, with the submission's name as
            ``entry``. ``strong_fresh`` and ``final_fresh`` are metrics on 100,000 fresh samples.
        on_images: whether the host is for images, of which there is no distance to the truth.
    """

    submission: Submission
    found: list[FoundTicket]
    rows: pd.DataFrame
    on_images: bool = False


def truth_of(
    folder: Path, instance: Instance, planted: Path | None = None, data_dir: str | None = None
) -> Truth:
    """Makes host, ticket and test data again, from ``judge.json`` or from a planted run.

    Args:
        folder: of the instance.
        instance: as read from it.
        planted: folder of the planted run, if ``judge.json`` is not there or says another place.
        data_dir: where data sets lie.

    Raises:
        ValueError: there is no recipe, or it makes another host or other data than the instance's.
    """
    recipe = {} if planted else json_object(folder / JUDGE, "instance with its recipe")
    place = planted or (Path(recipe["planted"]) if "planted" in recipe else None)
    if place is not None:
        from pns_tf.saving.storage import read_planted_record

        planting = Planting.from_record(read_planted_record(place))
        ticket = load_planted(place)
    else:
        planting = Planting.from_record(recipe)
        ticket = planted_of(planting)
    kernels, biases = host_arrays(ticket.host)
    mine = [array for pair in zip(kernels, biases, strict=True) for array in pair]
    for (name, array), own in zip(instance.host.items(), mine, strict=False):
        if digest(own) != digest(array):
            raise InputError(f"{folder}: {name} is not that of the host that {JUDGE} describes")
    data = planting.host.data(planting.samples, planting.noise, planting.seed, data_dir)
    for name in ("x_train", "y_train"):
        if digest(getattr(data, name)) != digest(getattr(instance, name)):
            raise InputError(f"{folder}: {name} is not that of the data that {JUDGE} describes")
    return Truth(ticket, planting, data)


def check_sought_in(submission: Submission, truth: Truth) -> None:
    """Raises `InputError` if ``seek`` searched another host than that of the instance."""
    planting = truth.planting
    if submission.sought_in.get("task") is None:  # not by seek, or in a host without a recipe
        return
    own = dict(planting.host.record) | {"planted_seed": planting.seed}
    own |= {name: getattr(planting, name) for name in ("hide", "hide_biases", "epsilon")}
    for name, value in own.items():
        said = submission.sought_in.get(name, value)
        if said != value:
            raise InputError(
                f"the tickets of {submission.name} were sought in another host: its {name} is "
                f"{said!r}, that of the instance {value!r}"
            )


def judge(
    submission: Submission,
    instance: Instance,
    truth: Truth,
    watch: Callable[[int, float], None] | None = None,
) -> Verdict:
    """Trains and measures each ticket as ``seek`` does.

    The strong ticket is the mask on the host's own parameters; for the weak one the parameters are
    rewound to these and trained, as `Instance.about` says, so that no trained value is handed in.

    Args:
        submission: what was handed in.
        instance: what it is for.
        truth: what the judge knows.
        watch: told each finished epoch.
    """
    fresh = _fresh(truth)
    found, rows = [], []
    for ticket in submission.tickets:
        settings = seek_settings(
            instance,
            pruner=Given.name,
            density=ticket.density,
            seed=truth.planting.seed,
            samples=len(truth.data.x_train) + len(truth.data.x_test),
            noise=truth.planting.noise_level,
        )
        sought = seek_with(
            truth.planted,
            settings,
            pruner=Given(mask=Mask(list(ticket.mask)), stream=ticket.stream),
            data=truth.data,
            watch=watch,
        )
        found.append(sought)
        rows.append({**_row(submission, ticket, truth, sought), **_on_fresh(sought, fresh)})
    on_images = truth.planting.host.on_images
    return Verdict(submission, found, pd.DataFrame(rows), on_images)


def _row(submission: Submission, ticket: Ticket, truth: Truth, found: FoundTicket) -> dict:
    planting = truth.planting
    kept = [digest(mask) for mask in ticket.mask]
    return {
        "entry": submission.name,
        "run": identity([submission.name, planting.record, kept]),
        "task": planting.host.task,
        "kind": found.kind.name,
        **planting.host.settings,
        "seed": planting.seed,
        "density": ticket.density,
        "instance": instance_of(truth),
        "noise": _noise(truth),
        "baseline": truth.planted.density,
        "truth": truth.planted.planted_masks.density,
        "weak_from": "host",
        "kept": ticket.mask.kept,
        "ties": ticket.ties,
        **found.metrics,
        "pruning_seconds": submission.seconds,
        "training_seconds": found.seconds["training"],
        "trained_epochs": len(found.history),
    }


def _fresh(truth: Truth) -> Data | None:
    """The training data, on which scales are fitted, with many samples that nobody has seen."""
    if truth.planting.host.problem is None:
        return None
    planting, data = truth.planting, truth.data
    fresh = fresh_samples(planting.host, planting.noise, planting.seed)
    return Data(data.x_train, data.y_train, *fresh)


def _on_fresh(found: FoundTicket, fresh: Data | None) -> Mapping[str, float]:
    if fresh is None:
        return {"strong_fresh": math.nan, "final_fresh": math.nan}
    strong = evaluate_strong(forward(found.pruned), found.kind, fresh).metric
    return {
        "strong_fresh": strong,
        "final_fresh": evaluate(forward(found.model), found.kind, fresh),
    }


def instance_of(truth: Truth) -> str:
    """What a leaderboard calls the instance: "circle-d5-w100"."""
    task, planted = truth.planting.host.task, truth.planted
    constructed = isinstance(planted, Constructed)
    return instance_name(task, planted.depth, planted.width, _noise(truth), constructed)


def _noise(truth: Truth) -> float | None:
    """Noise level of the data; ``None`` for the task's own, as in rows of runs."""
    noise = truth.planting.noise
    return None if noise == truth.planting.host.own_noise else noise


def as_json(verdict: Verdict) -> dict:
    """What ``verdict.json`` says."""
    about = dict(verdict.submission.about) | {"name": verdict.submission.name}
    rows = verdict.rows.drop(columns="entry").to_dict("records")
    plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
    return {"submission": about, "tickets": plain}


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def distances(verdict: Verdict) -> pd.DataFrame:
    """The distance to the truth of strong and weak tickets, if densities were enough for it.

    See `pns_tf.leaderboard.distance.standings`; one instance is one seed. None of images, which no
    leaderboard has.
    """
    from pns_tf.leaderboard.distance import COLUMNS, standings

    if verdict.on_images:
        return pd.DataFrame(columns=COLUMNS)
    found = standings(verdict.rows)
    return found[found["entry"] == verdict.submission.name].reset_index(drop=True)


def ranked_rows(verdict: Verdict, truth: Truth) -> pd.DataFrame:
    """The verdict's rows as those of a leaderboard, judged by the rule of rankings."""
    rows = verdict.rows
    kept = rows.drop(columns=[name for name in BY_THE_PAPER if name in rows])
    ranked = pd.DataFrame(
        [ranked_metrics(found, truth.planted, truth.planting) for found in verdict.found]
    )
    kept = kept.drop(columns=[name for name in ranked if name in kept])
    return pd.concat([kept, ranked], axis=1).assign(published_from="host", ranked=True)
