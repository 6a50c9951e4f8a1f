"""The command line: bad input is one line and exit code 2, before any work."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest

import pns_tf
import tasks
from pns_tf import commands
from pns_tf.checks import options_of
from pns_tf.commands.flags import RENAMED

# Bad input


@pytest.mark.parametrize(
    ("argv", "flag"),
    [
        (["seek", "--density=0.1", "--density=0.2"], "density"),
        (["seek", "--density", "0.1", "--density=0.1"], "density"),
        (["seek", "--round_epochs=2", "--round-epochs=3"], "round_epochs"),
        (["reproduce", "--task=relu", "--figure=3", "--task=helix"], "task"),
        (["plant", "--hide_biases", "--hide_biases=False"], "hide_biases"),
    ],
)
def test_a_flag_that_is_given_twice_is_refused(refused, argv, flag):
    assert f"--{flag} is given twice" in refused(*argv)


def test_words_in_options_that_yaml_would_take_and_python_does_not_are_told_of_quotes(refused):
    line = refused("seek", "--pruner=tfmot", "--options={path: x.npz}")
    assert "got '{path: x.npz}': words with dots, slashes and the like need quotes" in line
    assert "--options=\"{path: 'x.npz'}\"" in line
    assert options_of({"path": "x.npz"}) == {"path": "x.npz"}  # what Fire makes of the quoted one


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
    ("argv", "complaint"),
    [
        (["--tsk=helix"], r"plant has no flag --tsk: choose from --task, .*mean '--task'"),
        (["--depth=3", "--depht", "4"], r"no flag --depht: .*mean '--depth'"),
        (["helix"], r"plant takes flags only, got 'helix'"),
        (["--task=helix", "command"], r"plant takes flags only, got 'command'"),
        (["-s", "3"], r"'-s' is ambiguous"),
    ],
)
def test_an_unknown_flag_starts_no_work(refused, monkeypatch, argv, complaint):
    calls = []
    plant = commands.COMMANDS["plant"]

    def spy(**flags):
        calls.append(flags)

    spy.__signature__ = inspect.signature(plant)
    spy.__wrapped__ = plant
    monkeypatch.setitem(commands.COMMANDS, "plant", spy)
    assert re.search(complaint, refused("plant", *argv))
    assert calls == []
    commands.main(["plant", "--depth=3"])
    assert calls == [{"depth": 3}]  # the spy does see commands that run


@pytest.mark.parametrize("command", commands.COMMANDS)
@pytest.mark.parametrize(
    "words",
    [
        ["__class__"],
        ["__doc__"],
        ["-", "__doc__"],
        ["--", "--interactive"],
        ["--", "--frob"],
        ["--depth=5", "run"],
    ],
)
def test_a_command_takes_its_flags_and_nothing_of_fires(refused, command, words):
    assert f"{command} takes flags only, got " in refused(command, *words)


@pytest.mark.parametrize("depth", ["0x5", "0b101", "0o5", "1_0", "+0x5", "(0x5)"])
def test_numbers_are_decimal(refused, depth):
    assert "depth must be an integer of at least 3, got" in refused("tasks", f"--depth={depth}")


@pytest.mark.parametrize("command", ["plant", "seek", "sweep", "detect", "leaderboard"])
def test_a_name_with_a_line_break_is_none(refused, command):
    for words in (["--task=circle\n"], ["--task", "circle\n"], ["--task=circle\t,relu"]):
        assert "line breaks and the like have no place in a flag" in refused(command, *words)


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


MAIN_AND_MODULES = """
import sys
from pns_tf.commands import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules)
"""


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


@pytest.mark.parametrize("word", ["plnt", "helix", "--task=helix", "--versions", "__doc__"])
def test_an_unknown_command_names_the_choices(refused, word):
    assert re.search(r"unknown command .*: choose from plant, ", refused(word))


def test_the_version_is_said(run):
    assert run("--version") == (0, f"pns_tf {pns_tf.__version__}\n", "")


@pytest.mark.parametrize("flag", ["--sparsity=0.9", "--target_sparsity=0.5", "--final-sparsity"])
@pytest.mark.parametrize("command", ["seek", "sweep", "reproduce", "leaderboard"])
def test_sparsity_is_not_taken_for_density(refused, command, flag):
    line = refused(command, flag)
    assert line.endswith("densities are fractions kept, --density=1-sparsity\n")
    assert "did you mean" not in line


def test_a_folder_that_exists_is_kept_unless_overwrite_is_said(refused, run, tmp_path):
    folder = tmp_path / "saved_models" / "relu-d3-w5-s0-samples=100"
    folder.mkdir(parents=True)
    (folder / "mine").write_text("precious")
    flags = ["--task=relu", "--depth=3", "--width=5", "--samples=100"]
    assert "exists already: choose another --out or pass --overwrite" in refused("plant", *flags)
    assert run("plant", *flags, "--overwrite")[0] == 0
    assert not (folder / "mine").exists()
    assert (folder / "ticket.json").exists()


def test_an_output_folder_under_a_file_is_refused(refused, tmp_path):
    (tmp_path / "file").write_text("")
    for out in ("file", "file/deeper"):
        assert "file is a file, not a folder" in refused("plant", f"--out={out}")


def test_an_output_folder_that_cannot_be_written_is_refused(refused, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write anywhere
    assert "no permission in" in refused("plant", "--out=locked")


def test_a_process_ends_with_code_2_and_one_line(run_python, tmp_path):
    done = run_python("-m", "pns_tf", "plant", "--task=helx", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"pns_tf: unknown task 'helx': [^\n]+\n", done.stderr)
    assert list(tmp_path.iterdir()) == []


def test_stopping_by_the_keyboard_shows_no_traceback(run, monkeypatch):
    def stopped(**_):
        raise KeyboardInterrupt

    monkeypatch.setitem(commands.COMMANDS, "plant", stopped)
    assert run("plant") == (130, "", "pns_tf: stopped\n")


# Help


@pytest.mark.parametrize("command", commands.COMMANDS)
@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["--seed=3", "--help"], ["--", "--help"]])
def test_help_says_what_each_flag_means_and_its_default(run, command, argv):
    code, out, err = run(command, *argv)
    assert (code, err) == (0, "")
    for name, parameter in inspect.signature(commands.COMMANDS[command]).parameters.items():
        part = re.search(rf"--{name}=[A-Z_]+\n(.*?)(?=\n    -|\Z)", out, re.DOTALL)
        assert part, f"--{name} is missing"
        assert f"Default: {parameter.default!r}" in part[1]
        assert re.search(r"\n {8}[a-z0-9].{5}", part[1]), f"--{name} is not explained"


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(run, argv):
    code, out, err = run(*argv)
    assert (code, err) == (0, "")
    for command in commands.COMMANDS:
        assert re.search(rf"^     {command}\n +[A-Z].+", out, re.MULTILINE)


HELP_AND_MODULES = """
import sys
from pns_tf.commands import COMMANDS, main
main(["tasks", "--help"])
print("commands:", *(name for name in COMMANDS if f"pns_tf.commands.{name}" in sys.modules))
for command in COMMANDS:
    main([command, "--help"])
