"""A run on disk under attack, by those who have studied other hosts of its kind."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, integer
from pns_tf.detection.settings import RESULTS_VERSION
from pns_tf.recipe.constructing import Constructing
from pns_tf.recipe.hosts import host_of_record
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import code_digest
from pns_tf.saving.storage import RECORD, read_planted_record

if TYPE_CHECKING:
    import pandas as pd

    from pns_tf.detection.attackers import Host
    from pns_tf.planting.planted import Planted


@dataclass(frozen=True)
class OnDisk:
    """An attack on the one host of a run that ``plant`` or ``construct`` wrote.

    Attributes:
        folder: of the run.
        study: how many hosts of its kind the attackers study before, drawn as the run's was.
        seed: of the first of these, the run's own left out, and of what the classifier studies.

    Raises:
        ValueError: a value that cannot work, or a folder that holds no such run.
    """

    folder: Path
    study: int = 50
    seed: int = 0

    hosts = 1  # that are attacked

    def __post_init__(self):
        integer("study", self.study, minimum=2)
        integer("seed", self.seed, minimum=0)
        _ = self.recipe  # refuses runs that are none of these

    @property
    def recipe(self) -> Planting | Constructing:
        """What the run was made of; read without TensorFlow."""
        record = read_planted_record(self.folder)
        host = host_of_record(record)
        if host.on_images:
            raise InputError(
                "detect attacks fully connected hosts that a task's target is planted in, got "
                f"{self.folder}: a trained ticket in {host.name}"
            )
        return (Constructing if "construction" in record else Planting).from_record(record)

    @property
    def name(self) -> str:
        """Of the file of its rows: says the folder, all settings, and what the folder holds."""
        content = hashlib.sha256((self.folder / RECORD).read_bytes()).hexdigest()[:8]
        words = [self.title, f"k{self.study}", f"s{self.seed}", content]
        if RESULTS_VERSION > 1:
            words.append(f"v{RESULTS_VERSION}")
        return "-".join([*words, *filter(None, [code_digest(self.recipe.host.source)])])

    @property
    def title(self) -> str:
        """What tables call the run: the folder's own name."""
        return self.folder.resolve().name


def run_table(attack: OnDisk, each: Callable[[], object] = lambda: None) -> pd.DataFrame:
    """Attacks the run's host, and gives one row for each attacker.

    Args:
        attack: its settings.
        each: called after the attack.

    Returns:
        The columns of `pns_tf.detection.attack.attack_table`, with the folder's name for the
        ``planting``.

    Example:
        >>> table = run_table(OnDisk(Path("saved_models/helix-d5-w100-s0"), study=2))
        >>> table["planting"].unique().tolist(), table["host"].unique().tolist()
        (['helix-d5-w100-s0'], [0])
    """
    import pandas as pd
    from threadpoolctl import threadpool_limits

    from pns_tf.detection.attack import after_study, rows
    from pns_tf.saving.exporting import load_planted

    recipe = attack.recipe
    run = load_planted(attack.folder)
    host = recipe.host.record
    about = {
        **{name: host[name] for name in ("task", "depth", "width")},
        "planting": attack.title,
        "hosts": attack.hosts,
        "study": attack.study,
        "epsilon": run.epsilon,
        "init": host["init"],
        "seed": attack.seed,
        "host": run.seed,
    }
    with threadpool_limits(1):
        everybody = after_study(list(_studied(attack, recipe)), attack.seed)
        table = pd.DataFrame(rows(_host(run), run.written, everybody, about))
    each()
    return table


def _studied(attack: OnDisk, recipe: Planting | Constructing) -> Iterator[Host]:
    """Hosts that only the seed tells from the run's."""
    from pns_tf.constructing.instances import constructed_of

    others = (seed for seed in itertools.count(attack.seed) if seed != recipe.seed)
    for seed in itertools.islice(others, attack.study):
        drawn = dataclasses.replace(recipe, seed=seed)
        if isinstance(drawn, Constructing):
            yield _host(constructed_of(drawn))
        else:
            yield _host(drawn.host.plant(drawn))


def _host(run: Planted) -> Host:
    from pns_tf.detection.attackers import Host
    from pns_tf.hosts.models import host_arrays

    return Host(*host_arrays(run.host), list(run.planted_masks))
