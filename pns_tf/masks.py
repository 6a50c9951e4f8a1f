"""A mask as a type of its own."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from pns_tf.checks import InputError


class Mask(Sequence):
    """Which parameters belong to a ticket: one bool array for each prunable weight.

    Behaves as a sequence of arrays, in the order kernel, bias of each layer.

    Args:
        arrays: arrays that hold nothing but 0 and 1 (or False and True).
        names: a name for each array; "kernel0", "bias0", "kernel1", … if left out.

    Raises:
        ValueError: an array holds anything else.

    Example:
        >>> mask = Mask([np.array([[1, 0], [0, 0]]), np.array([1, 1])])
        >>> mask.density, mask.weight_density
        (0.5, 0.25)
    """

    def __init__(self, arrays: Iterable[np.ndarray], names: Sequence[str] | None = None):
        arrays = [np.asarray(array) for array in arrays]
        names = names or [f"{('kernel', 'bias')[i % 2]}{i // 2}" for i in range(len(arrays))]
        self.names = tuple(names)
        for name, array in zip(self.names, arrays, strict=True):
            if array.dtype != bool and not np.isin(array, (0, 1)).all():
                odd = array[~np.isin(array, (0, 1))].flat[0]
                raise InputError(f"mask {name!r} must hold 0 and 1 only, got {odd}")
        self._arrays = [array.astype(bool) for array in arrays]

    @classmethod
    def ones_like(cls, arrays: Iterable[np.ndarray], names: Sequence[str] | None = None) -> Mask:
        """The mask that keeps everything."""
        return cls([np.ones(np.shape(array), bool) for array in arrays], names)

    @classmethod
    def from_layers(
        cls, kernel_masks: Sequence[np.ndarray], bias_masks: Sequence[np.ndarray]
    ) -> Mask:
        """The mask of a stack of layers with one kernel and one bias each."""
        return cls([m for pair in zip(kernel_masks, bias_masks, strict=True) for m in pair])

    def __getitem__(self, index):
        return self._arrays[index]

    def __len__(self) -> int:
        return len(self._arrays)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._arrays)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask) or self.names != other.names:
            return False
        return all(np.array_equal(a, b) for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Mask({self.kept} of {self.size} parameters kept, density {self.density:.6g})"

    @property
    def kernels(self) -> list[np.ndarray]:
        """The arrays of two or more dimensions."""
        return [array for array in self if array.ndim > 1]

    @property
    def biases(self) -> list[np.ndarray]:
        """The arrays of one dimension."""
        return [array for array in self if array.ndim == 1]

    @property
    def kept(self) -> int:
        """Number of parameters kept."""
        return sum(int(np.count_nonzero(array)) for array in self)

    @property
    def size(self) -> int:
        """Number of parameters, kept or not."""
        return sum(array.size for array in self)

    @property
    def density(self) -> float:
        """Fraction of all parameters kept, biases counted."""
        return self.kept / self.size

    @property
    def weight_density(self) -> float:
        """Fraction of the kernels' entries kept, biases not counted."""
        kernels = self.kernels
        return sum(int(np.count_nonzero(k)) for k in kernels) / sum(k.size for k in kernels)

    @property
    def densities(self) -> dict[str, float]:
        """Fraction kept in each array, by name."""
        return {name: float(array.mean()) for name, array in zip(self.names, self, strict=True)}

    @property
    def flat(self) -> np.ndarray:
        """All arrays one after the other, bool ``(size,)``."""
        return np.concatenate([array.ravel() for array in self])

    def shaped(self, flat: np.ndarray) -> Mask:
        """The mask of these shapes and names that holds ``flat``, see there.

        Example:
            >>> mask = Mask([[[1, 0]], [1, 0]])
            >>> mask.shaped(~mask.flat).kept
            2
        """
        parts = np.split(flat, np.cumsum([array.size for array in self])[:-1])
        arrays = [part.reshape(array.shape) for part, array in zip(parts, self, strict=True)]
        return Mask(arrays, self.names)

    def save(self, path: str | os.PathLike | BinaryIO) -> None:
        """Writes the arrays to an ``.npz`` file; equal masks give equal bytes."""
        np.savez_compressed(path, **dict(zip(self.names, self, strict=True)))

    @classmethod
    def load(cls, path: str | os.PathLike) -> Mask:
        """Reads what `save` wrote.

        Raises:
            ValueError: the file is no mask.
        """
        try:
            # Opened here, as NumPy leaves a broken one open.
            with open(path, "rb") as file, np.load(file) as stored:
                return cls([stored[name] for name in stored.files], stored.files)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{os.fspath(path)!r} holds no mask: {error}") from error
