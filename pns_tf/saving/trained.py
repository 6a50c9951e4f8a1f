"""The trained parameters of a found ticket on disk, to be planted elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.models import (
    masked_arrays,
    masked_layers,
    norm_arrays,
    norm_layers,
    set_masks,
    set_norms,
    set_parameters,
)
from pns_tf.masks import Mask
from pns_tf.recipe.hosts import host_of_record
from pns_tf.saving.storage import MASKS, read_found_record

TRAINED = "trained.npz"
PRUNED = "pruned.npz"  # the same before training
ARCHITECTURE = "architecture.json"  # of the host, as Keras reads it


def save_trained(model: keras.Model, path: Path) -> None:
    """Writes the parameters of a masked model, zeros where they are pruned, to an ``.npz`` file.

    Those of batch normalisation are ``norm0``, … with rows γ, β, moving mean and moving variance.
    """
    kernels, biases = masked_arrays(model)
    arrays: dict[str, Any] = {f"kernel{i}": kernel for i, kernel in enumerate(kernels)}
    arrays |= {f"bias{i}": bias for i, bias in enumerate(biases)}
    arrays |= {f"norm{i}": np.stack(norm) for i, norm in enumerate(norm_arrays(model))}
    np.savez_compressed(path, **arrays)


def read_parameters(model: keras.Model, path: Path) -> None:
    """Gives a host the parameters that `save_trained` wrote.

    Raises:
        OSError, KeyError, ValueError: the file cannot be read, or is of another network.
    """
    with np.load(path) as stored:
        layers = range(len(masked_layers(model)))
        kernels = [stored[f"kernel{layer}"] for layer in layers]
        set_parameters(model, kernels, [stored[f"bias{layer}"] for layer in layers])
        set_norms(model, [[*stored[f"norm{i}"]] for i in range(len(norm_layers(model)))])


def load_trained(folder: Path | str) -> keras.Model:
    """The trained ticket that ``seek --host`` wrote, in its full size, with its masks.

    Raises:
        ValueError: the folder holds none.
    """
    folder = Path(folder)
    model = host_of_record(read_found_record(folder)).build()
    try:
        masks = Mask.load(folder / MASKS)
        read_parameters(model, folder / TRAINED)
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no trained ticket: {error}") from error
    set_masks(model, masks)
    return model