print("imported:", {"tensorflow", "tf_keras", "matplotlib", "scipy", "numpy"} & set(sys.modules))
"""


def test_help_imports_the_command_alone_and_no_tensorflow(run_python, tmp_path):
    done = run_python("-c", HELP_AND_MODULES, cwd=tmp_path)
    assert "\ncommands: tasks\n" in done.stdout, done.stdout + done.stderr
    assert done.stdout.endswith("imported: set()\n"), done.stdout + done.stderr


# What is printed


@pytest.mark.slow
def test_plant_prints_layers_density_metrics_and_where_it_lies(run, tmp_path):
    flags = ["--task=helix", "--width=40", "--samples=1000", f"--out={tmp_path}"]
    code, out, err = run("plant", *flags)
    assert (code, err) == (0, "")
    run_folder = tmp_path / "helix-d5-w40-s0-samples=1000"
    assert re.search(r"40 × 40 +1 × 30 +30 +29 +0\.0187", out)
    assert re.search(r"baseline density +0\.02827", out)
    assert re.search(r"test MSE \(rescaled\) target [\d.e-]+, ticket [\d.e-]+, host [\d.e-]+", out)
    assert f"written to         {run_folder}\n" in out
    assert f"tensorboard --logdir {run_folder / 'tensorboard'}" in out


def test_tasks_prints_a_table(run):
    code, out, err = run("tasks")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line for line in out.splitlines() if line}
    for name in tasks.names():
        task = tasks.get(name)
        ends = rf"{task.inputs} +{task.outputs} +{task.metric} +[\d-]+ +0\.\d+"
        assert re.fullmatch(rf"{name} +{re.escape(task.summary)} +{ends}", rows[name])
    assert rows["helix"].endswith("1-1-30-3-3  0.004657")
    assert "0.227500" in run("tasks", "--depth=3")[1]
    assert run("tasks", "--depth=3,5")[1] == "\n".join([run("tasks", "--depth=3")[1], out])


def test_the_console_script_is_the_command_line():
    setup = (Path(__file__).parent.parent / "setup.cfg").read_text(encoding="utf-8")
    assert "pns_tf = pns_tf.__main__:main" in setup
    from pns_tf.__main__ import main

    assert main is commands.main


# Flags that had another name


@pytest.mark.parametrize(("before", "now"), RENAMED.items())
def test_a_flag_that_had_another_name_says_the_new_one(refused, before, now):
    having = [
        name
        for name, command in commands.COMMANDS.items()
        if now in inspect.signature(command).parameters
    ]
    assert having
    for command in having:
        assert before not in inspect.signature(commands.COMMANDS[command]).parameters
        for flag in (f"--{before}=3", f"--{before}", f"-{before}=3"):
            line = refused(command, flag)
            assert f"{command} has no flag {flag.split('=')[0]}: choose from " in line
            assert line.endswith(f"(did you mean '--{now}'?)\n")


def test_one_idea_has_one_flag():
    plurals = {"tasks", "pruners", "depths", "widths", "densities", "plantings", "runs"}
    for command in commands.COMMANDS.values():
        assert not plurals & inspect.signature(command).parameters.keys()
