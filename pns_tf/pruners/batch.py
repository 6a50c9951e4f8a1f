"""The samples that data scores are computed on."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from pns_tf.checks import InputError, integer
from pns_tf.seeding import generator

# So that every task is scored on as many samples as circle with its 4 classes.
REGRESSION_CLASSES = 4
# What data sets, generators, Keras' Sequence and PyDataset, and loaders of PyTorch can be known by.
STREAMS = ("as_numpy_iterator", "__next__", "on_epoch_end", "collate_fn")


def scoring_batch(
    x,
    y=None,
    samples_per_class: int = 10,
    classes: int | None = None,
    seed: int = 0,
) -> tuple:
    """Draws the samples a pruner scores on.

    Where each sample has a class, ``samples_per_class`` of every class are drawn, or all of a class
    that has fewer. Otherwise (values, label maps, several outputs) ``samples_per_class`` ×
    ``classes`` samples are, whatever their labels.

    Args:
        x: ``(n, …)``; or several inputs, as a list or dict of arrays; or a finite, batched
            ``tf.data.Dataset`` of (x, y) or (x, y, sample weight), as for ``fit``.
        y: ``(n,)`` or ``(n, 1)`` class numbers, ``(n, classes)`` one-hot rows, anything
            else ``(n, …)``, or several outputs; not with a data set.
        samples_per_class: how many of each class.
        classes: number of classes; by default those that occur in ``y``, and 4 where samples have
            no class.
        seed: non-negative integer.

    Returns:
        The chosen rows of ``x`` and ``y``, in their structure; of a data set also those of the
        sample weights, if it has them.

    Raises:
        ValueError: a count or seed out of range, no samples, arrays of different length, or an
            endless data set.

    Example:
        >>> data = tasks.get("circle").data()
        >>> x, y = scoring_batch(data.x_train, data.y_train)
        >>> np.bincount(y)
        array([10, 10, 10, 10])
    """
    per_class = integer("samples_per_class", samples_per_class, minimum=1)
    if classes is not None:
        integer("classes", classes, minimum=1)
    rng = generator(seed, "scoring batch")
    for name, data in (("x", x), ("y", y)):
        if any(hasattr(data, kind) for kind in ("nested_row_splits", "dense_shape")):
            raise InputError(
                f"{name} is ragged or sparse: expected arrays; prune takes such samples as they are"
            )
    if hasattr(x, "as_numpy_iterator"):
        if y is not None:
            raise InputError("y must be left out with a data set, which has its labels in it")
        return _of_dataset(x, per_class, classes, rng)
    x, y = _arrays(x), _arrays(y)
    lengths = {len(array) for array in (*_flat(x), *_flat(y))}
    if len(lengths) != 1 or 0 in lengths or y is None:
        raise InputError(
            f"x and y need equally many samples, at least one: got {_lengths(x)} and {_lengths(y)}"
        )
    labels = _classes_of(y)
    if labels is None:
        wanted = per_class * (classes or REGRESSION_CLASSES)
        rows = rng.permutation(lengths.pop())[:wanted]
    else:
        present = np.unique(labels) if classes is None else range(classes)
        rows = np.concatenate(
            [rng.permutation(np.flatnonzero(labels == label))[:per_class] for label in present]
        )
    return mapped(lambda array: array[rows], x), mapped(lambda array: array[rows], y)


def check_finite(what: str, array: np.ndarray) -> np.ndarray:
    """Returns ``array``, or raises `InputError` if it holds NaN or infinity."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        odd = np.count_nonzero(~np.isfinite(array))
        raise InputError(f"{what} holds {odd} values that are not finite (NaN or infinity)")
    return array


def check_arrays(what: str, data) -> None:
    """Raises `InputError` for what gives samples one batch after the other."""
    if any(hasattr(data, sign) for sign in STREAMS):
        raise InputError(
            f"{what} must be arrays, got {type(data).__name__}; pns_tf.pruners.scoring_batch draws "
            "them from a tf.data.Dataset"
        )


def check_loss(name: str, get: Callable[[str], object]) -> None:
    """Raises `InputError` unless Keras, by ``get``, knows a loss of this name."""
    try:
        get(name)
    except ValueError as error:
        raise InputError(f"loss must be one that Keras knows, got {name!r}") from error


