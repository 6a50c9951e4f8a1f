"""Submissions and instances that are broken, hostile or another's are refused in one line."""

import io
import json
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


def magnitudes(instance):
    return {name: abs(array) for name, array in instance.host.items()}


def test_tickets_that_say_they_are_for_another_instance_are_refused(instance, tmp_path):
    np.savez(tmp_path / "masks.npz", **arrays(instance))
    about = tmp_path / "submission.json"
    about.write_text(json.dumps({"instance": instance.id}))
    assert read_submission(tmp_path, instance).tickets[0].mask.kept == 1
    about.write_text(json.dumps({"instance": "0123"}))
    with pytest.raises(pns_tf.checks.InputError, match=f"for instance '0123'.*'{instance.id}'"):
        read_submission(tmp_path, instance)


def test_a_density_that_would_not_be_heeded_is_refused(instance, tmp_path):
    np.savez(tmp_path / "masks.npz", **arrays(instance))
    np.savez(tmp_path / "scores-0.1.npz", **magnitudes(instance))
    for name in ("masks.npz", "scores-0.1.npz"):
        with pytest.raises(pns_tf.checks.InputError, match="density is for scores that name none"):
            read_submission(tmp_path / name, instance, [0.3])
    np.savez(tmp_path / "scores.npz", **magnitudes(instance))
    assert read_submission(tmp_path / "scores.npz", instance, [0.3]).tickets[0].density == 0.3


@pytest.mark.parametrize("odd", ["masks_0.1.npz", "mask-0.1.npz", "masks-.1.npz", "Scores.npz"])
def test_a_file_that_is_nearly_a_ticket_is_not_passed_over(odd, instance, tmp_path):
    np.savez(tmp_path / "masks-0.5.npz", **arrays(instance))
    np.savez(tmp_path / "weights.npz", kernel0=np.ones(3))  # somebody's own, no ticket
    assert len(read_submission(tmp_path, instance).tickets) == 1
    np.savez(tmp_path / odd, **arrays(instance))
    with pytest.raises(pns_tf.checks.InputError, match=f"holds {odd}: expected masks.npz"):
        read_submission(tmp_path, instance)


def test_names_are_whole(instance, tmp_path):
    for name in ("snip-lr0.1", "snip-lr0.2"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "masks-0.5.npz", **arrays(instance))
        assert read_submission(tmp_path / name, instance).name == name
    file = tmp_path / name / "masks-0.5.npz"
    assert read_submission(file, instance).name == "masks-0.5"


def test_tickets_that_seek_found_in_another_host_are_refused(folder, tmp_path, refused):
    flags = ("--task=circle", "--depth=4", "--width=20", "--samples=400", "--epochs=0")
    main(["seek", *flags, "--pruner=magnitude", "--density=0.5", "--seed=1", f"--out={tmp_path}"])
    (found,) = (path.parent for path in tmp_path.glob("*magnitude*/ticket.json"))
    said = refused("judge", f"--instance={folder / 'instance'}", f"--submission={found}")
    assert "were sought in another host: its planted_seed is 1, that of the instance 0" in said


def test_a_verdict_never_replaces_what_is_judged(folder, instance, tmp_path, refused, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    np.savez("mine/masks.npz", **arrays(instance))
    flags = (f"--instance={folder / 'instance'}", "--submission=mine", "--out=.", "--overwrite")
    assert "mine is not overwritten: it holds no verdict.json" in refused("judge", *flags)
    (tmp_path / "mine" / "verdict.json").write_text("{}")
    assert "the verdict, mine, would replace the submission mine" in refused("judge", *flags)
    assert (tmp_path / "mine" / "masks.npz").exists()


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["judge"], "judge needs --instance"),
        (["instance", "--density=true"], "above 0 and at most 1, truth or baseline, got 'true'"),
        (["judge", "--instance=nowhere", "--submission=x"], "nowhere is no instance"),
        (["instance", "--density=2"], "density must be a number above 0 and at most 1, got 2"),
        (["instance", "--planted=nowhere"], "nowhere is no planted run"),
        (["instance", "--width=1"], "needs"),
    ],
)
def test_commands_refuse_what_cannot_work(argv, complaint, refused):
    assert complaint in refused(*argv)
