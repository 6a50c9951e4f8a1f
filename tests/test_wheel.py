"""The package as others get it: a wheel, installed where the checkout is not."""

import importlib.util
import re
import subprocess
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import pns_tf

ROOT = Path(__file__).parent.parent
SOURCE = "https://forge.example/owner/name/blob/v1"


@pytest.fixture(scope="module")
def wheel(run_python, tmp_path_factory) -> Path:
    """Built from a copy of the checkout, so that nothing is left in it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "copy"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for file in files:
        if (ROOT / file).is_file() and not file.startswith(("tests/", "docs/")):
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_bytes((ROOT / file).read_bytes())
    build = ("--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", copy)
    done = run_python("-m", "pip", "wheel", *build, cwd=folder, PNS_TF_SOURCE=SOURCE)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, run_python):
    """Runs ``python *arguments`` far from the checkout, where only the wheel is to be found."""
    site = wheel.parent / "site"
    done = run_python(
        *("-m", "pip", "install", "--no-deps", f"--target={site}", wheel), cwd=wheel.parent
    )
    assert done.returncode == 0, done.stderr
    elsewhere = wheel.parent / "elsewhere"
    elsewhere.mkdir()

    def run(*arguments):
        done = run_python(*arguments, cwd=elsewhere, PYTHONPATH=str(site))
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_an_installed_wheel_works_far_from_the_checkout(installed, wheel):
    places = "import pns_tf, tasks; print(pns_tf.__file__, tasks.__file__)"
    assert installed("-c", places).count(str(wheel.parent / "site")) == 2
    assert "plant" in installed("-m", "pns_tf", "--help")
    assert "helix" in installed("-m", "pns_tf", "tasks")
    planted = "import pns_tf; print(pns_tf.plant('relu', 3, 10).planted_masks)"
    assert "parameters kept" in installed("-c", planted)


@pytest.mark.slow
def test_a_wheel_holds_the_packages_alone_and_all_of_them(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    modules = {
        str(path.relative_to(ROOT))
        for package in ("pns_tf", "tasks")
        for path in (ROOT / package).rglob("*.py")
    }
    assert names == {*modules, "pns_tf/py.typed"}


@pytest.mark.slow
def test_a_wheel_describes_itself_with_pictures_that_lead_somewhere(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("METADATA"))
        metadata = message_from_string(archive.read(name).decode())
    assert metadata["Version"] == pns_tf.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert f'src="{SOURCE.replace("blob", "raw")}/docs/images/' in metadata.get_payload()
    assert f"({SOURCE}/docs/" in metadata.get_payload()
    assert metadata["Home-page"] == "https://forge.example/owner/name"


def described(source: str) -> str:
    spec = importlib.util.spec_from_file_location("setup_of_pns_tf", ROOT / "setup.py")
    setup = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(setup)
    return setup.described((ROOT / "README.md").read_text(encoding="utf-8"), source)


@pytest.mark.parametrize("source", ["", SOURCE])
def test_no_link_of_a_description_leads_nowhere(source):
    text = described(source)
    links = [a or b for a, b in re.findall(r'\]\(([^)]+)\)|src="([^"]+)"', text)]
    assert links
    assert all(link.startswith(("https://", "#")) for link in links)
    assert ("<img" in text) == bool(source)
    assert "Your pruner" in text


def test_the_version_is_said_once():
    said = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert said[1] == pns_tf.__version__
    assert "version = attr: pns_tf.__version__" in (ROOT / "setup.cfg").read_text()
