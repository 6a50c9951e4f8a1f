"""A mask that is there already, as a pruner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.pruners.result import SearchResult


@dataclass
class Given(Pruner):
    """Finds the mask that it was given.

    Attributes:
        mask: that one.
        stream: state of the random numbers with which the training is to go on, ``None`` for those
            of the settings' seed.

    Example:
        >>> Given(mask=Mask([np.ones((2, 2)), np.zeros(2)])).mask
        Mask(4 of 6 parameters kept, density 0.666667)
    """

    mask: Mask | None = None
    stream: Mapping | None = None

    name = "given"
    heeds = frozenset()

    def find(self, model, data, settings, loop):
        """The mask; the training goes on with the random numbers that it had where it was found."""
        if self.stream is not None:
            loop.go_on_from(self.stream)
        assert self.mask is not None
        return SearchResult(self.mask)
