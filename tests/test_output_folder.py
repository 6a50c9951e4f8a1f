"""The flag ``--out``: what can be wrong with it is one line, before any command starts its work."""

import inspect
import os

import pytest

from pns_tf import commands
from pns_tf.checks import InputError
from pns_tf.saving.storage import output_folder

WRITING = [
    name
    for name, command in commands.COMMANDS.items()
    if "out" in inspect.signature(command).parameters
]
NEEDS = {"reproduce": ["--figure=3"]}


@pytest.fixture
def places(tmp_path):
    """What may lie where a folder is to be made."""
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--out", "out must be the name of a folder, got True"),
        ("--out=", "out must be the name of a folder, got ''"),
        ("--out=[a,b]", "out must be the name of a folder, got ['a', 'b']"),
        ("--out=a,b", "out must be the name of a folder, got ('a', 'b')"),
        ("--out={a: 1}", "out must be the name of a folder, got {'a': 1}"),
        ("--out=file", "file is a file, not a folder"),
        ("--out=file/below", "file is a file, not a folder"),
        ("--out=dangling", "dangling is a broken link (No such file or directory)"),
        ("--out=dangling/below", "dangling is a broken link (No such file or directory)"),
        ("--out=loop", "loop is a broken link (Too many levels of symbolic links)"),
        (f"--out={'x' * 300}", "File name too long"),
        (f"--out=new/{'x' * 300}", "File name too long"),
        (f"--out={'x/' * 2500}", "the whole path is too long"),
    ],
)
def test_what_is_no_folder_is_refused(refused, places, command, flag, complaint):
    assert complaint in refused(command, *NEEDS.get(command, []), flag)


@pytest.mark.parametrize("command", [name for name in WRITING if name != "existence"])
def test_none_is_no_folder(refused, command):
    flags = [*NEEDS.get(command, []), "--out=None"]
    assert "out must be the name of a folder, got None" in refused(command, *flags)


@pytest.mark.parametrize("command", ["reproduce", "leaderboard", "sweep", "detect"])
def test_a_file_where_runs_are_kept_is_noticed_before_they_start(refused, tmp_path, command):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "runs").write_text("")
    line = refused(command, *NEEDS.get(command, []), "--out=results")
    assert "runs is a file, not a folder" in line


@pytest.mark.slow
def test_a_name_is_taken_as_it_was_written(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("0x5", "a # b"):
        assert run("existence", f"--out={name}")[0] == 0
        assert (tmp_path / name / "settings.json").exists()


def test_a_folder_that_takes_nothing_is_refused():
    with pytest.raises(InputError, match="cannot write to /proc/x"):
        output_folder("/proc/x")


def test_what_is_only_read_needs_no_permission(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert output_folder(tmp_path, "runs", written=False) == tmp_path
    with pytest.raises(InputError, match="no permission in"):
        output_folder(tmp_path, "runs")
