"""Submissions and instances that are broken, hostile or another's are refused in one line."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from test_judging import SMALL

import pns_tf
from pns_tf.commands import main
from pns_tf.judging.instance import read_instance
from pns_tf.judging.submission import read_submission


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an instance in it."""
    path = tmp_path_factory.mktemp("judging")
    main(["instance", *SMALL, "--density=0.2,0.5", f"--out={path / 'instance'}"])
    return path


@pytest.fixture(scope="module")
def instance(folder):
    return read_instance(folder / "instance")


def arrays(instance, **changed):
    found = {name: np.zeros(array.shape, bool) for name, array in instance.host.items()}
    found["kernel0"][0, 0] = True
    return found | changed


def zipped(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def with_files(instance, **changed):
    contents = {f"{name}.npy": npy(array) for name, array in arrays(instance).items()}
    return contents | changed


HOSTILE = {
    "a wrong shape": (lambda i: arrays(i, kernel0=np.ones((3, 20))), r"kernel0 must have shape"),
    "a half": (lambda i: arrays(i, bias0=np.full(20, 0.5)), "must hold 0 and 1 only, got 0.5"),
    "minus one": (lambda i: arrays(i, bias0=np.full(20, -1)), "must hold 0 and 1 only, got -1"),
    "NaN": (lambda i: arrays(i, bias0=np.full(20, np.nan)), "mask bias0 holds NaN"),
    "text": (lambda i: arrays(i, bias0=np.full(20, "a")), "bias0 must hold numbers, got dtype"),
    "complex": (lambda i: arrays(i, bias0=np.full(20, 1j)), "must hold numbers, got dtype complex"),
    "one more": (lambda i: arrays(i, kernel9=np.ones(2)), "holds 'kernel9.npy': expected only"),
    "pickled": (
        lambda i: arrays(i, bias0=np.array([{}] * 20, dtype=object)),
        "bias0 is pickled|makes sense|unpacks",
    ),
}
FILES = {
    "one less": (
        lambda i: {n: c for n, c in with_files(i).items() if n != "bias1.npy"},
        "lacks bias1",
    ),
    "a path out": (lambda i: with_files(i) | {"../../kernel0.npy": b""}, "expected only"),
    "an absolute path": (lambda i: with_files(i) | {"/tmp/kernel0.npy": b""}, "expected only"),
    "a program": (lambda i: with_files(i) | {"run.py": b"1"}, "holds 'run.py'"),
    "a bomb": (
        lambda i: with_files(i) | {"bias0.npy": bytes(10**8)},
        "unpacks to 100,000,000 bytes",
    ),
    "a lying header": (
        lambda i: with_files(i) | {"bias0.npy": npy(np.ones(20))[:130]},
        "bias0 ends before its last value|is no array",
    ),
    "no array": (lambda i: with_files(i) | {"bias0.npy": b"hello"}, "bias0 is no array"),
    "a pickle": (
        lambda i: with_files(i) | {"bias0.npy": pickle.dumps([1])},
        "bias0 is no array",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_broken_masks_are_refused_in_one_line(kind, instance, tmp_path):
    make, complaint = HOSTILE[kind]
    np.savez(tmp_path / "masks.npz", allow_pickle=True, **make(instance))
    with pytest.raises(pns_tf.checks.InputError, match=complaint) as refusal:
        read_submission(tmp_path / "masks.npz", instance)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", FILES)
def test_hostile_archives_are_refused_in_one_line(kind, instance, tmp_path):
    make, complaint = FILES[kind]
    zipped(tmp_path / "masks.npz", make(instance))
    with pytest.raises(pns_tf.checks.InputError, match=complaint) as refusal:
        read_submission(tmp_path / "masks.npz", instance)
    assert "\n" not in str(refusal.value)
    assert os.listdir(tmp_path) == ["masks.npz"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("masks.npz", b"no zip", "cannot be read"),
        ("masks.npz", b"", "cannot be read"),
        ("masks.txt", b"", "must be called masks.npz, scores.npz or masks-<density>.npz"),
        ("masks-2.npz", b"", "cannot be read|density"),
        ("masks.safetensors", b"\xff" * 40, "cannot be read"),
    ],
)
def test_files_that_are_something_else_are_refused(name, content, complaint, instance, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(pns_tf.checks.InputError, match=complaint):
        read_submission(tmp_path / name, instance)


def test_the_count_is_the_verdicts_not_the_claims(instance, tmp_path):
    masks = {name: np.ones(array.shape, bool) for name, array in instance.host.items()}
    np.savez(tmp_path / "masks-0.1.npz", **masks)
    complaint = "keeps 564 of 564 parameters: density 0.1 allows 56"
    with pytest.raises(pns_tf.checks.InputError, match=complaint):
        read_submission(tmp_path / "masks-0.1.npz", instance)


def test_scores_that_are_no_numbers_are_refused(instance, tmp_path):
    scores = {name: np.full(array.shape, np.nan) for name, array in instance.host.items()}
    np.savez(tmp_path / "scores.npz", **scores)
    with pytest.raises(pns_tf.checks.InputError, match="scores of kernel0 hold NaN"):
        read_submission(tmp_path / "scores.npz", instance)


@pytest.mark.parametrize("name", ["host.npz", "data.npz"])
def test_an_instance_that_was_changed_says_which_array(name, folder, tmp_path, refused):
    import shutil

    shutil.copytree(folder / "instance", tmp_path / "instance")
    path = tmp_path / "instance" / name
    with np.load(path) as file:
        content = {key: file[key] for key in file.files}
    changed = next(iter(content))
    content[changed] = content[changed] + 1
    np.savez(path, **content)
    np.savez(tmp_path / "masks.npz", **{})
    flags = [f"--instance={tmp_path / 'instance'}", f"--submission={tmp_path / 'masks.npz'}"]
    assert f"{changed} is not the array of instance.json" in refused("judge", *flags)


def test_masks_of_another_instance_are_refused(folder, tmp_path, refused):
    other = np.load(folder / "instance" / "host.npz")
    with other:
        masks = {name: np.zeros((7, *other[name].shape[1:]), bool) for name in other.files}
    np.savez(tmp_path / "masks.npz", **masks)
    flags = [f"--instance={folder / 'instance'}", f"--submission={tmp_path / 'masks.npz'}"]
    assert "kernel0 must have shape (2, 20), got (7, 20)" in refused("judge", *flags)


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["judge"], "judge needs --instance"),
        (["judge", "--instance=nowhere", "--submission=x"], "nowhere is no instance"),
        (["instance", "--density=2"], "density must be a number above 0 and at most 1, got 2"),
        (["instance", "--planted=nowhere"], "nowhere is no planted run"),
        (["instance", "--width=1"], "needs"),
    ],
)
def test_commands_refuse_what_cannot_work(argv, complaint, refused):
    assert complaint in refused(*argv)
