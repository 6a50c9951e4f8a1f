"""What a pruner of any framework hands in: masks, or scores that the judge thresholds."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pns_tf.checks import InputError, json_object, number
from pns_tf.judging.arrays import read_arrays
from pns_tf.judging.instance import Instance
from pns_tf.masks import Mask
from pns_tf.pruning.thresholds import masks_from_scores
from pns_tf.seeding import generator

ABOUT, RECORD = "submission.json", "ticket.json"
LIKE_ONE = re.compile(r"(mask|score).*\.(npz|safetensors)", re.IGNORECASE)
FILE = re.compile(r"(masks|scores)(?:-(\d[\d.e-]*))?\.(npz|safetensors)")


@dataclass(frozen=True, eq=False)
class Ticket:
    """One mask of a submission.

    Attributes:
        mask: which parameters are kept.
        density: the density it is for: at least that of the mask.
        ties: how many parameters share the lowest score that is kept with some that are not;
            chosen at random among them.
        stream: where the random numbers of the training stand in the beginning, as `seek` records
            it; ``None`` for their very beginning.
    """

    mask: Mask
    density: float
    ties: int = 0
    stream: Mapping | None = None


@dataclass(frozen=True, eq=False)
class Submission:
    """Tickets of one pruner.

    Attributes:
        name: in tables and pictures.
        tickets: the densest first.
        about: what its ``submission.json`` says.
        sought_in: what ``seek`` says of the host that it searched; empty for others.
    """

    name: str
    tickets: Sequence[Ticket]
    about: Mapping[str, object]
    sought_in: Mapping[str, object] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """That the search took, NaN if it does not say."""
        return float(self.about.get("seconds", math.nan))  # type: ignore[arg-type]


def read_submission(
    path: Path, instance: Instance, densities: Sequence[float] = (), seed: int = 0
) -> Submission:
    """Reads a file of masks or scores, or a folder of them.

    Args:
        path: ``masks.npz``, ``scores.npz``, ``masks-0.1.npz``, …, or a folder of such files, or
            one that ``seek`` wrote.
        instance: what it is for.
        densities: at which scores are thresholded, instead of those of the instance.
        seed: ties are broken by it.

    Raises:
        ValueError: there is no such file, or it holds something else, or is for another instance;
            the message names what.

    Example:
        >>> host = {"kernel0": np.ones((2, 2)), "bias0": np.zeros(2)}
        >>> instance = Instance(host, x, y, {"densities": [0.5]})
        >>> np.savez("masks.npz", kernel0=np.eye(2, dtype=bool), bias0=np.ones(2, bool))
        >>> read_submission(Path("masks.npz"), instance).tickets[0].mask.kept
        4
    """
    about: dict = {}
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if FILE.fullmatch(file.name))
        about = _about_in(path)
        if not files:
            raise InputError(f"{path} holds no masks.npz, masks-<density>.npz or scores.npz")
        _check_names(path)
    else:
        files = [path]
        if not path.is_file():
            raise InputError(f"{path} is no file and no folder")
        if not FILE.fullmatch(path.name):
            raise InputError(f"{path} must be called masks.npz, scores.npz or masks-<density>.npz")
        about = _about_in(path.parent)
    said = about.get("instance")
    if said is not None and instance.id and said != instance.id:
        raise InputError(
            f"{path} is for instance {said!r}: expected one for {instance.id!r}, the id of this one"
        )
    if densities and (plain := [file for file in files if not _is_plain_scores(file)]):
        raise InputError(
            f"density is for scores that name none: {plain[0]} is of masks, or names its own"
        )
    tickets = [
        ticket
        for file in files
        for ticket in _tickets(file, instance, about, list(densities) or instance.densities, seed)
    ]
    tickets.sort(key=lambda ticket: -ticket.density)
    doubled = {t.density for t in tickets if [u.density for u in tickets].count(t.density) > 1}
    if doubled:
        raise InputError(f"{path} has two tickets of density {doubled.pop():g}")
    whole = path.resolve()
    name = about.get("name") or (whole.name if path.is_dir() else whole.stem)
    return Submission(str(name), tickets, about, _sought_in(path if path.is_dir() else path.parent))


def _check_names(folder: Path) -> None:
    """Raises `InputError` for files that are meant as tickets but not named as such."""
    names = sorted(file.name for file in folder.iterdir())
    odd = [name for name in names if LIKE_ONE.fullmatch(name) and not FILE.fullmatch(name)]
    if odd:
        raise InputError(
            f"{folder} holds {odd[0]}: expected masks.npz, masks-<density>.npz such as "
            "masks-0.1.npz, scores.npz, or these as .safetensors"
        )


def _is_plain_scores(file: Path) -> bool:
    found = FILE.fullmatch(file.name)
    return found is not None and found[1] == "scores" and found[2] is None


def _sought_in(folder: Path) -> Mapping[str, object]:
    if (folder / ABOUT).exists() or not (folder / RECORD).exists():
        return {}
    return json_object(folder / RECORD, "found ticket")


def tickets_of(
    arrays: Mapping[str, np.ndarray],
    instance: Instance,
    densities: Sequence[float],
    *,
    scores: bool,
    scope: str = "global",
    seed: int = 0,
    where: str = "the pruner",
    stream: Mapping | None = None,
) -> list[Ticket]:
    """Tickets of arrays that are masks, or scores to threshold at each density.

    Raises:
        ValueError: masks that are not 0 and 1 or keep too much, scores that are not numbers.
    """
    ordered = [arrays[name] for name in instance.host]
    if scores:
        return [_of_scores(ordered, d, instance, scope, seed, where) for d in densities]
    for name, array in zip(instance.host, ordered, strict=True):
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError(f"{where}: mask {name} holds NaN")
    mask = Mask(ordered, list(instance.host))
    (density,) = densities
    most = round(density * instance.size)
    if mask.kept > most:
        raise InputError(
            f"{where} keeps {mask.kept:,} of {instance.size:,} parameters: density {density:g} "
            f"allows {most:,}"
        )
    return [Ticket(mask, density, stream=stream)]


def _tickets(
    file: Path, instance: Instance, about: Mapping, densities: Sequence[float], seed: int
) -> list[Ticket]:
    found = FILE.fullmatch(file.name)
    assert found is not None
    kind, said, _ = found.groups()
    arrays = read_arrays(file, instance.shapes)
    if said is not None:
        try:
            densities = [number(f"the density in {file.name}", float(said), 0.0, 1.0)]
        except ValueError as error:
            raise InputError(f"{file.name} must say a density from 0 to 1") from error
    elif kind == "masks":
        kept = sum(int(np.count_nonzero(array)) for array in arrays.values())
        claimed = about.get("density")
        density = kept / instance.size if claimed is None else claimed
        densities = [number("density in submission.json", density, 0.0, 1.0)]
    return tickets_of(
        arrays,
        instance,
        densities,
        scores=kind == "scores",
        seed=seed,
        where=str(file),
        stream=about.get("stream") if said is None and kind == "masks" else None,
    )


def _of_scores(
    scores: list[np.ndarray],
    density: float,
    instance: Instance,
    scope: str,
    seed: int,
    where: str,
) -> Ticket:
    for name, array in zip(instance.host, scores, strict=True):
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise InputError(f"{where}: scores of {name} hold NaN")
    ties = generator(seed, "ties")
    mask = masks_from_scores(scores, density, scope, rng=ties)
    flat = np.concatenate([np.asarray(score).ravel() for score in scores])
    kept = np.concatenate([array.ravel() for array in mask])
    tied = 0
    if scope == "global" and kept.any() and not kept.all():
        lowest = flat[kept].min()
        tied = int(np.count_nonzero(flat == lowest)) if (flat[~kept] == lowest).any() else 0
    return Ticket(Mask(list(mask), list(instance.host)), density, tied)


def _about_in(folder: Path) -> dict:
    """What ``submission.json`` says, or the record of ``seek``; nothing if neither is there."""
    if (folder / ABOUT).exists():
        return _about(folder / ABOUT)
    if not (folder / RECORD).exists():
        return {}
    record = json_object(folder / RECORD, "found ticket", ("pruner", "density", "seconds"))
    said = {name: record[name] for name in ("density", "stream") if name in record}
    return {"name": record["pruner"], "seconds": record["seconds"]["pruning"], **said}


def _about(path: Path) -> dict:
    about = json_object(path, "submission")
    seconds = about.get("seconds")
    if seconds is not None:
        number(f"seconds in {path.name}", seconds, low=0.0)
    return about
