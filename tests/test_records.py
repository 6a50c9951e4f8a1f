"""Every setting of every recipe goes from flags into the recipe, its record, and back."""

import dataclasses
import functools
import json
import os

import pandas as pd
import pytest

from pns_tf import commands
from pns_tf.checks import InputError
from pns_tf.commands.flags import Given, takes
from pns_tf.detection import settings as detection
from pns_tf.detection.settings import Attack
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.hosts.vgg import Vgg
from pns_tf.leaderboard.settings import Leaderboard
from pns_tf.recipe import pruners
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.records import from_record, record_of
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings
from pns_tf.sweeping.record import check_folder, claim_folder
from pns_tf.sweeping.settings import BISECTION, Sweep
from pns_tf.theory.settings import Existence

# Another value for every field: a new field needs one here.
OTHERS = {
    FullyConnected: {"task": "relu", "depth": 4, "width": 41, "init": "uniform"},
    Planting: {
        "seed": 7,
        "hide": "strong",
        "hide_biases": True,
        "epsilon": 0.05,
        "samples": 200,
        "noise": 0.25,
    },
    SeekSettings: {
        "pruner": "my.module:Mine",
        "density": 0.5,
        "rounds": 3,
        "round_epochs": 2,
        "epochs": 4,
        "prune_rounds": 2,
        "schedule": "linear",
        "scope": "local",
        "samples": 200,
        "noise": 0.25,
        "learning_rate": 0.01,
        "batch_size": 16,
        "optimizer": "sgd",
        "schedule_lr": "cosine",
        "seed": 7,
        "options": {"anneal": True, "temperature": 2.5},
    },
    Sweep: {
        "task": "circle",
        "min_width": 30,
        "max_width": 300,
        "step": 100,
        "pruner": ("snip", "my.module:Mine"),
        "density": (0.25, "baseline"),
        "depth": (3, 5),
        "learning_rate": (0.01, 0.1),
        "prune_rounds": (1, 2),
        "oracle": "random",
        "objective": "strong",
        "trials": 9,
        "seeds": 2,
        "seed": 7,
        "epochs": 4,
        "rounds": 2,
        "round_epochs": 3,
        "samples": 200,
        "noise": 0.25,
        "gap": 0.2,
        "options": {"anneal": True},
    },
    Attack: {
        "task": "relu",
        "depth": 4,
        "width": 41,
        "planting": "approximate",
        "hosts": 3,
        "study": 4,
        "epsilon": 0.25,
        "init": "uniform",
        "seed": 7,
    },
    Leaderboard: {
        "pruner": ("snip", "my.module:Mine"),
        "instance": ("relu-d4-w20", "circle-d5-w50-n0.1"),
        "task": ("relu", "circle"),
        "density": (0.25, "truth"),
        "seeds": 2,
        "beside": "others/runs.csv",
    },
    Existence: {
        "task": "circle",
        "depth": 4,
        "width": 41,
        "epsilon": 0.25,
        "delta": 0.2,
        "hosts": 3,
        "seed": 7,
    },
}
BASE = {recipe: {"task": "helix"} for recipe in (Sweep, Attack, Existence)}
BASE[Planting] = {"host": FullyConnected("helix")}  # which other flags say
ALONG = {"gap": {"oracle": BISECTION}, "round_epochs": {"rounds": 2}}  # fields that others need
FIELDS = [
    (recipe, field.name)
    for recipe in OTHERS
    for field in dataclasses.fields(recipe)
    if field.init and field.name not in ("host", "ticket")  # a ticket: tests/test_vgg_commands.py
]


def test_every_setting_is_tried():
    for recipe, others in OTHERS.items():
        assert [*others] == [name for one, name in FIELDS if one is recipe]


def said(recipe: type, monkeypatch, **settings: object):
    """The recipe that a command line with these settings gives."""
    made = []

    more = {"host": BASE[recipe]["host"]} if recipe is Planting else {}
    usual = {} if more else BASE.get(recipe)

    @takes(recipe, defaults=usual, without=tuple(more))
    def toy(given: Given):
        """Makes a recipe."""
        made.append(given.make(recipe, **more))

    monkeypatch.setitem(commands.COMMANDS, "toy", toy)
    flags = [
        f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in settings.items()
    ]
    commands.main(["toy", *flags])
    return made[0]


@pytest.mark.parametrize(("recipe", "field"), FIELDS)
def test_flags_become_a_recipe_whose_record_gives_it_again(recipe, field, monkeypatch):
    settings = {field: OTHERS[recipe][field], **ALONG.get(field, {})}
    base = BASE.get(recipe, {})
    found = said(recipe, monkeypatch, **settings)
    expected = recipe(**base | settings)
    assert found == expected
    record = json.loads(json.dumps(found.record if recipe is Planting else record_of(found)))
    again = getattr(recipe, "from_record", functools.partial(from_record, recipe))(record)
    own_noise = {"noise": found.noise_level} if recipe is Planting else {}
    assert again == dataclasses.replace(found, **own_noise)
    assert found != recipe(**base)


