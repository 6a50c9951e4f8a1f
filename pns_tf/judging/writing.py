"""Writes instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pns_tf.judging.instance import ABOUT, DATA, HOST, JUDGE, Instance
from pns_tf.judging.rebuilding import readme
from pns_tf.planting.planted import Planted
from pns_tf.saving.storage import new_folder, write_json

ANSWERS = "planted_masks.npz"


def write_instance(
    instance: Instance,
    recipe: dict,
    path: Path,
    *,
    answers: Planted | None = None,
    overwrite: bool = False,
) -> None:
    """Writes an instance to ``path``, whole or not at all.

    Args:
        instance: see `instance_of`.
        recipe: from which the judge makes host, ticket and test data again.
        path: the new folder.
        answers: also write the planted mask, which is then no secret any more.
        overwrite: replace what is there.

    Raises:
        ValueError: ``path`` exists or cannot be written.
    """
    from safetensors.numpy import save_file

    with new_folder(path, overwrite, holds=ABOUT) as folder:
        data = {"x_train": instance.x_train, "y_train": instance.y_train}
        for name, arrays in ((HOST, instance.host), (DATA, data)):
            np.savez_compressed(folder / name, **arrays)  # type: ignore[arg-type]
            whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
            save_file(whole, folder / Path(name).with_suffix(".safetensors"))
        write_json(folder / ABOUT, dict(instance.about))
        write_json(folder / JUDGE, recipe)
        (folder / "README.md").write_text(readme(instance), encoding="utf-8")
        if answers is not None:
            answers.planted_masks.save(folder / ANSWERS)
