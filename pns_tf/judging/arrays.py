"""Arrays in files that strangers send: named, of known shapes, and nothing else."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pns_tf.checks import InputError

HEADER = 4096  # bytes that an array in a file may take besides its values
KINDS = "biuf"  # booleans, integers and floats


def digest(array: np.ndarray) -> str:
    """SHA-256 of an array's bytes, in C order.

    Example:
        >>> digest(np.zeros(2, np.float32))[:8]
        'af5570f5'
    """
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def read_arrays(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Reads the arrays of an ``.npz`` or ``.safetensors`` file.

    Nothing is unpickled, and nothing is unpacked that is larger than the shapes allow.

    Args:
        path: the file.
        shapes: of each array that must be there; there must be no other.

    Raises:
        ValueError: the file cannot be read, or holds something else; the message names what.

    Example:
        >>> np.savez("ones.npz", kernel0=np.ones((2, 3), bool))
        >>> int(read_arrays(Path("ones.npz"), {"kernel0": (2, 3)})["kernel0"].sum())
        6
    """
    try:
        if path.suffix == ".safetensors":
            found = _of_safetensors(path, shapes)
        else:
            found = _of_npz(path, shapes)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} cannot be read: {reason}") from error
    for name, array in found.items():
        if array.dtype.kind not in KINDS:
            raise InputError(f"{path}: {name} must hold numbers, got dtype {array.dtype}")
    return found


def _of_npz(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        entries = {}
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name not in shapes:
                raise InputError(
                    f"{path} holds {info.filename!r}: expected only {_list(shapes, '.npy')}"
                )
            if name in entries:
                raise InputError(f"{path} holds {name} twice")
            entries[name] = info
        _check_names(path, entries, shapes)
        found = {}
        for name, shape in shapes.items():
            most = 8 * int(np.prod(shape, dtype=np.int64)) + HEADER
            if entries[name].file_size > most:
                raise InputError(
                    f"{path}: {name} unpacks to {entries[name].file_size:,} bytes, at most "
                    f"{most:,} make sense for shape {shape}"
                )
            with archive.open(entries[name]) as file:
                found[name] = _array(path, name, file, shape)
    return found


def _array(path: Path, name: str, file, shape: tuple[int, ...]) -> np.ndarray:
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        said, fortran, dtype = read(file)
    except (ValueError, KeyError) as error:
        raise InputError(f"{path}: {name} is no array: {str(error).splitlines()[0]}") from error
    if dtype.hasobject:
        raise InputError(f"{path}: {name} is pickled: save arrays of numbers")
    if said != shape:
        raise InputError(f"{path}: {name} must have shape {shape}, got {said}")
    size = int(np.prod(shape, dtype=np.int64))
    content = file.read(size * dtype.itemsize)
    if len(content) != size * dtype.itemsize:
        raise InputError(f"{path}: {name} ends before its last value")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _of_safetensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="np") as file:
            names = list(file.keys())
            odd = [name for name in names if name not in shapes]
            if odd:
                raise InputError(f"{path} holds {odd[0]!r}: expected only {_list(shapes)}")
            _check_names(path, names, shapes)
            for name, shape in shapes.items():
                said = tuple(file.get_slice(name).get_shape())
                if said != shape:
                    raise InputError(f"{path}: {name} must have shape {shape}, got {said}")
            return {name: file.get_tensor(name) for name in shapes}
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _check_names(path: Path, names, shapes: Mapping[str, tuple[int, ...]]) -> None:
    missing = [name for name in shapes if name not in names]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}")


def _list(shapes: Mapping[str, tuple[int, ...]], ending: str = "") -> str:
    names = [f"{name}{ending}" for name in shapes]
    return ", ".join(names if len(names) < 7 else [*names[:3], "…", names[-1]])
