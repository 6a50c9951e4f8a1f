"""Methods that train while they prune, instead of scoring parameters."""

from __future__ import annotations

from pns_tf.checks import InputError
from pns_tf.pruners.base import Pruner


class Searcher(Pruner):
    """A pruner that goes its own way to a ticket; a new one overrides `find`.

    It also overrides `total_epochs` unless its training is that of the settings, and names in
    ``heeds`` which settings it goes by.
    """

    uses_data = True
    heeds = frozenset()

    def find(self, model, data, settings, loop):
        raise InputError(f"pruner {self.name!r} finds nothing: expected one that overrides find")

    def total_epochs(self, settings):
        return settings.epochs
