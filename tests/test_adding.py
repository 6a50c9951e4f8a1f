"""Adding something to the house touches the files that CONTRIBUTING.md says, and no other."""

import dataclasses
import sys

import pytest

import pns_tf
from pns_tf import pruners
from pns_tf.pictures.style import INK
from pns_tf.recipe import pruners as registry
from pns_tf.recipe.run import Run, result_versions
from pns_tf.recipe.search import SeekSettings
from pns_tf.reports import lines
from pns_tf.runs.estimate import expected_seconds

TOY_PRUNER = """
import tensorflow as tf
from pns_tf.pruners import Pruner

class Smallest(Pruner):
    name = "smallest"

    def calculate_scores(self, network, x, y):
        return [-tf.abs(variable) for variable in network.variables]
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder with the one file that a toy pruner is."""
    (tmp_path / "toy_pruner.py").write_text(TOY_PRUNER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("toy_pruner", None)


def seek(pruner: str):
    planted = pns_tf.plant("circle", depth=3, width=20)
    settings = {"rounds": 2, "round_epochs": 1, "epochs": 1, "samples": 200}
    return pns_tf.seek(planted, pruner, 0.3, **settings)


def test_a_pruner_of_ones_own_is_one_file(toy):
    found = seek("toy_pruner:Smallest")
    assert found.masks.kept == round(0.3 * found.masks.size)
    assert len(found.history) == 2 * 1 + 1
    assert len(list(toy.glob("*.py"))) == 1


def test_a_pruner_of_the_project_is_one_file_and_one_row(toy, monkeypatch):
    row = registry.PrunerRow(
        "smallest", "toy_pruner:Smallest", version=7, effort=1000, style=(INK, "x")
    )
    monkeypatch.setitem(registry.PRUNERS, row.name, row)
    assert seek("smallest").masks == seek("toy_pruner:Smallest").masks
    assert "smallest" in pruners.names()
    assert result_versions("smallest")[1:] == [7]
    run = Run("circle", search=SeekSettings("smallest"))
    magnitude = dataclasses.replace(run, search=SeekSettings("magnitude"))
    assert expected_seconds(run) > 10 * expected_seconds(magnitude)
    assert lines.styles(["smallest", "magnitude"])["smallest"] == (INK, "x")
