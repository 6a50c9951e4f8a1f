"""Image classification sets of TensorFlow Datasets as arrays."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from pns_tf.checks import InputError, integer
from pns_tf.training.validation import Images

HELD_OUT = 0.1


def image_set(name: str, data_dir: str | None = None) -> tuple[tuple[int, int, int], int]:
    """Shape of the images of a TFDS data set, and the number of classes; loads no image.

    Raises:
        ValueError: no such data set, or its images differ in size or have no classes.

    Example:
        >>> image_set("cifar10")
        ((32, 32, 3), 10)
    """
    features = _builder(name, data_dir).info.features
    if not {"image", "label"} <= {*features}:
        raise InputError(
            f"data set {name!r} must have images and labels, got {', '.join(features)}"
        )
    shape = features["image"].shape
    if None in shape or not isinstance(features["label"], tfds.features.ClassLabel):
        raise InputError(
            f"data set {name!r} must have images of one size with one class each, got images of "
            f"shape {shape}"
        )
    return shape, features["label"].num_classes


def training_images(name: str, data_dir: str | None = None, samples: int | None = None) -> int:
    """How many training images `load_images` gives, held-out ones included; loads none.

    Raises:
        ValueError: no such data set, or a value out of range.
    """
    if samples is not None:
        integer("samples", samples, minimum=10)
    there = _prepared(name, data_dir).info.splits["train"].num_examples
    return there if samples is None else min(samples, there)


def load_images(
    name: str = "cifar10", data_dir: str | None = None, samples: int | None = None
) -> Images:
    """Loads an image classification set of TensorFlow Datasets, pixels normalised to [−1, 1].

    Args:
        name: of the TFDS data set, with splits "train" and "test".
        data_dir: where TFDS keeps its data sets, ``None`` for its own place; what is not there
            yet is downloaded.
        samples: use only so many of the training images, a tenth of them held out, and at most as
            many test images; ``None`` for all.

    Raises:
        ValueError: no such data set, images of different sizes, or a value out of range.

    Example:
        >>> data = load_images("cifar10", samples=1000)  # doctest: +SKIP
        >>> data.x_train.shape, data.x_validation.shape, data.x_test.shape  # doctest: +SKIP
        ((900, 32, 32, 3), (100, 32, 32, 3), (1000, 32, 32, 3))
    """
    if samples is not None:
        integer("samples", samples, minimum=10)
    image_set(name, data_dir)
    builder = _prepared(name, data_dir)
    try:
        parts = [_part(builder, name, samples) for name in ("train", "test")]
        sets = builder.as_dataset(split=parts, as_supervised=True)
    except (OSError, KeyError, ValueError) as error:
        raise _unreadable(name, error) from error
    (x, y), (x_test, y_test) = map(_arrays, sets)
    held_out = round(HELD_OUT * len(x))
    return Images(
        x_train=x[held_out:],
        y_train=y[held_out:],
        x_test=x_test,
        y_test=y_test,
        x_validation=x[:held_out],
        y_validation=y[:held_out],
        names=tuple(builder.info.features["label"].names),
    )


def _prepared(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """The builder of a data set that is on disk, downloaded if it was not."""
    builder = _builder(name, data_dir)
    _check_there(builder, name)
    try:
        builder.download_and_prepare()
    except (OSError, KeyError, ValueError, tfds.core.download.DownloadError) as error:
        raise _unreadable(name, error) from error
    return builder


def _check_there(builder: tfds.core.DatasetBuilder, name: str) -> None:
    """Raises ``InputError`` if a data set is to be downloaded where there is no internet.

    TFDS would try again for minutes. What is behind a proxy is left to it, and sets of others than
    TFDS, which may be computed.
    """
    computed = not type(builder).__module__.startswith("tensorflow_datasets.")
    if computed or Path(builder.data_path).exists() or urllib.request.getproxies():
        return
    try:
        socket.create_connection(("storage.googleapis.com", 443), timeout=5).close()
    except OSError as error:
        raise InputError(
            f"data set {name!r} is not in {builder.data_path.parent.parent} and there is no "
            f"internet: where there is, run tfds.builder({name!r}, data_dir='DIR')"
            ".download_and_prepare(), and pass --data_dir=DIR"
        ) from error


def _unreadable(name: str, error: Exception) -> InputError:
    return InputError(f"data set {name!r} cannot be read: {str(error).splitlines()[0]}")


def _part(builder: tfds.core.DatasetBuilder, split: str, samples: int | None) -> str:
    there = builder.info.splits[split].num_examples
    return split if samples is None else f"{split}[:{min(samples, there)}]"


def _builder(name: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    try:
        return tfds.builder(name, data_dir=data_dir)
    except (tfds.core.DatasetNotFoundError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"no TensorFlow data set {name!r}: {reason}") from error


def _arrays(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    x, y = next(iter(dataset.batch(len(dataset)).as_numpy_iterator()))
    return x / np.float32(127.5) - np.float32(1.0), y.astype(np.int32)
