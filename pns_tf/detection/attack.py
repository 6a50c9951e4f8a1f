"""An attack: hosts with tickets are drawn, attackers study some of them and score the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
from threadpoolctl import threadpool_limits

from pns_tf import tasks
from pns_tf.constructing.construction import build
from pns_tf.constructing.signs import target_of
from pns_tf.detection.attackers import Attackers, Host, attackers
from pns_tf.detection.measures import auc, auc_within, precision
from pns_tf.detection.settings import CONSTRUCTED, Attack
from pns_tf.hosts.initializers import draw_host, host_sizes
from pns_tf.masks import Mask
from pns_tf.planting.algorithm import plant_arrays


def planted_host(attack: Attack, seed: int) -> tuple[Host, int | None]:
    """Draws a host with a ticket, and says how many of its parameters were written."""
    task = tasks.get(attack.task)
    options = dict(attack.options)
    if "epsilon" in options:
        options["epsilon"] = attack.epsilon
    sizes = host_sizes(task.inputs, task.outputs, attack.depth, attack.width)
    arrays = draw_host(sizes, seed, attack.init)
    if attack.planting == CONSTRUCTED:
        made = build(target_of(task, attack.depth - 1), *arrays, kind=task.kind, seed=seed)
        return Host(*arrays, list(made.mask)), 0
    planted = plant_arrays(task.target(attack.depth), *arrays, seed=seed, **options)
    masks = list(Mask.from_layers(planted.kernel_masks, planted.bias_masks))
    return Host(planted.kernels, planted.biases, masks), planted.written


def attack_table(attack: Attack, each: Callable[[], object] = lambda: None) -> pd.DataFrame:
    """Attacks, and gives one row for each attacked host and attacker.

    One thread does it all: trees on such small tables gain nothing from more.

    Args:
        attack: its settings.
        each: called after each attacked host.

    Returns:
        The settings, ``host`` (its seed), ``parameters``, ``ticket`` (its number of them),
        ``written``, ``attacker``, ``auc``, ``auc_within`` and ``precision``.

    Example:
        >>> table = attack_table(Attack("relu", 3, 20, "published", hosts=2, study=4))
        >>> float(table.query("attacker == 'exact values'")["auc"].min().round(2))
        1.0
    """
    with threadpool_limits(1):
        return pd.DataFrame(_all_rows(attack, each))


def after_study(studied: Sequence[Host], seed: int = 0) -> Attackers:
    """All attackers, when they have studied hosts with known tickets.

    Args:
        studied: these hosts.
        seed: of what the classifier studies.

    Example:
        >>> hosts = [planted_host(Attack("relu", 3, 20), seed)[0] for seed in range(4)]
        >>> list(after_study(hosts))[:2]
        ['layers', 'exact values']
    """
    everybody = attackers(seed)
    for attacker in everybody.values():
        attacker.study(studied)
    return everybody


def rows(
    host: Host, written: int | None, everybody: Attackers, about: Mapping[str, object]
) -> Iterator[dict]:
    """What each attacker sees of a host.

    Args:
        host: under attack.
        written: how many of its parameters were written.
        everybody: from `after_study`.
        about: what else each row says of the host, first of all.

    Example:
        >>> hosts = [planted_host(Attack("relu", 3, 20), seed)[0] for seed in range(5)]
        >>> table = pd.DataFrame(rows(hosts[4], 4, after_study(hosts[:4]), {"host": 4}))
        >>> table.columns[:5].tolist()
        ['host', 'parameters', 'ticket', 'written', 'attacker']
    """
    counts = {
        "parameters": sum(mask.size for mask in host.planted),
        "ticket": sum(int(mask.sum()) for mask in host.planted),
        "written": written,
    }
    for name, attacker in everybody.items():
        scores = attacker.score(host)
        yield {
            **about,
            **counts,
            "attacker": name,
            "auc": auc(host.planted, scores),
            "auc_within": auc_within(host.planted, scores),
            "precision": precision(host.planted, scores),
        }


def _all_rows(attack: Attack, each: Callable[[], object]) -> Iterator[dict]:
    seeds = range(attack.seed, attack.seed + attack.hosts)
    studied = [planted_host(attack, seeds.stop + number)[0] for number in range(attack.study)]
    everybody = after_study(studied, attack.seed)
    said = dataclasses.asdict(attack)
    if "epsilon" not in attack.options:
        said["epsilon"] = None
    for seed in seeds:
        host, written = planted_host(attack, seed)
        yield from rows(host, written, everybody, {**said, "host": seed})
        each()
