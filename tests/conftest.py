"""What several tests share: a planted run, the command line, and fresh Python processes."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before anything imports TensorFlow

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def helix_run(tmp_path_factory) -> Path:
    """The folder that ``plant --task=helix`` writes."""
    from pns_tf.commands import main

    out = tmp_path_factory.mktemp("saved_models")
    main(["plant", "--task=helix", f"--out={out}"])
    return out / "helix-d5-w100-s0"


@pytest.fixture(scope="session")
def run_python():
    """Runs ``python *arguments`` on this checkout in a process of its own."""

    def run(*arguments, cwd, **environment) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
