"""A run appears complete or not at all, whenever it is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pns_tf.saving.storage import check_free, new_folder, write_json
from tasks import InputError

FILES = {"data.png", "host", "masks.npz", "tensorboard", "ticket", "ticket.json", "ticket.png"}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_its_block_ends(tmp_path):
    path = tmp_path / "saved_models" / "run"
    with new_folder(path) as folder:
        (folder / "file").write_text("complete")
        assert not path.exists()
    assert names(path.parent) == ["run"]
    assert (path / "file").read_text() == "complete"


def fail_in(path: Path, error: Exception, overwrite: bool = False) -> None:
    with new_folder(path, overwrite) as folder:
        (folder / "file").write_text("half")
        raise error


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "run", ZeroDivisionError())
    assert names(tmp_path) == []


def test_overwriting_replaces_everything(tmp_path):
    for content in ("old", "new"):
        with new_folder(tmp_path / "run", overwrite=True) as folder:
            (folder / content).write_text("")
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["new"]


def test_an_error_while_overwriting_keeps_the_old_run(tmp_path):
    with new_folder(tmp_path / "run") as folder:
        (folder / "old").write_text("")
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "run", ZeroDivisionError(), overwrite=True)
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["old"]


def test_a_full_disk_is_one_clear_error(tmp_path):
    with pytest.raises(InputError, match=r"cannot write to .*: .*No space left"):
        fail_in(tmp_path / "run", OSError(errno.ENOSPC, "No space left on device"))
    assert names(tmp_path) == []


def test_of_two_at_the_same_time_the_first_stays(tmp_path):
    def overtaken():
        with new_folder(tmp_path / "run"):
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "first").write_text("")

    with pytest.raises(InputError, match="exists already"):
        overtaken()
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["first"]


KILLED = """
import os, pathlib, signal, sys
from pns_tf.saving.storage import new_folder

folder, moment = sys.argv[1:]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
renames, rename = iter(range(9)), pathlib.Path.rename

def rename_and_die(path, target):
    if moment == f"before rename {(n := next(renames))}":
        die()
    rename(path, target)
    if moment == f"after rename {n}":
        die()

pathlib.Path.rename = rename_and_die
with new_folder(pathlib.Path(folder), overwrite=True) as partial:
    for name in ("a", "b"):
        if moment == f"before file {name}":
            die()
        (partial / name).write_text("new")
"""


@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(
    "moment",
    ["before file a", "before file b", "before rename 0", "after rename 0", "before rename 1"],
)
def test_a_killed_process_leaves_no_half_written_folder(moment, exists, run_python, tmp_path):
    path = tmp_path / "run"
    if exists:
        with new_folder(path) as folder:
            for name in ("a", "b"):
                (folder / name).write_text("old")
    done = run_python("-c", KILLED, path, moment, cwd=tmp_path)
    if exists or "rename 1" not in moment:  # a new folder needs one rename only
        assert done.returncode == -signal.SIGKILL, done.stderr
    if path.exists():
        assert names(path) == ["a", "b"]
        assert (path / "a").read_text() == (path / "b").read_text()
    with new_folder(path, overwrite=True) as folder:
        (folder / "c").write_text("next")
    assert names(tmp_path) == ["run"]
    assert names(path) == ["c"]


@pytest.mark.parametrize(("owner", "kept"), [("living", True), ("dead", False)])
def test_leftovers_are_those_of_processes_that_are_no_more(owner, kept, run_python, tmp_path):
    with new_folder(tmp_path / "run") as folder:
        mine = folder.name
    ended = run_python("-c", "import os; print(os.getpid())", cwd=tmp_path).stdout.strip()
    pid = str(os.getppid()) if owner == "living" else ended
    theirs = tmp_path / mine.replace(str(os.getpid()), pid)
    theirs.mkdir()
    with new_folder(tmp_path / "run", overwrite=True):
        assert theirs.exists() == kept


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["a partial folder", "data.png"])
def test_a_killed_plant_leaves_no_half_written_run(moment, run, tmp_path):
    words = ["plant", "--depth=3", "--width=40", "--samples=100", f"--out={tmp_path}"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    path = tmp_path / "helix-d3-w40-s0-samples=100"

    def reached() -> bool:
        partial = list(tmp_path.glob(".*partial*"))
        return bool(partial) and (moment == "a partial folder" or (partial[0] / moment).exists())

    command = [sys.executable, "-m", "pns_tf", *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while process.poll() is None and not reached():
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not path.exists() or set(names(path)) == FILES
    if moment == "data.png":
        code, _, err = run(*words, "--overwrite")
        assert (code, err) == (0, "")
        assert names(tmp_path) == [path.name]
        assert set(names(path)) == FILES


# Where nothing can be written


def test_a_folder_that_exists_is_not_free(tmp_path):
    with pytest.raises(InputError, match=r"exists already: .* pass --overwrite"):
        check_free(tmp_path)
    check_free(tmp_path, overwrite=True)


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file is a file, not a folder"):
        check_free(tmp_path / "file", overwrite=True)
    with pytest.raises(InputError, match="file is a file, not a folder"):
        check_free(tmp_path / "file" / "deeper" / "run")


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=f"no permission in {tmp_path}"):
        check_free(tmp_path / "deep" / "run")


def test_a_name_too_long_for_the_file_system_is_refused(tmp_path):
    with pytest.raises(InputError, match="File name too long"):
        check_free(tmp_path / ("x" * 300))


def test_records_are_strict_json(tmp_path):
    content = {"density": 0.1, "mse": float("nan"), "scales": [1.0, float("inf")], "word": "λ"}
    write_json(tmp_path / "a.json", content)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    expected = {"density": 0.1, "mse": None, "scales": [1.0, None], "word": "λ"}
    assert json.loads(text, parse_constant=pytest.fail) == expected
    assert '"scales": [ 1.0, null ]' in text
