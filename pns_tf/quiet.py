"""Keeps TensorFlow's start-up notes off the terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def no_standard_error() -> Iterator[None]:
    """Hides what libraries written in C++ say on standard error."""
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def import_tensorflow() -> None:
    """Imports TensorFlow without the notes about CPU features and missing GPUs.

    They are written by C++ code before its log level is read, so no setting stops them. Errors in
    importing are exceptions and not affected. Set ``TF_CPP_MIN_LOG_LEVEL=0`` to see the notes.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
        return
    with no_standard_error():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")
