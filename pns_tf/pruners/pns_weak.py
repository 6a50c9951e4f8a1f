"""The project's own searcher for weak tickets: training, and the loss itself says what may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tf_keras as keras

from pns_tf.checks import flag, integer, number
from pns_tf.gates.hardening import filled
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.compaction import compact
from pns_tf.hosts.models import host_arrays, set_masks, set_parameters
from pns_tf.masks import Mask
from pns_tf.pruners.magnitude import Magnitude
from pns_tf.pruners.partial import search_in_part
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.pruning.thresholds import density_steps, keep_highest
from pns_tf.recipe.search import SeekSettings
from pns_tf.swaps.search import SwapSettings, swap_search
from pns_tf.tasks.task import Data, kind_of
from pns_tf.training.cosine_epoch import cosine_epoch
from pns_tf.training.epoch import compiled_epoch, train
from pns_tf.training.loop import Loop
from pns_tf.training.schedules import falling
from pns_tf.training.sparse import train_sparse

LOST = 1.5  # times the loss of the search, after training from the host's parameters
FAR = 1 / 4  # of the way, as a ratio, from a good loss to the best constant's


@dataclass
class PlantNSeekWeak(Searcher):
    """Prunes a network while it trains; first small weights, then those that the loss misses least.

    Magnitude is a good guide as long as much is left. The last parameters are chosen by what their
    removal does to the loss, measured for each of them, and swapped for better ones, with training
    after each round. In the end the ticket goes back to the host's parameters and is trained from
    there. Whether it finds its way again is not sure; therefore magnitude counts only along the
    host's signs (after Zhou et al. 2019, arXiv 1905.01067), and the parameters go back to the
    host's on the way, too. A ticket can be lost all the same: with a training loss of more than
    `LOST` times that of the search; or, as the search itself may have gone wrong, with one more
    than `FAR` of the way, as a ratio, from the lowest that was reached while magnitude pruned to
    that of the best constant. Then swaps repair it from where it has got to, or the search is made
    anew from that network, in turn, and the ticket is trained again. What has come of it is said by
    the metrics ``lost``, 1 for a ticket that is lost in the end, and ``repairs``.
    Where the host is not fully connected, magnitude goes all the way.

    Args:
        learning_rate: of Adam; in the last training it falls to zero by a cosine.
        train_batch_size: samples a step.
        magnitude_rounds: of pruning by abs(θ), with ``magnitude_epochs`` of training before each.
        magnitude_epochs: see there.
        signs: whether parameters whose sign is no longer the host's go first.
        margin: pruning by abs(θ) leaves so many times the parameters asked for, but not more than
            ``most``, or as many as are asked for.
        most: see there.
        rounds: in which the others go, with ``round_epochs`` of training after each.
        round_epochs: see there.
        swaps: made in each round at most, removals counted; so none in the first rounds, in which
            many parameters go.
        rewinds: how often parameters go back to the host's during these rounds; ``rewind_epochs``
            of training follow.
        rewind_epochs: see there.
        last_epochs: of the training from the host's parameters.
        repairs: of a ticket that is lost, at most, every other one a new search; the best ticket is
            returned.
        repair_rounds: of swaps in a repair, with ``round_epochs`` of training after each.
        widest: of wider layers so many neurons are searched, see `search_in_part`.
    """

    learning_rate: float = 3e-3
    train_batch_size: int = 128
    magnitude_rounds: int = 8
    magnitude_epochs: int = 10
    signs: bool = True
    margin: float = 10.0
    most: int = 1000
    rounds: int = 60
    round_epochs: int = 20
    swaps: int = 10
    rewinds: int = 2
    rewind_epochs: int = 100
    last_epochs: int = 1000
    repairs: int = 3
    repair_rounds: int = 15
    widest: int = 200

    name = "pns_weak"
    reference = (
        "this project; training between prunings after Renda, Frankle & Carbin 2020, "
        "arXiv 2003.02389"
    )

    def __post_init__(self):
        number(f"learning_rate of {self.name}", self.learning_rate, 0.0, low_excluded=True)
        flag(f"signs of {self.name}", self.signs)
        number(f"margin of {self.name}", self.margin, 1.0)
        for what, minimum in (
            ("train_batch_size", 1),
            ("magnitude_rounds", 1),
            ("magnitude_epochs", 1),
            ("most", 0),
            ("rounds", 1),
            ("round_epochs", 1),
            ("swaps", 0),
            ("rewinds", 0),
            ("rewind_epochs", 1),
            ("last_epochs", 1),
            ("repairs", 0),
            ("repair_rounds", 1),
            ("widest", 1),
        ):
            integer(f"{what} of {self.name}", getattr(self, what), minimum=minimum)

    def find(self, model, data, settings, loop):
        return search_in_part(self._find, self.widest, model, data, settings, loop)

    def _find(self, model, data, settings, loop) -> SearchResult:
        initial = model.get_weights()
        mask = Mask.ones_like([weight.variable for weight in prunable_weights(model)])
        count = round(settings.density * mask.size)
        eliminated = fully_connected(model)
        margin = min(round(self.margin * count), self.most, mask.size)
        margin = max(margin, count) if eliminated else count
        reached = []
        for density in density_steps(margin / mask.size, self.magnitude_rounds):
            self._train(loop, model, mask, data, self.magnitude_epochs)
            reached.append(loop.history[-1])
            if self.signs:
                model.set_weights(along_signs(model.get_weights(), initial))
            kept = round(density * mask.size)
            mask = keep_highest(Magnitude().score(model), kept, within=mask, rng=loop.rng)
            set_masks(model, mask)
        if not eliminated:
            model.set_weights(initial)
            set_masks(model, mask)
            self._train(loop, model, mask, data, self.last_epochs, cosine=True)
            return SearchResult(mask, model.get_weights(), loop.history)
        # Not that of the last round alone: its few parameters may have lost everything for a while.
        fair = fair_loss(min(reached), constant_loss(data))
        tickets, wide = [], (mask, model.get_weights())
        for attempt in range(1 + self.repairs):
            if attempt % 2:
                mask = self._repair(loop, model, mask, count, data)
            else:
                mask = wide[0]
                model.set_weights(wide[1])
                mask = self._shrink(loop, model, mask, count, data, initial)
                found = loop.history[-1]
            model.set_weights(initial)
            set_masks(model, mask)
            self._train(loop, model, mask, data, self.last_epochs, cosine=True)
            lost = loop.history[-1] > min(LOST * found, fair)
            tickets.append((loop.history[-1], lost, mask, model.get_weights()))
            if not lost:
                break
        _, lost, mask, weights = min(tickets, key=lambda ticket: ticket[0])
        measured = {"lost": float(lost), "repairs": float(len(tickets) - 1)}
        return SearchResult(mask, weights, loop.history, metrics=measured)

    def _shrink(
        self,
        loop: Loop,
        model: keras.Model,
        mask: Mask,
        count: int,
        data: Data,
        initial: list[np.ndarray],
    ) -> Mask:
        """Removes parameters round by round until ``count`` are left, with training between."""
        margin = mask.kept
        for number_, part in enumerate(density_steps(count / margin, self.rounds)):
            if number_ in self._rewound():
                model.set_weights(initial)
                set_masks(model, mask)
                self._train(loop, model, mask, data, self.rewind_epochs)
            self._train(loop, model, mask, data, self.round_epochs)
            mask = self._eliminate(model, mask, round(part * margin), data, loop)
            set_masks(model, mask)
        return filled(mask, count, loop.rng)

    def _repair(
        self,
        loop: Loop,
        model: keras.Model,
        mask: Mask,
        count: int,
        data: Data,
    ) -> Mask:
        """Swaps, with training between, where a ticket has lost its way from the host's parameters.

        It stands where training from there has led it to, so that what the swaps bring in is of use
        on that way.
        """
        for _ in range(self.repair_rounds):
            mask = self._eliminate(model, mask, count, data, loop)
            set_masks(model, mask)
            self._train(loop, model, mask, data, self.round_epochs)
        return filled(mask, count, loop.rng)

    def _train(
        self,
        loop: Loop,
        model: keras.Model,
        mask: Mask,
        data: Data,
        epochs: int,
        cosine: bool = False,
    ) -> None:
        """Trains what is left of the network."""
        rate, batch = self.learning_rate, self.train_batch_size
        if fully_connected(model):
            kernels, biases = train_sparse(
                *host_arrays(model),
                mask,
                data.x_train,
                data.y_train,
                kind_of(data),
                epochs,
                loop,
                learning_rate=rate,
                batch_size=batch,
                share=falling if cosine else None,
            )
            set_parameters(model, kernels, biases)
            return
        small = compact(model)
        if cosine:
            settings = SeekSettings(learning_rate=rate, batch_size=batch, epochs=epochs)
            epoch = cosine_epoch(small.model, data, settings)
        else:
            epoch = compiled_epoch(small.model, kind_of(data), rate, batch)
        weights, _ = train(
            epoch, small.model.get_weights(), data.x_train, data.y_train, epochs, loop
        )
        small.model.set_weights(weights)
        small.put_back(model)

    def total_epochs(self, settings):
        """Without repairs, which only tickets need that have lost their way."""
        search = self.magnitude_rounds * self.magnitude_epochs + self.rounds * self.round_epochs
        return search + self.rewind_epochs * len(self._rewound()) + self.last_epochs

    def _rewound(self) -> set[int]:
        """The rounds that begin with the host's parameters."""
        return {self.rounds * part // (self.rewinds + 1) for part in range(1, self.rewinds + 1)}

    def _eliminate(
        self, model: keras.Model, mask: Mask, count: int, data: Data, loop: Loop
    ) -> Mask:
        """Drops what the loss misses least, then swaps."""
        smaller, _ = swap_search(
            *host_arrays(model),
            mask,
            count,
            data.x_train.astype(np.float32),
            data.y_train,
            kind_of(data),
            SwapSettings(rounds=1, screen=400, swaps=self.swaps),
            Loop(loop.rng),  # its rounds are no epochs
            scales=np.ones(model.output_shape[-1]),  # they have been trained along
        )
        return smaller


def along_signs(weights: Sequence[np.ndarray], initial: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weights, zero where their sign is the opposite of the initial one.

    Example:
        >>> along_signs([np.array([2.0, -2.0, 2.0])], [np.array([1.0, 1.0, 0.0])])
        [array([2., 0., 2.])]
    """
    pairs = zip(weights, initial, strict=True)
    return [np.where(value * first < 0, np.zeros_like(value), value) for value, first in pairs]


def fair_loss(reached: float, constant: float) -> float:
    """The loss above which a ticket is lost, whatever its search has come to.

    Args:
        reached: a good loss of the same network, when it had more parameters.
        constant: that of the best constant outputs.

    Returns:
        What lies `FAR` of the way from the one to the other, as a ratio: reached^¾ constant^¼.

    Example:
        >>> round(fair_loss(0.1, 1.28), 3)  # circle, whose good tickets have 0.08 to 0.15
        0.189
    """
    return reached ** (1 - FAR) * constant**FAR


def constant_loss(data: Data) -> float:
    """The training loss of the best constant outputs: entropy of the classes, or mean variance.

    Example:
        >>> x, y = np.zeros((4, 1)), np.array([0, 1, 1, 0])
        >>> round(constant_loss(tasks.Data(x, y, x, y)), 3)  # log 2
        0.693
    """
    if kind_of(data).discrete:
        shares = np.unique(data.y_train, return_counts=True)[1] / len(data.y_train)
        return float(-np.sum(shares * np.log(shares)))
    return float(np.mean(np.var(data.y_train, axis=0)))
