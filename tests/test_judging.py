"""Tickets of any framework: instances that NumPy alone reads, submissions, and the verdict."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pns_tf
from pns_tf.commands import main
from pns_tf.hosts.models import host_from_arrays
from pns_tf.judging.instance import read_instance
from pns_tf.judging.submission import read_submission

ROOT = Path(__file__).parent.parent
SMALL = ["--task=circle", "--depth=4", "--width=20", "--samples=400", "--epochs=1"]
DENSITIES = (0.2, 0.5)
NUMPY_ONLY = """
import sys
for name in ("tensorflow", "tf_keras", "keras", "pns_tf"):
    sys.modules[name] = None
import json
import numpy as np

about = json.load(open("instance/instance.json"))
with np.load("instance/host.npz") as file:
    host = {name: file[name] for name in file.files}
flat = np.concatenate([abs(array).ravel() for array in host.values()])
for density in about["densities"]:
    threshold = np.sort(flat)[-round(density * flat.size)]
    masks = {name: abs(array) >= threshold for name, array in host.items()}
    np.savez(f"masks-{density:.12g}.npz", **masks)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an instance in it."""
    path = tmp_path_factory.mktemp("judging")
    densities = ",".join(map(str, DENSITIES))
    main(["instance", *SMALL, f"--density={densities}", f"--out={path / 'instance'}"])
    return path


@pytest.fixture(scope="module")
def instance(folder):
    return read_instance(folder / "instance")


@pytest.fixture(scope="module")
def found():
    """What ``seek`` says of magnitude pruning in the same host."""
    planted = pns_tf.plant("circle", depth=4, width=20)
    return {
        density: pns_tf.seek(planted, "magnitude", density, epochs=1, samples=400)
        for density in DENSITIES
    }


def judged(folder, submission, *flags):
    main(
        [
            *("judge", f"--instance={folder / 'instance'}", f"--submission={submission}"),
            *(f"--out={folder / 'verdicts'}", "--overwrite", *flags),
        ]
    )
    name = read_submission(Path(submission), read_instance(folder / "instance")).name
    content = (folder / "verdicts" / name / "verdict.json").read_text(encoding="utf-8")
    return json.loads(content)["tickets"]


@pytest.mark.slow
def test_a_process_with_numpy_alone_prunes_and_gets_the_numbers_of_seek(folder, found):
    subprocess.run([sys.executable, "-c", NUMPY_ONLY], cwd=folder, check=True)
    (folder / "mine").mkdir()
    for file in folder.glob("masks-*.npz"):
        file.rename(folder / "mine" / file.name)
    tickets = judged(folder, folder / "mine")
    assert [ticket["density"] for ticket in tickets] == sorted(DENSITIES, reverse=True)
    for ticket in tickets:
        metrics = found[ticket["density"]].metrics
        assert {name: ticket[name] for name in metrics} == metrics
        assert ticket["kept"] == found[ticket["density"]].masks.kept
        assert abs(ticket["final_fresh"] - ticket["final"]) < 0.2  # of 100,000 and of 40 samples
    pictures = {path.name for path in (folder / "verdicts" / "mine").iterdir()}
    assert {"rows.csv", "distance.csv", "overlap-0.2.png", "overlap-0.5.png"} <= pictures


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pruner", "settings"),
    [("edge_popup", {"options": {"epochs": 1}}), ("snip", {"rounds": 2, "round_epochs": 1})],
)
def test_a_search_that_draws_random_numbers_is_judged_to_the_last_bit(folder, pruner, settings):
    planted = pns_tf.plant("circle", depth=4, width=20)
    searched = pns_tf.seek(planted, pruner, 0.5, epochs=1, samples=400, **settings)
    assert searched.stream is not None
    searched.save(folder / pruner)
    assert pns_tf.load_found(folder / pruner).stream == searched.stream
    (ticket,) = judged(folder, folder / pruner)
    for name in ("planted", "strong", "final", "recall", "recall_equivalent", "density_asked"):
        assert ticket[name] == searched.metrics[name]


def test_a_stream_that_is_none_is_refused(folder, instance, tmp_path, refused):
    np.savez(tmp_path / "masks.npz", **{name: abs(a) > 0.1 for name, a in instance.host.items()})
    for odd in ({}, 5, {"bit_generator": "MT19937"}):
        (tmp_path / "submission.json").write_text(json.dumps({"name": "odd", "stream": odd}))
        complaint = refused(
            *("judge", f"--instance={folder / 'instance'}", f"--submission={tmp_path}"),
            f"--out={tmp_path / 'out'}",
        )
        assert "stream must be the state of NumPy's PCG64" in complaint
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_scores_are_thresholded_as_a_pruners_are(folder, instance, found):
    path = folder / "scores.npz"
    np.savez(path, **{name: abs(array) for name, array in instance.host.items()})
    read = read_submission(path, instance)
    assert [ticket.density for ticket in read.tickets] == [0.5, 0.2]
    for ticket in read.tickets:
        assert ticket.mask == found[ticket.density].masks
        assert ticket.ties == 0
    (sparse,) = read_submission(path, instance, [0.05]).tickets
    assert sparse.mask.kept == round(0.05 * instance.size)


@pytest.mark.slow
def test_equal_scores_are_allowed_and_said_to_be_ties(folder, instance, capsys):
    path = folder / "flat" / "scores.npz"
    path.parent.mkdir()
    np.savez(path, **{name: np.ones(array.shape) for name, array in instance.host.items()})
    judged(folder, path)
    assert f"{instance.size:,} parameters share the lowest score" in capsys.readouterr().out


def test_neither_test_data_nor_seed_nor_ticket_are_in_what_a_pruner_reads(folder, instance):
    assert set(os.listdir(folder / "instance")) == {
        *("README.md", "instance.json", "judge.json"),
        *("host.npz", "data.npz", "host.safetensors", "data.safetensors"),
    }
    with np.load(folder / "instance" / "data.npz") as data:
        assert set(data.files) == {"x_train", "y_train"}
        assert len(data["x_train"]) == 360
    assert not re.search("seed|noise|planted", json.dumps(dict(instance.about)))


@pytest.mark.slow
def test_a_perfect_pruner_can_answer_at_the_densities_asked_for(tmp_path):
    place = tmp_path / "instance"
    wide = [flag.replace("width=20", "width=80") for flag in SMALL]
    main(["instance", *wide, "--answers", f"--out={place}"])
    made = read_instance(place)
    truth, *more = made.densities
    assert more == pytest.approx([4 * truth, 0.5])
    (tmp_path / "oracle").mkdir()
    with np.load(place / "planted_masks.npz") as answers:
        planted = {name: answers[name] for name in answers.files}
    for density in made.densities:
        np.savez(tmp_path / "oracle" / f"masks-{density:.12g}.npz", **planted)
    flags = (f"--instance={place}", f"--submission={tmp_path / 'oracle'}")
    main(["judge", *flags, f"--out={tmp_path / 'verdicts'}"])
    found = pd.read_csv(tmp_path / "verdicts" / "oracle" / "distance.csv").set_index("ticket")
    assert found.loc["strong", "distance"] == pytest.approx(1, rel=1e-9)


def test_instances_tell_themselves_apart(tmp_path, instance):
    same, other = tmp_path / "same", tmp_path / "other"
    main(["instance", *SMALL, "--density=0.1,truth,baseline", f"--out={same}"])
    main(["instance", *SMALL, "--noise=0.2", f"--out={other}"])  # the same host, other data
    assert read_instance(same).id == instance.id != read_instance(other).id
    least, baseline, truth = read_instance(same).densities
    assert least == 0.1 < baseline < truth  # the paper's baseline counts weights alone
    assert f'"instance": "{instance.id}"' in (same / "README.md").read_text(encoding="utf-8")


def test_answers_are_written_if_asked_for(tmp_path):
    main(["instance", *SMALL, "--answers", f"--out={tmp_path / 'open'}"])
    planted = pns_tf.plant("circle", depth=4, width=20)
    assert pns_tf.Mask.load(tmp_path / "open" / "planted_masks.npz") == planted.planted_masks


def test_safetensors_hold_the_same(folder, instance):
    from safetensors.numpy import load_file, save_file

    assert all(
        np.array_equal(array, instance.host[name])
        for name, array in load_file(folder / "instance" / "host.safetensors").items()
    )
    masks = {name: np.zeros(array.shape, bool) for name, array in instance.host.items()}
    masks["kernel0"][0] = True
    save_file(masks, folder / "masks.safetensors")
    assert read_submission(folder / "masks.safetensors", instance).tickets[0].mask.kept == 20


# The host in other frameworks


def rebuilt(folder, framework):
    """The names that the README's code for a framework defines."""
    text = (folder / "instance" / "README.md").read_text(encoding="utf-8")
    code = text.split(f"## The host in {framework}\n")[1].split("```python")[1].split("```")[0]
    names = {}
    here = Path.cwd()
    os.chdir(folder / "instance")
    try:
        exec(code, names)
    finally:
        os.chdir(here)
    return names