@pytest.mark.parametrize("recipe", OTHERS)
def test_what_a_record_does_not_say_is_the_default(recipe):
    base = BASE.get(recipe, {})
    if recipe is Planting:
        assert Planting.from_record({"task": "helix", "something": "else"}) == Planting(**base)
    else:
        assert from_record(recipe, base | {"something": "else"}) == recipe(**base)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, OTHERS[SeekSettings][field]) for one, field in FIELDS if one is SeekSettings),
        *((field, OTHERS[FullyConnected][field]) for field in OTHERS[FullyConnected]),
        *((field, OTHERS[Planting][field]) for field in ("hide_biases", "hide", "epsilon")),
        ("augmented", True),
    ],
)
def test_a_runs_row_gives_the_run_again(field, value):
    host, search, rest = FullyConnected(), SeekSettings(), {}
    if field in OTHERS[SeekSettings]:
        search = SeekSettings(**{field: value})
    elif field in OTHERS[FullyConnected]:
        host = FullyConnected(**{field: value})
    else:
        rest = {field: value}
    run = Run(host, search, **rest)
    again = Run.from_record(json.loads(json.dumps(run.settings)))
    assert (again, again.name) == (run, run.name)


def test_a_row_of_a_vgg_network_gives_the_run_again():
    run = Run(Vgg("vgg11", "mnist", 0.5, (28, 28, 1), 10), augmented=True)
    assert Run.from_record(json.loads(json.dumps(run.settings))) == run


# What an attack and a sweep are called


@pytest.mark.parametrize("field", OTHERS[Attack])
def test_each_setting_of_an_attack_is_in_its_name(field):
    usual = Attack("circle", planting="strong_approximate")
    assert dataclasses.replace(usual, **{field: OTHERS[Attack][field]}).name != usual.name


def test_epsilons_that_differ_in_the_last_digit_are_other_attacks():
    names = {Attack(planting="approximate", epsilon=e).name for e in (0.05, 0.05 + 1e-9, 1, 1.0)}
    assert names == {
        "circle-d5-w100-approximate-e0.05-normal-h50-k50-s0",
        "circle-d5-w100-approximate-e0.050000001-normal-h50-k50-s0",
        "circle-d5-w100-approximate-e1-normal-h50-k50-s0",
    }


def test_attacks_of_a_later_version_have_names_of_their_own(monkeypatch):
    first = Attack().name
    monkeypatch.setattr(detection, "RESULTS_VERSION", 2)
    assert Attack().name == f"{first}-v2"


TASK = """
from dataclasses import replace
from pns_tf import tasks

TASK = replace(tasks.get("relu"), name="mine")
"""


def test_an_attack_on_an_edited_task_has_another_name(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    names = set()
    for comment in ("# first", "# second"):
        (tmp_path / "attacked_task.py").write_text(TASK + comment, encoding="utf-8")
        os.utime(tmp_path / "attacked_task.py", (len(names), len(names)))
        names.add(Attack("attacked_task:TASK").name)
    assert len(names) == 2
    assert all(name.startswith("attacked_task.TASK-d5-w100-default-normal-h50") for name in names)


def test_committed_attacks_are_still_called_so(request):
    path = request.config.rootpath / "docs" / "results" / "detection" / "runs.csv"
    for row in pd.read_csv(path).drop_duplicates(["task", "depth", "planting"]).to_dict("records"):
        attack = from_record(Attack, row)
        epsilon = "-e0.05" if "approximate" in attack.planting else ""
        expected = (
            f"{row['task']}-d{row['depth']}-w{row['width']}-{row['planting']}{epsilon}-normal"
        )
        assert attack.name == f"{expected}-h{attack.hosts}-k{attack.study}-s{attack.seed}"


def raise_version(pruner: str, monkeypatch) -> None:
    raised = dataclasses.replace(pruners.PRUNERS[pruner], version=99)
    monkeypatch.setitem(pruners.PRUNERS, pruner, raised)


def test_a_sweep_does_not_go_on_with_another_version_of_a_pruner(tmp_path, monkeypatch):
    sweep = Sweep("circle", pruner=("rigl", "snip"))
    claim_folder(tmp_path / "a", sweep, overwrite=False)
    check_folder(tmp_path / "a", sweep, overwrite=False)
    raise_version("rigl", monkeypatch)
    with pytest.raises(InputError, match=r"is of another sweep: versions is \{'rigl'"):
        check_folder(tmp_path / "a", sweep, overwrite=False)


def test_sweeps_of_before_go_on_unless_their_results_have_changed(tmp_path, monkeypatch):
    folder = tmp_path / "a"
    sweep = Sweep("circle", pruner=("rigl", "snip"), oracle=BISECTION, gap=0.1)
    claim_folder(folder, sweep, overwrite=False)
    record = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    del record["versions"], record["code"]
    record["distance"] = record.pop("gap")
    (folder / "sweep.json").write_text(json.dumps(record), encoding="utf-8")
    check_folder(folder, sweep, overwrite=False)
    with pytest.raises(InputError, match=r"another sweep: gap is 0.1 there and 0.2 here;"):
        check_folder(folder, dataclasses.replace(sweep, gap=0.2), overwrite=False)
    raise_version("rigl", monkeypatch)
    with pytest.raises(InputError, match=r"another sweep: versions is \{'rigl': \["):
        check_folder(folder, sweep, overwrite=False)


def test_a_sweep_does_not_go_on_with_an_edited_pruner(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    sweep, file = Sweep("circle", pruner="swept_pruner:Mine"), tmp_path / "swept_pruner.py"
    file.write_text("FIRST = 1", encoding="utf-8")
    claim_folder(tmp_path / "a", sweep, overwrite=False)
    check_folder(tmp_path / "a", sweep, overwrite=False)
    file.write_text("SECOND = 2", encoding="utf-8")
    os.utime(file, (1, 1))
    with pytest.raises(InputError, match=r"is of another sweep: code is \{'swept_pruner:Mine'"):
        check_folder(tmp_path / "a", sweep, overwrite=False)
