"""Constructed tickets of recipes, for whatever takes planted hosts."""

from __future__ import annotations

from collections.abc import Callable

from pns_tf.constructing.constructed import Constructed, construct
from pns_tf.recipe.constructing import Constructing


def constructed_of(
    recipe: Constructing, watch: Callable[[int], object] = lambda kept: None
) -> Constructed:
    """The host and its ticket; stands where a planted host does, as in an instance.

    Args:
        recipe: decides everything.
        watch: called with the number of parameters after each try to shrink the ticket.

    Example:
        >>> made = constructed_of(Constructing("relu", depth=3, width=30))
        >>> made.host.count_params() > made.planted_masks.kept
        True
    """
    return construct(
        recipe.task,
        recipe.depth,
        recipe.width,
        recipe.seed,
        host_depth=recipe.host_depth,
        init=recipe.init,
        copies=recipe.copies,
        largest_subset=recipe.largest_subset,
        tolerance=recipe.tolerance,
        shrink=recipe.shrink,
        samples=recipe.samples,
        watch=watch,
    )
