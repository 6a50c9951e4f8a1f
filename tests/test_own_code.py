"""Code of the user's own: found by module or file, and told in one line when it goes wrong."""

import sys

import pytest

from pns_tf import own_modules, pruners
from pns_tf.checks import InputError
from pns_tf.experiments.catalog import find
from pns_tf.recipe.run import code_digest

GOOD = """
from pns_tf.pruners import Pruner

class Largest(Pruner):
    def calculate_scores(self, network, x, y):
        return [variable**2 for variable in network.variables]
"""
BAD = {
    "missing": (
        "import no_such_thing\n",
        "ModuleNotFoundError: No module named 'no_such_thing'",
        1,
    ),
    "leaving": ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
    "raising": ("\n\nraise RuntimeError('no luck\\nat all')\n", "RuntimeError: no luck", 3),
    "unreadable": ("\ndef f(:\n", "SyntaxError: invalid syntax", 2),
}
SCORING = """
import sys
from pns_tf.pruners import Pruner

class Wrong(Pruner):
    def calculate_scores(self, network, x, y):
        raise KeyError("oh")

class Leaving(Pruner):
    def calculate_scores(self, network, x, y):
        sys.exit("bye")

class Unmade(Pruner):
    def __init__(self, seed=0):
        1 / 0
"""
FAILING = [
    ("Wrong", "KeyError: 'oh'", 7),
    ("Leaving", "SystemExit: bye", 11),
    ("Unmade", "ZeroDivisionError: division by zero", 15),
]
COMMANDS = [
    ("seek",),
    ("sweep",),
    ("minimal_width",),
    ("reproduce", "--figure=6"),
    ("leaderboard",),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder, with modules of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name, (text, *_) in BAD.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "scoring.py").write_text(SCORING)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.py").write_text(GOOD)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] in (*BAD, "scoring", "deep"):
            del sys.modules[name]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("module", BAD)
def test_a_module_that_cannot_be_imported_is_told_with_its_line(refused, folder, command, module):
    _, complaint, line = BAD[module]
    said = refused(*command, f"--pruner={module}:Mine")
    expected = f"cannot be loaded: {complaint} ({folder / module}.py, line {line})\n"
    assert said == f"pns_tf: pruner '{module}:Mine' {expected}"


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(("name", "complaint", "line"), FAILING)
def test_a_pruner_that_fails_is_told_before_any_folder(
    refused, folder, command, name, complaint, line
):
    said = refused(*command, f"--pruner=scoring:{name}")
    expected = f"fails: {complaint} ({folder / 'scoring.py'}, line {line})\n"
    assert said == f"pns_tf: pruner 'scoring:{name}' {expected}"


@pytest.mark.parametrize("module", BAD)
def test_an_experiments_file_is_told_with_its_line(folder, module):
    _, complaint, line = BAD[module]
    with pytest.raises(InputError) as error:
        find(f"{module}.py")
    said = str(error.value)
    assert said == f"{module}.py cannot be loaded: {complaint} ({module}.py, line {line})"


def test_what_fails_elsewhere_stays_as_it_is():
    with pytest.raises(ZeroDivisionError), own_modules.told("pruner", "a:B"):
        exec("1 / 0")


def test_a_pruner_is_found_by_module_and_by_file(folder):
    by_file, by_module = "deep/good.py:Largest", "deep.good:Largest"
    assert pruners.load(by_file) is pruners.load(by_module)
    assert code_digest(by_file) == code_digest(by_module) != ""
    with pytest.raises(InputError, match=r"its class or function: deep/good.py:MyPruner"):
        pruners.load("deep/good.py")
    for elsewhere in ("../good.py:Largest", "/tmp/good.py:Largest"):
        with pytest.raises(InputError, match="must be in the current folder or below"):
            pruners.load(elsewhere)


def test_an_experiment_is_found_by_file_and_by_module(folder):
    (folder / "deep" / "mine.py").write_text(
        "from pns_tf.experiments.experiment import Experiment\n"
        "from pns_tf.recipe.run import grid\n"
        "EXPERIMENT = Experiment('mine', 'a question', grid(['relu'], ['snip'], [0.5], [0]))\n"
    )
    for name in ("deep/mine.py", "deep.mine:EXPERIMENT", "deep/mine.py:EXPERIMENT"):
        assert find(name).name == "mine"
