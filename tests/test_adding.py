"""Adding something to the house touches the files that CONTRIBUTING.md says, and no other."""

import dataclasses
import json
import sys

import pytest

import pns_tf
from pns_tf import pruners
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.pictures.pruner_styles import styles
from pns_tf.pictures.style import INK
from pns_tf.recipe import hosts as families
from pns_tf.recipe import pruners as registry
from pns_tf.recipe.run import Run, result_versions
from pns_tf.recipe.search import SeekSettings
from pns_tf.runs.estimate import expected_seconds
from pns_tf.runs.execute import execute
from pns_tf.saving.trained import load_trained

TOY_PRUNER = """
import tensorflow as tf
from pns_tf.pruners import Pruner

class Smallest(Pruner):
    name = "smallest"

    def calculate_scores(self, network, x, y):
        return [-tf.abs(variable) for variable in network.variables]
"""


TOY_HOST = """
from dataclasses import dataclass
from pns_tf import tasks
from pns_tf.recipe.hosts import Host

@dataclass(frozen=True)
class Funnel(Host):
    '''Layers that get narrower, for circle.

    Attributes:
        widest: neurons of the first hidden layer.
    '''

    widest: int = 16

    @property
    def task(self):
        return "circle"

    @property
    def multiplications(self):
        return self.widest**2

    def check_data(self, samples, noise, seed):
        self.data(samples, noise, seed)

    def samples(self, samples, data_dir=None):
        return samples or 10_000

    def data(self, samples, noise, seed, data_dir=None):
        return tasks.get("circle").data(self.samples(samples), noise, seed)

    def build(self):
        from pns_tf.hosts.models import build_host

        return build_host([2, self.widest, self.widest // 2, 5])
"""

TOY_TASK = """
from dataclasses import replace
from pns_tf import tasks

TASK = replace(tasks.get("circle"), name="ring")
"""

TOY_FIGURE = """
from pns_tf.experiments.experiment import Experiment
from pns_tf.recipe.run import grid

RUNS = grid(["circle"], ["snip"], [0.3], [0], depth=3, width=20, samples=200, epochs=1)
EXPERIMENT = Experiment("toy", "does it run?", RUNS, seeds=1)
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder with the one file that a toy pruner is."""
    (tmp_path / "toy_pruner.py").write_text(TOY_PRUNER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("toy_pruner", "toy_host", "toy_task"):
        sys.modules.pop(name, None)


def seek(pruner: str):
    planted = pns_tf.plant("circle", depth=3, width=20)
    settings = {"rounds": 2, "round_epochs": 1, "epochs": 1, "samples": 200}
    return pns_tf.seek(planted, pruner, 0.3, **settings)


@pytest.mark.slow
def test_a_pruner_of_ones_own_is_one_file(toy):
    found = seek("toy_pruner:Smallest")
    assert found.masks.kept == round(0.3 * found.masks.size)
    assert len(found.history) == 2 * 1 + 1
    assert len(list(toy.glob("*.py"))) == 1


@pytest.mark.slow
def test_a_pruner_of_the_project_is_one_file_and_one_row(toy, monkeypatch):
    row = registry.PrunerRow(
        "smallest", "toy_pruner:Smallest", version=7, effort=1000, style=(INK, "x")
    )
    monkeypatch.setitem(registry.PRUNERS, row.name, row)
    assert seek("smallest").masks == seek("toy_pruner:Smallest").masks
    assert "smallest" in pruners.names()
    assert result_versions("smallest")[1:] == [7]
    run = Run(FullyConnected("circle"), SeekSettings("smallest"))
    magnitude = dataclasses.replace(run, search=SeekSettings("magnitude"))
    assert expected_seconds(run) > 10 * expected_seconds(magnitude)
    assert styles(["smallest", "magnitude"])["smallest"] == (INK, "x")


def added(folder, name: str, content: str) -> None:
    """The one file that an addition is, in place of the toy pruner."""
    (folder / "toy_pruner.py").unlink()
    (folder / f"{name}.py").write_text(content, encoding="utf-8")


SHORT = ["--pruner=snip", "--density=0.3", "--samples=200", "--epochs=1", "--out=found"]


@pytest.mark.slow
def test_a_family_of_hosts_of_ones_own_is_one_file(toy, run):
    added(toy, "toy_host", TOY_HOST)
    code, _, err = run("seek", "--host=toy_host:Funnel", *SHORT)
    assert (code, err) == (0, "")
    (folder,) = (toy / "found").iterdir()
    record = json.loads((folder / "ticket.json").read_text(encoding="utf-8"))
    assert record["host"] == {"plan": "toy_host:Funnel", "widest": 16}
    assert record["layer_sizes"] == [2, 16, 8, 5]
    assert load_trained(folder).layers[1].units == 16


@pytest.mark.slow
def test_a_family_of_the_project_is_one_file_and_one_row_and_brings_its_flags(toy, monkeypatch):
    added(toy, "toy_host", TOY_HOST)
    monkeypatch.setitem(families.FAMILIES, "toy_host:Funnel", ("funnel",))
    assert "funnel" in families.names()
    assert "widest" in families.settings_of_hosts()
    assert families.host_flags(families.family("funnel")) == ["widest"]
    run = Run(families.host_named("funnel", widest=8), SeekSettings("snip", 0.3, samples=100))
    row = execute(run).row
    assert (row["task"], row["widest"]) == ("circle", 8)


@pytest.mark.slow
def test_a_task_of_ones_own_is_one_file(toy, run):
    added(toy, "toy_task", TOY_TASK)
    assert run("seek", "--task=toy_task:TASK", "--depth=3", "--width=20", *SHORT)[0] == 0
    assert len(list((toy / "found").iterdir())) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("without_workers")
def test_a_figure_of_ones_own_is_one_file(toy, run):
    added(toy, "toy_figure", TOY_FIGURE)
    code, said, _ = run("reproduce", "--experiment=toy_figure.py", "--out=results", "--workers=1")
    assert (code, "1 runs, 1 of them new" in said) == (0, True)
    assert (toy / "results" / "toy" / "index.html").exists()
