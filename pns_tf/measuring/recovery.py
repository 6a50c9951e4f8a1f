"""How much of the planted ticket a found mask contains, and what is left of the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pns_tf.hosts.paths import effective_mask, flow_collapsed, live_part
from pns_tf.hosts.wiring import Wiring
from pns_tf.masks import Mask
from pns_tf.measuring.equivalence import masked, shared_parameters


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


def equivalent_recall(
    planted: Mask, found: Mask, kernels: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> float:
    """How much of the planted ticket is in the found one, wherever its hidden neurons are.

    Recall is positional: a found ticket that computes the same with other neurons counts 0. Here
    hidden neurons may change places, and have positive scales, see
    `pns_tf.measuring.equivalence.shared_parameters`. It is at least the recall, and 1
    if the planted ticket computes nothing. Chance gives more
    than 0, as a neuron with one incoming weight is like any other with one of the same sign.

    Args:
        planted: where the planted ticket lies, in the order kernel, bias of each layer.
        found: the pruner's ticket, of the same shapes.
        kernels: the host's, ``(fan_in, fan_out)`` for each layer.
        biases: the host's, ``(fan_out,)`` for each layer.

    Example:
        >>> planted = Mask([[[1, 0]], [0, 0], [[1], [0]], [0]])
        >>> found = Mask([[[0, 1]], [0, 0], [[0], [1]], [0]])
        >>> kernels, biases = [np.array([[2.0, 3.0]]), np.ones((2, 1))], [np.ones(2), np.ones(1)]
        >>> equivalent_recall(planted, found, kernels, biases)
        1.0
    """
    # What is zero, or leads nowhere, is no part of what the ticket computes.
    network = masked(kernels, biases, live_part(planted))
    other = masked(kernels, biases, found)
    size = sum(np.count_nonzero(array) for layer in network for array in layer)
    recall = overlap(_flat(planted), _flat(found))["recall"]
    return float(max(shared_parameters(network, other) / size, recall)) if size else 1.0


def mask_metrics(
    planted: Mask | None,
    found: Mask,
    host: tuple[Sequence[np.ndarray], Sequence[np.ndarray]] | None = None,
    wiring: Wiring | None = None,
) -> dict[str, float]:
    """Densities, collapse and recovery of a found ticket, overall and per layer, as a flat dict.

    Args:
        planted: where the planted ticket lies; ``None`` if nothing is planted.
        found: the pruner's ticket, of the same shapes.
        host: kernels and biases of a fully connected host, for `equivalent_recall`.
        wiring: how the layers are joined; without it, they are a chain.

    Returns:
        ``density_kept``, ``effective_density`` (on input–output paths) and ``live_density`` (those
        of constant neurons that move outputs, too) of all parameters; ``layer_collapse`` and
        ``flow_collapse`` as 0 or 1; ``precision``, ``recall``, ``f1`` and ``jaccard``, and with the
        host ``recall_equivalent``; and ``density_layer0``, ``recall_layer0``, … of each layer's
        kernel and bias.
        Without a planted ticket, densities and collapse only.
    """
    metrics = {
        "density_kept": found.density,
        "effective_density": effective_mask(found, wiring).kept / found.size,
        "live_density": live_part(found, wiring).kept / found.size,
        "layer_collapse": float(not all(kernel.any() for kernel in found.kernels)),
        "flow_collapse": float(flow_collapsed(found, wiring)),
    }
    if planted is not None:
        metrics |= overlap(_flat(planted), _flat(found))
        if host is not None:
            metrics["recall_equivalent"] = equivalent_recall(planted, found, *host)
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
