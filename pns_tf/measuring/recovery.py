"""How much of the planted ticket a found mask contains, and what is left of the network."""

from __future__ import annotations

import numpy as np

from pns_tf.hosts.paths import effective_mask, flow_collapsed
from pns_tf.masks import Mask


def overlap(planted: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Precision, recall, F1 and Jaccard index of a found mask against the planted one.

    All are 1 if both masks are empty; a ratio with an empty denominator is 0 otherwise.
    """
    both = int(np.count_nonzero(planted & found))
    n_planted, n_found = int(np.count_nonzero(planted)), int(np.count_nonzero(found))
    if n_planted == n_found == 0:
        return {"precision": 1.0, "recall": 1.0, "f1": 1.0, "jaccard": 1.0}
    return {
        "precision": both / max(n_found, 1),
        "recall": both / max(n_planted, 1),
        "f1": 2 * both / (n_planted + n_found),
        "jaccard": both / (n_planted + n_found - both),
    }


def mask_metrics(planted: Mask | None, found: Mask) -> dict[str, float]:
    """Densities, collapse and recovery of a found ticket, overall and per layer, as a flat dict.

    Args:
        planted: where the planted ticket lies; ``None`` if nothing is planted.
        found: the pruner's ticket, of the same shapes.

    Returns:
        ``density_kept`` and ``effective_density`` (on input–output paths) of all parameters;
        ``layer_collapse`` and ``flow_collapse`` as 0 or 1; ``precision``, ``recall``, ``f1`` and
        ``jaccard``; and ``density_layer0``, ``recall_layer0``, … of each layer's kernel and bias.
        Without a planted ticket, densities and collapse only.
    """
    metrics = {
        "density_kept": found.density,
        "effective_density": effective_mask(found).kept / found.size,
        "layer_collapse": float(not all(kernel.any() for kernel in found.kernels)),
        "flow_collapse": float(flow_collapsed(found)),
    }
    if planted is not None:
        metrics |= overlap(_flat(planted), _flat(found))
    for layer in range(len(found.kernels)):
        part = slice(2 * layer, 2 * layer + 2)
        found_part = _flat(found[part])
        metrics[f"density_layer{layer}"] = float(found_part.mean())
        if planted is not None:
            for name, value in overlap(_flat(planted[part]), found_part).items():
                metrics[f"{name}_layer{layer}"] = value
    return metrics


def _flat(arrays) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays])
