"""What a pruner found: masks, parameters, and how good they are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tf_keras as keras

from pns_tf.hosts.models import same_architecture
from pns_tf.masks import Mask
from pns_tf.notebook import as_html, as_line, rounded
from pns_tf.planting.planted import Planted
from pns_tf.pruners.result import SearchResult
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.kinds import Kind


@dataclass(frozen=True, eq=False, repr=False)
class FoundTicket:
    """What a pruner found.

    Attributes:
        masks: the found ticket, in the order kernel, bias of each layer.
        metrics: flat dict of numbers: ``best_constant`` (the test metric of the best predictor that
            ignores its input), ``before`` pruning, ``strong`` (pruned, not trained) and
            ``final`` (trained) test metric, ``planted`` that of the planted ticket, if there is
            one, and those of `pns_tf.measuring.recovery.mask_metrics`. ``before``, ``strong`` and
            ``planted`` are taken after one positive scale per output, fitted on training data;
            ``strong_unscaled`` without it. Where the data have a validation set, ``validation``,
            ``validation_strong`` and ``validation_planted`` are ``final``, ``strong`` and
            ``planted`` on that: to choose by, where the test set is only to say how good the
            choice is.
        history: mean loss of each epoch, those of the search first.
        validation: accuracy on the held-out images after each epoch of the final training; empty
            where the data holds none out.
        seconds: time spent on pruning and on training.
        kind: of the task.
        host: a model of the host's architecture, with other weights.
        weights: of the ticket after training, as ``model.get_weights()`` gives them.
        initial_weights: of the ticket before training.
        scales: the strong ticket's outputs are to be divided by them, ``(outputs,)``.
        final_scales: those that ``final`` is taken after: the trained ticket's outputs are to be
            divided by them; ``None`` for classification, where it is taken of the outputs as
            they are, and where there is no ``final``.
        search: what the pruner returned.
        settings: how it was sought.
        planted: where it was sought; ``None`` if nothing is planted there, or that is not known.
        augmented: whether training mirrored and shifted images.
        stream: where the random numbers stood when the final training began, if the search had
            drawn some of them: with it the same mask can be trained alike by others.
    """

    masks: Mask
    metrics: dict[str, float]
    history: list[float]
    validation: list[float]
    seconds: dict[str, float]
    kind: Kind
    host: keras.Model
    weights: list[np.ndarray]
    initial_weights: list[np.ndarray]
    scales: np.ndarray
    search: SearchResult
    settings: SeekSettings
    planted: Planted | None = None
    augmented: bool = False
    stream: Mapping | None = None
    final_scales: np.ndarray | None = None

    def __repr__(self) -> str:
        return as_line("FoundTicket", self._facts)

    def _repr_html_(self) -> str:
        return as_html("Found ticket", self._facts)

    @property
    def _facts(self) -> dict[str, object]:
        shown = ("planted", "best_constant", "before", "strong", "final", "recall")
        return {
            "pruner": self.settings.pruner,
            "kept": self.masks.kept,
            "density": rounded(self.masks.density),
            "metric": self.kind.metric,
            **{name: rounded(self.metrics[name]) for name in shown if name in self.metrics},
        }

    def save(self, path: Path | str, *, tflite: bool = False, overwrite: bool = False) -> dict:
        """Writes all that the command ``seek`` leaves behind; `pns_tf.load_found` reads it.

        Args:
            path: the new folder.
            tflite: also write the trained ticket as a TFLite file.
            overwrite: replace what is there.

        Returns:
            The record, as in its ``ticket.json``.

        Raises:
            ValueError: ``path`` exists or cannot be written.

        Example:
            >>> found = pns_tf.seek(pns_tf.plant("circle"), "snip", density=0.1)
            >>> record = found.save("found/circle")
            >>> pns_tf.load_found("found/circle").masks == found.masks
            True
        """
        from pns_tf.saving.found_run import write_found  # which needs what is defined here

        return write_found(
            self,
            self.planted,
            self.settings,
            Path(path),
            planted_in=None,
            augmented=self.augmented,
            tflite=tflite,
            overwrite=overwrite,
        )

    @property
    def curves(self) -> dict[str, list[float]]:
        """What there is of ``loss/search``, ``loss/training`` and ``accuracy/validation``.

        One value for each epoch; where the search trains the ticket itself, all is training.
        """
        searched = len(self.search.history) if self.search.weights is None else 0
        curves = {
            "loss/search": self.history[:searched],
            "loss/training": self.history[searched:],
            "accuracy/validation": self.validation,
        }
        return {name: [float(v) for v in values] for name, values in curves.items() if values}

    @functools.cached_property
    def model(self) -> keras.Model:
        """The ticket after training: a host model with the found pruning masks."""
        return self._build("found", self.weights)

    @functools.cached_property
    def pruned(self) -> keras.Model:
        """The ticket before training: the host's own parameters under the found masks."""
        return self._build("pruned", self.initial_weights)

    def _build(self, name: str, weights: list[np.ndarray]) -> keras.Model:
        model = same_architecture(self.host, name)
        model.set_weights(weights)
        return model
