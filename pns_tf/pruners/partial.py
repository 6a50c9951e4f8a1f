"""Searches in wide hosts are made in a part of them: a ticket of the part is one of the host."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tf_keras as keras

from pns_tf.hosts.compaction import cut
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.kernels import neuron_counts
from pns_tf.hosts.models import masked_layers, set_masks
from pns_tf.pruners.result import SearchResult
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.task import Data
from pns_tf.training.loop import Loop

ROOM = 10  # times the parameters of the ticket are to be in the part, or it gets wider


def search_in_part(
    find: Callable[[keras.Model, Data, SeekSettings, Loop], SearchResult],
    widest: int,
    model: keras.Model,
    data: Data,
    settings: SeekSettings,
    loop: Loop,
) -> SearchResult:
    """Searches among random neurons of layers that are wider than ``widest``.

    A search costs as much as its network has parameters, but a sparse ticket needs few neurons to
    choose from. A host without layers so wide, or with branches, is searched as it is, and so is
    any other model.

    Args:
        find: as `pns_tf.pruners.base.Pruner.find`.
        widest: neurons, or channels, of a layer that are searched; twice as many, and so on, while
            the part has fewer than `ROOM` times the parameters that the ticket keeps.
        model: a host, of which inputs and outputs are left whole, or a model wrapped by
            `pns_tf.prune`.
        data: passed on.
        settings: of the host; the part's density follows.
        loop: its ``rng`` chooses the neurons; then passed on.

    Returns:
        What the search finds, as a ticket of the host.

    Example:
        >>> def find(self, model, data, settings, loop):
        ...     return search_in_part(self._find, 100, model, data, settings, loop)
    """
    kernels = [layer.kernel.numpy() for layer in masked_layers(model)]
    if not kernels or not wiring_of(model).is_chain:
        return find(model, data, settings, loop)
    counts = neuron_counts(kernels)
    host_size = _size(kernels, counts, counts)
    count = round(settings.density * host_size)
    widths = _narrowed(counts, widest)
    while widths != counts and _size(kernels, counts, widths) < ROOM * count:
        widest *= 2
        widths = _narrowed(counts, widest)
    if widths == counts:
        return find(model, data, settings, loop)
    part = cut(
        model,
        [
            np.sort(loop.rng.choice(all_, some, replace=False)) if some < all_ else np.arange(all_)
            for all_, some in zip(counts, widths, strict=True)
        ],
    )
    size = _size(kernels, counts, widths)
    inside = dataclasses.replace(settings, density=count / size)
    result = find(part.model, data, inside, loop)
    mask = part.whole_mask(result.mask, model)
    weights = result.weights
    if weights is not None:
        part.model.set_weights(weights)
        part.put_back(model)
        set_masks(model, mask)
        weights = model.get_weights()
    return dataclasses.replace(
        result,
        mask=mask,
        weights=weights,
        densities=[density * size / host_size for density in result.densities],
    )


def _narrowed(counts: Sequence[int], widest: int) -> tuple[int, ...]:
    return (counts[0], *(min(count, widest) for count in counts[1:-1]), counts[-1])


def _size(kernels: Sequence[np.ndarray], counts: Sequence[int], widths: Sequence[int]) -> int:
    """Parameters of the part that has so many neurons in each layer."""
    size = 0
    for layer, kernel in enumerate(kernels):
        places = kernel.size // (counts[layer] * counts[layer + 1])
        size += places * widths[layer] * widths[layer + 1] + widths[layer + 1]
    return size
