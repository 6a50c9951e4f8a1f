"""A mask that is there already, as a pruner."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.result import SearchResult


@dataclass
class Given(Pruner):
    """Finds the mask that it was given.

    Attributes:
        mask: that one.

    Example:
        >>> found = pns_tf.seek(planted, Given(mask=planted.planted_masks), density=0.5)
        >>> found.metrics["recall"]
        1.0
    """

    mask: Mask | None = None

    name = "given"
    heeds = frozenset()

    def find(self, model, data, settings, loop):
        """The mask."""
        assert self.mask is not None
        return SearchResult(self.mask)
