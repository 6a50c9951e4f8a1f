"""Derivatives of a loss over many samples, some of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pns_tf.checks import InputError
from pns_tf.pruners.batch import mapped, parts

MEANS = ("auto", "mean", "sum_over_batch_size")  # reductions of Keras's losses


class SampleBatches:
    """Goes through the samples of a loss in batches, and adds their derivatives up.

    A mean over n samples is the mean over batches of b samples, each counted b / n times, and so
    are its derivatives: they need the memory of one batch.

    Args:
        size: samples at a time, the last batch may have fewer; ``None`` for all at once.

    Example:
        >>> import numpy as np
        >>> batches, x = SampleBatches(2), np.array([1.0, 2.0, 6.0])
        >>> batches.added(lambda: [batches.mean(lambda x: float(x.mean()), x)])
        [3.0]
    """

    def __init__(self, size: int | None):
        self._size = size
        self._start: int | None = None  # of the batch that derivatives are being taken of
        self._count = 0  # samples of the loss, 0 while it has not been asked for

    def added(self, derive: Callable[[], list]) -> list:
        """The sum over all batches of what ``derive`` gives; where that is ``None``, so is the sum.

        Args:
            derive: computes derivatives of a quantity that is linear in `mean`. If it does not ask
                for that, it is called once.
        """
        self._start, self._count = 0, 0
        try:
            total = derive()
            while self._size is not None and self._start + self._size < self._count:
                self._start += self._size
                pairs = zip(total, derive(), strict=True)
                total = [None if old is None else old + new for old, new in pairs]
        finally:
            self._start = None
        return total

    def mean(self, loss: Callable[..., Any], *samples: Any) -> Any:
        """``loss(*samples)``; within `added` the part of it that one batch contributes.

        Args:
            loss: a mean over the samples that it gets.
            samples: arrays or tensors with as many rows, structures of such, or ``None``.
        """
        if self._size is None:
            return loss(*samples)
        count = int(parts(samples)[0].shape[0])
        if self._start is None:
            starts: Sequence[int] = range(0, count, self._size)
        else:
            if self._count not in (0, count):
                raise InputError(
                    f"batch_size needs one set of samples, got {self._count} and {count}"
                )
            starts, self._count = [self._start], count
        batches = [slice(start, min(start + self._size, count)) for start in starts]
        return sum(
            loss(*(rows_of(each, rows) for each in samples)) * ((rows.stop - rows.start) / count)
            for rows in batches
        )


def rows_of(samples: Any, part: slice) -> Any:
    """Some of the samples, in their structure.

    Example:
        >>> import numpy as np
        >>> rows_of({"a": np.arange(4), "b": None}, slice(2))
        {'a': array([0, 1]), 'b': None}
    """

    def cut(array):
        if hasattr(array, "dense_shape"):
            raise InputError("batch_size cannot cut sparse samples: expected arrays, or none of it")
        return array[part]

    return mapped(cut, samples)


def check_means(losses: Sequence[Any]) -> None:
    """Raises `InputError` for a loss of Keras that is told not to be a mean over its samples."""
    for loss in losses:
        reduction = getattr(loss, "reduction", "auto")
        if reduction not in MEANS:
            raise InputError(
                f"batch_size needs a loss that is a mean over samples, got {type(loss).__name__} "
                f"with reduction {reduction!r}"
            )
