"""What the README shows works as it stands there."""

import ast
import contextlib
import io
import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import tasks
from pns_tf import commands

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
NEW_TASK = [block for block in BLOCKS if block.startswith("# tasks/")]
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
    assert checked >= 8


@pytest.fixture
def new_task(tmp_path, monkeypatch):
    """The README's new task as a file beside the others."""
    (block,) = NEW_TASK
    folder = tmp_path / "tasks"
    folder.mkdir()
    name = re.match(r"# tasks/(\w+)\.py\n", block)[1]
    (folder / f"{name}.py").write_text(block, encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
    tasks._found.cache_clear()
    yield name
    tasks._found.cache_clear()
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


def test_baseline_weights_are_those_of_the_table():
    from pns_tf.initializers import host_sizes

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


def test_ci_runs_the_readmes_test_command():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    marker = re.search(r"<!-- run by \.ci/run -->\n```sh\n(.+)\n```\n", README)
    assert marker[1].endswith("python -m pytest")
    assert r"<!-- run by .ci\/run -->" in ci
