"""What the README shows works as it stands there."""

import ast
import contextlib
import inspect
import io
import json
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import tasks
from pns_tf import commands, pruners
from pns_tf import tasks as registry
from pns_tf.experiments.catalog import find

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
NEW_TASK = [block for block in BLOCKS if block.startswith("# tasks/")]
NEW_PRUNER = [block for block in BLOCKS if block.startswith("# my_module.py\n")]
EXAMPLES = [block for block in BLOCKS if not block.startswith("# ")]


def printed(statement: str, names: dict) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(statement, "README.md", "exec"), names)
    return out.getvalue()


def test_the_python_examples_print_what_their_comments_say(helix_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").symlink_to(helix_run.parent)
    names, checked = {}, 0
    for block in EXAMPLES:
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            source = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
            out = printed(source, names)
            expected = re.search(r"^print\(.*\)  # (.*)$", source)
            if expected:
                assert out.strip() == expected[1], source
                checked += 1
    assert checked >= 12


@pytest.fixture
def new_task(tmp_path, monkeypatch):
    """The README's new task as a file beside the others."""
    (block,) = NEW_TASK
    folder = tmp_path / "tasks"
    folder.mkdir()
    name = re.match(r"# tasks/(\w+)\.py\n", block)[1]
    (folder / f"{name}.py").write_text(block, encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
    registry._found.cache_clear()
    yield name
    registry._found.cache_clear()
    sys.modules.pop(f"tasks.{name}", None)


def test_a_new_task_is_one_new_file(new_task, tmp_path, capsys):
    assert new_task in tasks.names()
    commands.main(["tasks"])
    assert f"{new_task}  y = |x|" in capsys.readouterr().out
    commands.main(["plant", f"--task={new_task}", "--width=20", f"--out={tmp_path / 'runs'}"])
    out = capsys.readouterr().out
    ticket_mse = float(re.search(r"ticket ([\d.e-]+)", out)[1])
    assert ticket_mse < 2e-4


def test_a_new_task_is_about_ten_lines():
    (block,) = NEW_TASK
    assert len([line for line in block.splitlines() if line and line[0] != "#"]) <= 12


def test_a_new_pruner_is_one_class_of_ten_lines(tmp_path, monkeypatch, run):
    (block,) = NEW_PRUNER
    assert len([line for line in block.splitlines() if line and line[0] != "#"]) <= 12
    (command,) = re.findall(r"^python -m pns_tf (seek .*my_module.*)$", README, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_module.py").write_text(block, encoding="utf-8")
    code, out, err = run(*command.split(), "--depth=3", "--samples=500", "--epochs=1")
    assert (code, err) == (0, "")
    folder = "circle-d3-w100-s0-my_module.MyPruner-0.1-epochs=1-samples=500"
    assert f"written to  saved_models/{folder}\n" in out
    sys.modules.pop("my_module")


def test_the_experiment_of_ones_own_is_found_and_complete(tmp_path):
    (block,) = [block for block in BLOCKS if block.startswith("# my_experiment.py\n")]
    path = tmp_path / "my_experiment.py"
    path.write_text(block, encoding="utf-8")
    experiment = find(path)
    assert {run.host.width for run in experiment.settings} == {30, 100, 300}
    assert len(experiment.runs()) == 3 * 2 * 2 * 5


def test_seek_prints_the_table_that_is_shown(tmp_path, run):
    (command,) = re.findall(r"^python -m pns_tf (seek .*circle.*synflow.*)$", README, re.MULTILINE)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    _, out, _ = run(*command.split(), f"--out={tmp_path}")
    for line, printed_line in zip(shown.splitlines(), out.splitlines(), strict=False):
        if "(weak)" in line:  # training differs a little between processors
            accuracies = [float(text.split()[-1]) for text in (line, printed_line)]
            assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)
        else:
            assert line.rstrip() == printed_line.rstrip()


def test_commands_that_are_shown_have_the_flags_that_they_use():
    said = set(re.findall(r"--(\w+)", README.split("## Seek")[1].split("## How a ticket")[0]))
    shown = ("plant", "seek", "reproduce", "leaderboard", "sweep", "minimal_width")
    known = {flag for c in shown for flag in inspect.signature(commands.COMMANDS[c]).parameters}
    assert said - {"nthreads"} <= known  # which is Dask's
    assert said >= {"planted", "rounds", "prune_rounds", "scope", "anneal", "tflite", "options"}


def test_every_pruner_is_in_the_readmes_table():
    section = README.split("## Pruners")[1].split("```")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.M)))) == {
        *pruners.names()
    }


def test_baseline_weights_are_those_of_the_table():
    from pns_tf.hosts.initializers import host_sizes

    for name in tasks.names():
        task = tasks.get(name)
        row = re.search(rf"^\| `{name}` \| (\d.*?) \| (\d.*?) \|", README, re.MULTILINE)
        for depth, cell in zip((3, 5), row.groups(), strict=True):
            sizes = host_sizes(task.inputs, task.outputs, depth, width=100)
            host_weights = sum(a * b for a, b in pairwise(sizes))
            assert cell == f"{task.target(depth).nonzero_weights} of {host_weights:,}"


def test_every_picture_and_link_is_there():
    found = re.findall(r'src="([^"]+)"|\]\((?!http)([^)]+)\)', README)
    files = {a or b for a, b in found}
    assert len(files) >= 7
    for file in files:
        path = ROOT / file
        assert path.is_file(), file
        assert path.suffix != ".png" or path.stat().st_size < 150_000


def test_a_run_holds_what_the_readme_lists(helix_run):
    section = README.split("## What a run holds")[1].split("```")[0]
    listed = set(
        re.findall(r"`([\w.]+?)/?`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)))
    )
    assert listed == {path.name for path in helix_run.iterdir()}


def test_a_found_run_holds_what_the_readme_lists(found_run):
    table = README.split("settings that are not the defaults follow")[1].split("```")[0]
    first_column = "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))
    listed = set(re.findall(r"`([\w.]+?)/?`", first_column))
    assert listed == {path.name for path in found_run.iterdir()}


def test_metrics_are_explained_as_they_are_called(found_run):
    metrics = json.loads((found_run / "ticket.json").read_text(encoding="utf-8"))["metrics"]
    table = README.split("| in `ticket.json` | meaning |")[1].split("Those of single layers")[0]
    explained = set(re.findall(r"`(\w+)`", table)) - {"baseline"}
    assert explained == {name for name in metrics if "_layer" not in name}


def test_ci_runs_the_readmes_test_command():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    marker = re.search(r"<!-- run by \.ci/run -->\n```sh\n(.+)\n```\n", README)
    assert marker[1].endswith("python -m pytest")
    assert r"<!-- run by .ci\/run -->" in ci
