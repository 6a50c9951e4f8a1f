"""The command line: its words, where it writes, what it prints; mistakes are one line, code 2."""

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


@pytest.mark.parametrize("command", ["plant", "seek", "sweep", "detect", "leaderboard"])
def test_a_name_with_a_line_break_is_none(refused, command):
    for words in (["--task=circle\n"], ["--task", "circle\n"], ["--task=circle\t,relu"]):
        assert "line breaks and the like have no place in a flag" in refused(command, *words)


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
    said = refused("plant", *flags, "--overwrite")  # nothing that is not plant's is deleted
    assert "is not overwritten: it holds no ticket.json" in said
    assert (folder / "mine").read_text() == "precious"
    (folder / "ticket.json").write_text("{}")
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
