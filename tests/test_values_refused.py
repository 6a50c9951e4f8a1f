"""Values of flags that cannot be: one line that says what can, before any work."""

import dataclasses
import re

import pytest

import pns_tf
import tasks

MAIN_AND_MODULES = """
import sys
from pns_tf.commands import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules)
"""


@pytest.mark.parametrize("task", ["helx", "Helix", "5", "helix,relo", "__class__"])
def test_an_unknown_task_names_the_choices(refused, task):
    assert f"choose from {', '.join(tasks.names())}" in refused("plant", f"--task={task}")


@pytest.mark.parametrize("depth", ["2", "1.5", "abc", "0", "-5", "5.0", "[5]", "None", "True"])
@pytest.mark.parametrize("command", ["plant", "tasks"])
def test_a_depth_that_cannot_be_is_refused(refused, command, depth):
    if depth == "[5]":
        depth = "[5, 2]"  # they take several
    line = refused(command, f"--depth={depth}")
    assert "depth must be an integer of at least 3, got" in line


@pytest.mark.slow
@pytest.mark.parametrize(("task", "smallest"), [("helix", 30), ("circle", 20), ("relu", 1)])
def test_a_width_too_small_says_the_smallest_that_works(refused, run, task, smallest, tmp_path):
    line = refused("plant", f"--task={task}", f"--width={smallest - 1}")
    assert f"at least width {smallest} overall" in line or "width must be an integer" in line
    small = ["--samples=100", "--depth=3"]
    code, *_ = run("plant", f"--task={task}", f"--width={smallest}", *small, f"--out={tmp_path}")
    assert code == 0


def test_tasks_says_the_smallest_width_for_all(refused, run):
    assert "at least width 30" in refused("tasks", "--width=10")
    assert run("tasks", "--width=30")[0] == 0


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--seed=-1", "seed must be an integer of at least 0, got -1"),
        ("--seed=0.5", "seed must be an integer of at least 0, got 0.5"),
        ("--seed", "seed must be an integer of at least 0, got True"),
        ("--width=0", "width must be an integer of at least 1, got 0"),
        ("--width=wide", "width must be an integer of at least 1, got 'wide'"),
        ("--samples=9", "samples must be an integer of at least 10, got 9"),
        ("--samples=1000000000000000", "samples=1000000000000000 needs at least 48 PB of memory"),
        ("--noise=-1", "noise must be a number of at least 0, got -1"),
        ("--noise=nan", "noise must be a number of at least 0, got 'nan'"),
        ("--init=he", "unknown init 'he': choose from normal, zero_biases, uniform"),
        ("--hide_biases=maybe", "hide_biases must be True or False, got 'maybe'"),
        ("--overwrite=1", "overwrite must be True or False, got 1"),
        (f"--out={'x' * 300}", "File name too long"),
    ],
)
def test_a_value_out_of_range_is_refused(refused, flag, complaint):
    assert complaint in refused("plant", flag)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--round_epochs=9"], "--round_epochs needs --rounds of two or more, got 9"),
        (["--noise=2"], "noise of circle, a probability, must be a number from 0 to 1, got 2"),
        (["--ranked"], "--ranked"),
    ],
)
def test_what_seek_would_ignore_is_refused(refused, flags, complaint):
    assert complaint in refused("seek", *flags)


def test_a_schedule_of_one_step_is_refused():
    planted = pns_tf.plant("relu", depth=3, width=20)
    said = "schedule is of the steps in which one pruning goes, and prune_rounds is 1: .* 'linear'"
    with pytest.raises(tasks.InputError, match=said):
        pns_tf.seek(planted, "snip", 0.5, schedule="linear")
    assert pns_tf.seek(planted, "force", 0.5, schedule="linear", epochs=1, samples=100)


@pytest.mark.parametrize("depth", ["0x5", "0b101", "0o5", "1_0", "+0x5", "(0x5)"])
def test_numbers_are_decimal(refused, depth):
    assert "depth must be an integer of at least 3, got" in refused("tasks", f"--depth={depth}")


@pytest.mark.parametrize("name", ["a\nb", "", " ", "a/b", "a,b"])
def test_a_task_has_a_name_in_one_line(name):
    task = tasks.get("relu")
    with pytest.raises(tasks.InputError, match="name must be words in one line, got"):
        dataclasses.replace(task, name=name)


@pytest.mark.parametrize(
    ("argv", "network"),
    [
        (["plant", "--width=1000000000"], "a network of depth 5 and width 1000000000"),
        (["seek", "--width=1000000000", "--depth=100"], "a network of depth 100 and width"),
        (["plant", "--depth=1000000000"], "a network of depth 1000000000 and width 100"),
        (["tasks", "--depth=3,1000000000"], "a network of depth 1000000000 and width 100"),
        (["existence", "--depth=1000000000"], "a target of depth 1000000000"),
        (["sweep", "--max_width=1000000000"], "a network of depth 5 and width 1000000000"),
        (["minimal_width", "--max_width=1000000000"], "a network of depth 5 and width"),
        (["detect", "--width=1000000000"], "a network of depth 5 and width 1000000000"),
        (["seek", "--host=vgg16", "--width_multiplier=1e9"], "vgg16 with 1.47e\\+25 weights"),
        (["seek", "--samples=100000000000000000000000"], "samples=100000000000000000000000"),
    ],
)
def test_what_exceeds_the_memory_is_refused_with_what_it_would_need(refused, argv, network):
    said = rf"{network}[^,]* needs at least [\d.e+]+ [TPE]B of memory, this machine has [\d.]+ \wB"
    assert re.search(said, refused(*argv))


def test_what_exceeds_the_memory_is_refused_without_tensorflow(run_python, tmp_path):
    flags = ("--width=1000000000", "--depth=100")
    done = run_python("-c", MAIN_AND_MODULES, "seek", *flags, cwd=tmp_path)
    assert "1.55e+03 EB" in done.stderr
    assert "tensorflow" not in done.stdout.split()


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["seek", "--host=vgg16", "--dataset"], "dataset must be the name of a TensorFlow data"),
        (["reproduce", "--figure=3", "--scheduler"], "scheduler must be an address such as"),
        (["leaderboard", "--scheduler"], "scheduler must be an address such as tcp://host:8786"),
        (["leaderboard", "--scheduler=a:1", "--workers=2"], "leave out --workers"),
        (["leaderboard", "--scheduler=[1]"], "scheduler must be an address such as"),
        (["seek", "--planted"], "planted must be a folder that plant wrote, got True"),
        (["plant", "--ticket="], "ticket must be a folder that seek --host wrote, got ''"),
        (["existence", "--hosts=100000000000000000000"], "hosts must be at most 1,000,000,000"),
        (
            ["seek", "--pruner=edge_popup", "--anneal", "--options={anneal: False}"],
            "--anneal and anneal in --options contradict each other",
        ),
    ],
)
def test_values_of_another_kind_and_contradictions_are_refused(refused, argv, complaint):
    assert complaint in refused(*argv)
