"""Hosts in which a ticket is constructed, for whatever runs searches in planted ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf import tasks
from pns_tf.hosts.fully_connected import FullyConnected
from pns_tf.recipe.constructing import Constructing

if TYPE_CHECKING:
    from pns_tf.masks import Mask
    from pns_tf.planting.planted import Planted
    from pns_tf.recipe.planting import Planting


@dataclass(frozen=True)
class Untouched(FullyConnected):
    """A fully connected host that is left as it was drawn; its ticket is a mask alone.

    The task's target is one layer less deep than the host. How large the ticket is shows only when
    it is constructed, and is another for each seed.

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> Untouched("circle", depth=6, width=200).title(seed=0)
        'circle-d6-w200-s0-constructed'
    """

    @property
    def name(self) -> str:
        """Of the network: where this class is."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @property
    def baseline(self) -> float:
        """Weights of the target / host weights; the ticket has several times as many."""
        target = tasks.get(self.task).target(self.depth - 1)
        return target.nonzero_weights / self.weights

    def title(self, seed: int) -> str:
        """First words of a folder's name."""
        return f"{super().title(seed)}-constructed"

    @property
    def settings(self) -> dict[str, object]:
        """All settings, and what tells this host from one that is planted in."""
        return {"plan": self.name, **super().settings}

    def check_buildable(self) -> None:
        """Raises ``InputError`` if there can be no such network, or none that has the ticket."""
        super().check_buildable()
        self.recipe(seed=0)

    def recipe(self, seed: int) -> Constructing:
        """How the ticket of one seed is constructed."""
        return Constructing(
            self.task,
            self.depth - 1,
            host_depth=self.depth,
            width=self.width,
            init=self.init,
            seed=seed,
        )

    def planted_mask(self, planting: Planting) -> Mask:
        """The ticket; it takes as long as `plant`."""
        return self.plant(planting).planted_masks

    def plant(self, planting: Planting) -> Planted:
        """The host and the ticket in it; nothing is planted.

        Raises:
            ValueError: the host is too narrow for the ticket.
        """
        from pns_tf.constructing.instances import constructed_of

        return constructed_of(self.recipe(planting.seed))