@pytest.fixture(scope="module")
def expected(instance):
    kernels = [array for name, array in instance.host.items() if name.startswith("kernel")]
    biases = [array for name, array in instance.host.items() if name.startswith("bias")]
    return host_from_arrays(kernels, biases)(instance.x_train[:50]).numpy()


def assert_near(outputs, expected):
    np.testing.assert_allclose(outputs, expected, atol=1e-6 * np.abs(expected).max(), rtol=0)


def test_the_host_rebuilt_in_numpy_computes_the_same(folder, instance, expected):
    assert_near(rebuilt(folder, "NumPy")["forward"](instance.x_train[:50]), expected)


def test_the_host_rebuilt_in_jax_computes_the_same(folder, instance, expected):
    pytest.importorskip("jax", reason="JAX is not installed")
    names = rebuilt(folder, "JAX")
    assert_near(np.asarray(names["forward"](names["parameters"], instance.x_train[:50])), expected)


def test_the_host_rebuilt_in_pytorch_computes_the_same(folder, instance, expected):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    outputs = rebuilt(folder, "PyTorch")["forward"](torch.tensor(instance.x_train[:50]))
    assert_near(outputs.detach().numpy(), expected)


def test_the_host_rebuilt_in_keras_3_computes_the_same(folder, instance, expected):
    outputs = rebuilt(folder, "Keras 3")["model"](instance.x_train[:50])
    assert_near(np.asarray(outputs), expected)


# Examples


@pytest.mark.slow
@pytest.mark.parametrize("method", ["magnitude", "saliency"])
def test_the_jax_example_hands_in_what_is_judged(folder, method, found):
    pytest.importorskip("jax", reason="JAX is not installed")
    example(folder, "jax_prune.py", f"--method={method}", f"--out=jax_{method}")
    tickets = judged(folder, folder / f"jax_{method}")
    if method == "magnitude":
        for ticket in tickets:
            assert ticket["final"] == found[ticket["density"]].metrics["final"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("torch_prune.py",),
        ("torch_prune.py", "--method=random"),
        ("torch_synflow.py", "--rounds=3"),
    ],
)
def test_the_pytorch_examples_hand_in_what_is_judged(folder, words):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    out = "-".join(words).replace("--", "").replace("=", "")
    example(folder, *words, f"--out={out}")
    for ticket in judged(folder, folder / out):
        assert ticket["kept"] == round(ticket["density"] * (20 * 2 + 400 + 80 + 20 + 20 + 4))


def example(folder, name, *flags):
    command = [sys.executable, ROOT / "examples" / name, "--instance=instance", *flags]
    subprocess.run(command, cwd=folder, check=True)