def check_lengths(x, y, sample_weight=None) -> None:
    """Raises `InputError` unless there are as many labels as samples, where both are counted.

    And as many weights of samples, if there are any; of several outputs each may have its own.
    """
    counts = {tuple(array.shape[:1]) for array in (*parts(x), *parts(y))}
    if len(counts - {()}) > 1:
        lengths = ", ".join(str(count[0]) for count in sorted(counts - {()}))
        raise InputError(f"x and y need equally many samples, got {lengths}")
    wrong = {tuple(array.shape[:1]) for array in parts(sample_weight)} - counts
    if wrong and counts - {()}:
        ((count, *_),) = counts - {()}
        raise InputError(
            f"sample_weight needs one weight for each of {count} samples, got shape {min(wrong)}"
        )


def parts(data) -> list:
    """The arrays or tensors of a structure; ragged and sparse ones, too."""
    if isinstance(data, dict):
        return [part for value in data.values() for part in parts(value)]
    if isinstance(data, list | tuple):
        return [part for value in data for part in parts(value)]
    return [data] if hasattr(data, "shape") else []


def _of_dataset(dataset, per_class: int, classes: int | None, rng: np.random.Generator) -> tuple:
    """The same by one pass over a data set: of each class those with the smallest random keys."""
    if int(dataset.cardinality()) == -1:
        raise InputError("the data set must end: got one that repeats forever; use take()")
    kept: dict[int | None, list] = {}
    for element in dataset.as_numpy_iterator():
        if not isinstance(element, tuple) or len(element) not in (2, 3):
            raise InputError("the data set must give (x, y) or (x, y, sample weight)")
        lengths = {array.shape[:1] for array in _flat(element)}
        if len(lengths) != 1 or () in lengths:
            raise InputError("the data set must be batched: expected arrays of equally many rows")
        labels = _classes_of(element[1])
        for row in range(lengths.pop()[0]):
            label = None if labels is None else int(labels[row])
            if label is not None and classes is not None and not 0 <= label < classes:
                continue
            wanted = per_class * (1 if label is not None else classes or REGRESSION_CLASSES)
            best, key = kept.setdefault(label, []), rng.random()
            if len(best) < wanted or key < best[-1][0]:
                best.append((key, mapped(lambda array, row=row: array[row], element)))
                best.sort(key=lambda entry: entry[0])
                del best[wanted:]
    if not kept:
        raise InputError("the data set is empty: expected at least one sample")
    samples = [sample for label in sorted(kept, key=str) for _, sample in kept[label]]
    columns = [_flat(sample) for sample in samples]
    stacked = iter([np.stack(column) for column in zip(*columns, strict=True)])
    return mapped(lambda _: next(stacked), samples[0])


def _classes_of(y) -> np.ndarray | None:
    """The class of each sample, ``None`` if labels are no classes of whole samples."""
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "biuf":
        return None
    if y.size == len(y):
        return None if y.dtype.kind == "f" else y.reshape(len(y))
    one_hot = y.ndim == 2 and (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
    return y.argmax(axis=1) if one_hot else None


def _arrays(data):
    """Arrays instead of tensors and lists of numbers, in the structure of several inputs."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: _arrays(value) for key, value in data.items()}
    several = isinstance(data, list | tuple) and any(np.ndim(part) for part in data)
    if several and (isinstance(data, tuple) or any(hasattr(part, "shape") for part in data)):
        return tuple(_arrays(part) for part in data)
    return np.asarray(data)


def _flat(data) -> list[np.ndarray]:
    if data is None:
        return []
    if isinstance(data, dict):
        return [array for value in data.values() for array in _flat(value)]
    if isinstance(data, tuple):
        return [array for value in data for array in _flat(value)]
    return [np.asarray(data)]


def mapped(function: Callable, data):
    """What ``function`` gives for each array of a structure, in this structure."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {key: mapped(function, value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        found = [mapped(function, value) for value in data]
        return tuple(found) if isinstance(data, tuple) else found
    return function(data)


def _lengths(data) -> str:
    lengths: Iterable[int] = dict.fromkeys(len(array) for array in _flat(data))
    return ", ".join(map(str, lengths)) or "none"
