"""Where a command plants or seeks: in a host made anew, or in a planted run on disk."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from pns_tf.checks import InputError, text
from pns_tf.commands.flags import Given
from pns_tf.recipe.hosts import (
    FULLY_CONNECTED,
    Host,
    families,
    family,
    host_flags,
    host_named,
    host_of_record,
)

# Fields of recipes that are no flags: other flags say them, or the data set does.
HIDDEN = (
    "host",
    *(f.name for kind in families() for f in fields(kind) if f.name not in host_flags(kind)),
)
OF_HOSTS = tuple(dict.fromkeys(name for kind in families() for name in host_flags(kind)))
OF_PLANTING = ("hide", "hide_biases", "epsilon")
OF_IMAGES = ("augmented", "strategy", "data_dir")


@dataclass(frozen=True)
class Place:
    """Where a ticket is sought.

    Attributes:
        host: the network, and the task or images that it is for.
        seed: of the host and of a task's data.
        baseline: density of the planted ticket; ``None`` if nothing is planted.
        samples: size of the data set, ``None`` for all.
        noise: noise level of the data.
        folder: of a planted run on disk; ``None`` for a host made anew.
    """

    host: Host
    seed: int
    baseline: float | None
    samples: int | None
    noise: float | None
    folder: Path | None = None


def host_given(given: Given, name: str | None) -> Host:
    """The host that the flags of a command describe.

    Raises:
        ValueError: unknown name, a value that cannot work, or a flag of another family of hosts.
    """
    name = FULLY_CONNECTED if name is None else name
    kind = family(name)
    mine = host_flags(kind) if kind in families() else []
    for other in OF_HOSTS:
        if other not in mine and other in given and given.says(other):
            raise InputError(f"--{other} does not go with host {name}, got {given[other]!r}")
    host = host_named(name, **{flag: given[flag] for flag in mine if flag in given})
    host.check_buildable()
    if not host.on_images:
        given.need("a network on images", *(flag for flag in OF_IMAGES if flag in given))
    return host


def host_of_ticket(given: Given, ticket: object, name: str | None) -> Host:
    """The host of a trained ticket on disk, which flags must not describe once more.

    Raises:
        ValueError: the folder holds no such ticket, or it is one for another network than ``name``.
    """
    from pns_tf.saving.storage import read_found_record

    folder = Path(text("ticket", ticket, "a folder that seek --host wrote"))
    given.leave_out(*(flag for flag in OF_HOSTS if flag in given), by="--ticket")
    host = host_of_record(read_found_record(folder))
    if name not in (None, host.name):
        raise InputError(f"the ticket in {folder} is one for {host.name}: got host {name!r}")
    return host


def place_given(given: Given) -> Place:
    """Where the flags of ``seek`` say to look; reads records only, and imports no TensorFlow.

    Raises:
        ValueError: a value that cannot work, or a flag that another one decides.
    """
    from pns_tf.recipe.planting import Planting
    from pns_tf.saving.storage import read_planted_record

    if given["planted"] is None:
        host = host_given(given, given["host"])
        if host.baseline is None:
            given.need("a task whose ticket is planted", *OF_PLANTING)
            host.check_data(given["samples"], given["noise"], given["seed"])
            return Place(host, given["seed"], None, given["samples"], given["noise"])
        samples = host.samples(given["samples"])
        planting = given.make(Planting, host=host, samples=samples)
        return Place(host, planting.seed, planting.baseline, samples, planting.noise_level)
    given.leave_out(*OF_HOSTS, *OF_PLANTING, "noise", "host", by="--planted")
    folder = Path(text("planted", given["planted"], "a folder that plant wrote"))
    record = read_planted_record(folder)
    host = host_of_record(record)
    if not host.on_images:
        given.need("a network on images", *OF_IMAGES)
        given.leave_out("samples", by="--planted")
    samples = given["samples"] if host.on_images else record["samples"]
    return Place(host, record["seed"], record["density"], samples, record["noise"], folder)
