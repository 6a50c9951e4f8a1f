"""Flags of commands follow from recipes: names, defaults, help, and the recipe made of them."""

import dataclasses
import inspect
import re

import pytest

from pns_tf import commands
from pns_tf.checks import InputError, several
from pns_tf.commands.flags import Given, entries, takes
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.vgg import Vgg
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings

RECIPES = (FullyConnected, Planting, SeekSettings)
NO_FLAGS = ("options", "host")


@takes(*RECIPES, without=NO_FLAGS, defaults={"task": "relu"}, types={"density": "float | str"})
def toy(given: Given, *, planted: str | None = None, overwrite: bool = False):
    """Plants and seeks.

    Both at once.

    Args:
        planted: folder that plant wrote, to seek in that host instead of planting anew, however
            long this text may be, and what (it) contains: colons.
        seed: of everything.
        overwrite: replace a run that exists.

    Example:
        >>> toy()
    """
    return given, planted, overwrite


@pytest.fixture
def toy_command(monkeypatch):
    monkeypatch.setitem(commands.COMMANDS, "toy", toy)


@pytest.mark.parametrize("recipe", [*RECIPES, Vgg, Run])
def test_every_field_of_a_recipe_says_what_it_is(recipe):
    texts = entries(recipe, "Attributes")
    for field in dataclasses.fields(recipe):
        assert len(texts[field.name]) > 5
        assert texts[field.name].endswith(".")


def test_the_signature_has_each_field_once_in_order_and_then_the_commands_own_flags():
    names = [field.name for recipe in RECIPES for field in dataclasses.fields(recipe)]
    names = [name for name in dict.fromkeys(names) if name not in NO_FLAGS]
    parameters = inspect.signature(toy).parameters
    assert list(parameters) == [*names, "planted", "overwrite"]
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    for field in dataclasses.fields(FullyConnected)[1:]:
        assert parameters[field.name].default == field.default
        assert parameters[field.name].annotation == field.type
    assert parameters["task"].default == "relu"
    assert parameters["density"].annotation == "float | str"


def test_help_shows_every_flag_with_the_text_beside_its_field(run, toy_command):
    code, out, err = run("toy", "--help")
    assert (code, err) == (0, "")
    helps = {}
    for recipe in reversed(RECIPES):
        helps |= entries(recipe, "Attributes")
    helps |= {"seed": "of everything.", "overwrite": "replace a run that exists."}
    helps["planted"] = entries(toy, "Args")["planted"]
    assert helps["planted"].endswith("what (it) contains: colons.")
    for name, parameter in inspect.signature(toy).parameters.items():
        part = re.search(rf"--{name}=[A-Z_]+\n(.*?)(?=\n    -|\Z)", out, re.DOTALL)[1]
        assert f"Default: {parameter.default!r}" in part
        assert helps[name] in " ".join(part.split()), name


def test_the_rest_of_the_docstring_stays():
    assert toy.__doc__.startswith("Plants and seeks.\n\nBoth at once.\n\nArgs:\n    task: what")
    assert toy.__doc__.endswith("Example:\n    >>> toy()\n")


def test_a_flag_that_is_none_is_refused_before_anything_is_done(refused, toy_command):
    assert "toy has no flag --options: choose from --task, " in refused("toy", "--options=3")


def test_what_is_given_makes_the_recipes_that_share_it():
    given, planted, overwrite = toy(width=50, epochs=3, seed=7, overwrite=True)
    assert (planted, overwrite) == (None, True)
    assert given.changed == ["width", "seed", "epochs", "overwrite"]
    host = given.make(FullyConnected)
    assert host == FullyConnected("relu", width=50)
    assert given.make(Planting, host=host) == Planting(host, seed=7)
    options = {"anneal": True}
    made = given.make(SeekSettings, options=options, epochs=4)
    assert made == SeekSettings(epochs=4, seed=7, options=options)
    assert given.line == "python -m pns_tf toy --width=50 --seed=7 --epochs=3 --overwrite"


def test_flags_that_do_not_apply_are_named():
    given, *_ = toy(width=50)
    given.leave_out("depth", by="--planted")
    given.need("--host", "epochs")
    with pytest.raises(InputError, match="leave out --width: --planted says it already, got 50"):
        given.leave_out("depth", "width", by="--planted")
    with pytest.raises(InputError, match="--width needs --host, got 50"):
        given.need("--host", "width")
    given, *_ = toy(width=100)  # its default, but said
    with pytest.raises(InputError, match="leave out --width: --planted says it already, got 100"):
        given.leave_out("width", by="--planted")


def test_several_values_are_several_calls_and_all_are_checked_before_the_first_works(capsys):
    done = []

    @takes(FullyConnected, defaults={"task": "relu"}, each=("depth", "width"))
    def command(given: Given):
        """Does something."""
        if given["width"] > 50:
            raise InputError("too wide")
        return lambda: done.append((given["depth"], given["width"], given.line))

    with pytest.raises(InputError, match="too wide"):
        command(depth=(3, 4), width=(20, 60))
    assert done == []
    command(depth="3,4", width=(20, 20))
    assert done == [
        (depth, 20, f"python -m pns_tf command --depth={depth} --width=20") for depth in ("3", "4")
    ]
    assert capsys.readouterr().out == "\n"
    assert "or several, with commas." in command.__doc__
    with pytest.raises(InputError, match=r"depth needs a value, got \(\)"):
        command(depth=())


def test_values_that_are_not_said_are_not_shared_between_calls():
    @takes(SeekSettings)
    def command(given: Given):
        """Does nothing."""
        return given["options"]

    assert command() == {}
    assert command() is not command()


@pytest.mark.parametrize(
    ("settings", "own", "complaint"),
    [
        ({"without": ("init",), "defaults": {"init": "x"}}, "out: where.", r"\['init'\], which"),
        ({"defaults": {"task": "relu"}}, "", "needs a help text for out"),
        ({"defaults": {"task": "relu", "x": 1}}, "out: where.", r"\['x'\], which are no flags"),
        ({"defaults": {"task": "relu"}, "without": ("init",)}, "init: how.", r"\['init'\], which"),
    ],
)
def test_a_command_that_says_too_little_or_too_much_cannot_be_defined(settings, own, complaint):
    def command(given: Given, *, out: str = "results"):
        """Does nothing."""

    command.__doc__ += f"\n\nArgs:\n    {own}"
    with pytest.raises(TypeError, match=complaint):
        takes(FullyConnected, **settings)(command)


def test_a_flag_cannot_be_declared_twice():
    def command(given: Given, *, width: int = 3):
        """Does nothing."""

    with pytest.raises(TypeError, match=r"recipes have \['width'\] already"):
        takes(FullyConnected)(command)


@pytest.mark.parametrize("value", [True, None, {"a": 1}, ((1, 2), 3), (0.1, False)])
def test_what_is_no_list_of_values_is_refused(value):
    with pytest.raises(InputError, match="one or several values are needed, separated by commas"):
        several(value)
