"""A found ticket read back from its folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.found_ticket import FoundTicket
from pns_tf.hosts.models import same_architecture, set_masks
from pns_tf.masks import Mask
from pns_tf.pruners.popup import HEADS
from pns_tf.pruners.result import SearchResult
from pns_tf.recipe.records import from_record
from pns_tf.recipe.search import SeekSettings
from pns_tf.saving.storage import MASKS, read_sought_record
from pns_tf.saving.trained import ARCHITECTURE, PRUNED, TRAINED, read_parameters
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION


def load_found(folder: Path | str) -> FoundTicket:
    """Reads back what ``seek``, or `FoundTicket.save`, has written.

    Its ``model`` can be compiled and trained further, like any of Keras: what is pruned stays so.
    What was planted is not read; `pns_tf.load_planted` reads it from where it lies.

    Raises:
        ValueError: the folder holds no found ticket, or one that an earlier version wrote.

    Example:
        >>> planted = pns_tf.plant("relu", depth=3, width=20)
        >>> found = pns_tf.seek(planted, "snip", 0.5, epochs=1, samples=100)
        >>> record = found.save("found/relu")
        >>> load_found("found/relu").masks == found.masks
        True
    """
    folder = Path(folder)
    record = read_sought_record(folder)
    try:
        masks = Mask.load(folder / MASKS)
        text = (folder / ARCHITECTURE).read_text(encoding="utf-8")
        host = same_architecture(keras.models.model_from_json(text), "host")
        weights, initial = (_weights(host, folder / name, masks) for name in (TRAINED, PRUNED))
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{folder} holds no found ticket that can be read: {error}") from error
    final = record.get("final_scales")
    return FoundTicket(
        masks=masks,
        metrics={name: math.nan if x is None else x for name, x in record["metrics"].items()},
        history=record["history"],
        validation=record["validation"],
        seconds=record["seconds"],
        kind=CLASSIFICATION if record["metric"] == CLASSIFICATION.metric else REGRESSION,
        host=host,
        weights=weights,
        initial_weights=initial,
        scales=_scales(record["scales"]),
        search=SearchResult(
            masks,
            weights=weights if record.get("trained_by_search") else None,
            history=record["history"][: record.get("search_epochs", 0)],
            head=HEADS[record.get("head", "none")],
        ),
        settings=from_record(SeekSettings, record),
        augmented=record["augmented"],
        stream=record.get("stream"),
        final_scales=None if final is None else _scales(final),
    )


def _scales(written: Sequence[float | None]) -> np.ndarray:
    """Those of a record, where JSON has no infinity."""
    return np.array([math.inf if scale is None else scale for scale in written])


def _weights(host: keras.Model, path: Path, masks: Mask) -> list[np.ndarray]:
    """Those of a model with the parameters of an ``.npz`` file and the masks."""
    model = same_architecture(host, "found")
    read_parameters(model, path)
    set_masks(model, masks)
    return model.get_weights()
