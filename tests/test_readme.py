"""What the README and the pages under docs/ say is so: tables, files, pictures, links."""

import json
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from pages import BLOCKS, PAGES, text

import tasks
from pns_tf import commands, pruners
from pns_tf import tasks as registry
from pns_tf.experiments.catalog import find

ROOT = Path(__file__).parent.parent
FILES = {block.file: block.code for block in BLOCKS if block.file}


@pytest.fixture
def new_task(tmp_path, monkeypatch):
    """The new task that is shown, as a file beside the others."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "absolute.py").write_text(FILES["tasks/absolute.py"], encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(folder)])
    registry._found.cache_clear()
    yield "absolute"
    registry._found.cache_clear()
    sys.modules.pop("tasks.absolute", None)


def test_a_new_task_is_one_new_file(new_task, tmp_path, capsys):
    assert new_task in tasks.names()
    commands.main(["tasks"])
    assert f"{new_task}  y = |x|" in capsys.readouterr().out
    commands.main(["plant", f"--task={new_task}", "--width=20", f"--out={tmp_path / 'runs'}"])
    out = capsys.readouterr().out
    ticket_mse = float(re.search(r"ticket ([\d.e-]+)", out)[1])
    assert ticket_mse < 2e-4


@pytest.mark.slow
def test_tests_that_ask_for_tasks_pass_with_the_new_task_beside_the_others(tmp_path, run_python):
    for folder in ("pns_tf", "tasks", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tasks" / "absolute.py").write_text(FILES["tasks/absolute.py"], encoding="utf-8")
    files = [f"tests/test_{name}.py" for name in ("tasks", "targets", "finding_tasks")]
    arguments = ("-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *files)
    done = run_python(*arguments, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d\d+ passed", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["tasks/absolute.py", "my_module.py"])
def test_a_new_task_or_pruner_is_about_ten_lines(name):
    lines = FILES[name].splitlines()
    assert len([line for line in lines if line and line[0] != "#"]) <= 12


def test_the_experiment_of_ones_own_is_found_and_complete(tmp_path):
    path = tmp_path / "my_experiment.py"
    path.write_text(FILES["my_experiment.py"], encoding="utf-8")
    experiment = find(path)
    assert {run.host.width for run in experiment.settings} == {30, 100, 300}
    assert len(experiment.runs()) == 3 * 2 * 2 * 5


def test_every_pruner_is_in_the_table():
    section = text("docs/pruners.md").split("## ")[0]
    assert first_column(section) == set(pruners.names())
    assert f"[{len(pruners.names())} pruners](docs/pruners.md)" in text("README.md")


def test_baseline_weights_are_those_of_the_table():
    from pns_tf.hosts.initializers import host_sizes

    page = text("docs/tasks.md")
    for name in ("circle", "helix", "relu"):
        task = tasks.get(name)
        row = re.search(rf"^\| `{name}` \| (\d.*?) \| (\d.*?) \|", page, re.MULTILINE)
        for depth, cell in zip((3, 5), row.groups(), strict=True):
            sizes = host_sizes(task.inputs, task.outputs, depth, width=100)
            host_weights = sum(a * b for a, b in pairwise(sizes))
            assert cell == f"{task.target(depth).nonzero_weights} of {host_weights:,}"


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_and_link_is_there(page):
    found = re.findall(r'src="([^"]+)"|\]\((?!https?:|#)([^)#]+)[^)]*\)', text(page))
    for file in (a or b for a, b in found):
        assert ((ROOT / page).parent / file).is_file(), file


def test_pictures_of_the_pages_are_small():
    pictures = list((ROOT / "docs" / "images").glob("*.png"))
    assert pictures
    assert max(picture.stat().st_size for picture in pictures) < 150_000  # bytes


def test_the_readme_is_short_and_has_a_picture():
    assert text("README.md").count("\n") < 200
    assert "<img" in text("README.md")


def first_column(table: str) -> set[str]:
    return set(re.findall(r"`([\w.]+?)/?`", "".join(re.findall(r"^\| (`.*?) \|", table, re.M))))


def test_a_planted_run_holds_what_is_listed(helix_run):
    section = text("docs/planting.md").split("## What a run holds")[1].split("```")[0]
    assert first_column(section) == {path.name for path in helix_run.iterdir()}


@pytest.mark.slow
def test_a_found_run_holds_what_is_listed(found_run):
    section = text("docs/seeking.md").split("## What a run holds")[1].split("```")[0]
    assert first_column(section) == {path.name for path in found_run.iterdir()}
    section = text("README.md").split("## The ticket")[1].split("\n\n## ")[0]
    assert first_column(section) == {path.name for path in found_run.iterdir()} - {"trained.tflite"}


def test_metrics_are_explained_as_they_are_called(found_run):
    metrics = json.loads((found_run / "ticket.json").read_text(encoding="utf-8"))["metrics"]
    table = text("docs/seeking.md").split("| in `ticket.json` | meaning |")[1]
    explained = set(re.findall(r"`(\w+)`", table.split("Those of single layers")[0]))
    assert explained - {"baseline"} == {name for name in metrics if "_layer" not in name}


def test_ci_runs_the_readmes_test_command():
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    marker = re.search(r"<!-- run by \.ci/run -->\n```sh\n(.+)\n```\n", text("README.md"))
    assert marker[1].endswith("python -m pytest")
    assert r"<!-- run by .ci\/run -->" in ci
