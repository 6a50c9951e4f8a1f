"""A search through the data once: gates learn, weights stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.gates.losses import TO_TEACHER, balanced_pressure, normalised
from pns_tf.gates.relaxations import NOISES, RELAXATIONS, capacity_threshold
from pns_tf.hosts.forward import forward
from pns_tf.masks import Mask
from pns_tf.pruning.prunable import prunable_weights
from pns_tf.tasks.kinds import Kind, kind_named
from pns_tf.training.compiled import Epoch, compiled
from pns_tf.training.losses import LOSSES


@dataclass(frozen=True)
class GateSettings:
    """What an epoch of gate training is compiled for.

    Attributes:
        kind: of the task, or its name.
        relaxation: of the gates, one of `RELAXATIONS`.
        batch_size: samples a step.
        density: what drives the gates to close: a "penalty", pressure × mean openness; "balance",
            a penalty whose gradient is kept as long as that of the loss; or "capacity", gates
            that add up to the wanted number by construction ("sigmoid" only).
        teacher: compare outputs with those of the whole network instead of with labels: reverse
            Kullback–Leibler divergence, for regression the squared distance.
        scaled: learn one positive factor for each output along with the gates.
        normalised: divide outputs by their root mean square over the batch. In a deep network they
            shrink and grow by many orders of magnitude with the gates of all layers.
    """

    kind: Kind
    relaxation: str = "sigmoid"
    batch_size: int = 128
    density: str = "penalty"
    teacher: bool = False
    scaled: bool = True
    normalised: bool = False

    def __post_init__(self):
        object.__setattr__(self, "kind", kind_named(self.kind))


@dataclass(frozen=True)
class Controls:
    """The numbers that may change from epoch to epoch.

    Attributes:
        sharpness: β; the larger, the closer gates are to 0 and 1.
        pressure: what the mean openness is multiplied by in the loss.
        density: fraction of the parameters that is wanted open, for "balance" and "capacity".
        learning_rate: of Adam.
    """

    sharpness: float = 1.0
    pressure: float = 0.0
    density: float = 1.0
    learning_rate: float = 0.02


class GateEpoch(Epoch):
    """One epoch of gate training on a model whose layers carry masks.

    Every weight and bias θ has a score; the model computes with θ ⊙ gate(score). Only scores,
    output scales and masks change.

    Args:
        model: any functional model with mask variables of its own, such as a host.
        settings: see `GateSettings`.

    Attributes:
        scores: one variable for each prunable weight.
        openness: mean openness of all gates after the epoch that was run last.
    """

    def __init__(self, model: keras.Model, settings: GateSettings):
        if tf.distribute.has_strategy():
            raise InputError("gates are trained on one device, without a strategy")
        self.settings = settings
        weights = prunable_weights(model)
        unmasked = [weight.name for weight in weights if weight.mask is None]
        if unmasked:
            raise InputError(
                f"gates need a mask for every weight, got none for {', '.join(unmasked)}: "
                "expected a host or a model wrapped by pns_tf.prune"
            )
        self._relaxation = RELAXATIONS[settings.relaxation]
        self._masks = [weight.mask for weight in weights if weight.mask is not None]
        self.scores = [tf.Variable(tf.zeros(mask.shape)) for mask in self._masks]
        self._alive = [tf.Variable(tf.ones(mask.shape)) for mask in self._masks]
        self._log_scales = tf.Variable(tf.zeros(model.output_shape[-1]))
        self._threshold = tf.Variable(0.0)  # of the step before, for "capacity"
        self.size = sum(int(np.prod(mask.shape)) for mask in self._masks)
        self._variables = [*self.scores, self._log_scales]
        super().__init__(model, keras.optimizers.Adam(0.02), self._variables, settings.batch_size)

    @property
    def state(self) -> list[tf.Variable]:
        """Everything that is left of an epoch."""
        return [*self._variables, *self._alive, self._threshold, *self._optimizer.variables]

    def start(self, scores: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray) -> None:
        """Sets the scores, sizes the outputs like the labels, and forgets momenta.

        Args:
            scores: one array for each prunable weight.
            x, y: samples from which the first output scales are taken.
        """
        self.reset_optimizer()
        for score, alive, value in zip(self.scores, self._alive, scores, strict=True):
            score.assign(value)
            alive.assign(tf.ones_like(alive))
        self._threshold.assign(0.0)
        wanted = self.settings.kind.output_size(y)
        if self.settings.density == "capacity":
            # Outputs that begin small, sized as if all gates were open, lead to better gates.
            self.use_masks([np.ones(score.shape) for score in scores])
        else:
            self.use_gates(Controls())
        if self.settings.normalised:
            # Their spread is small in a deep network: let it grow from there.
            size = np.ones(self._log_scales.shape)
        else:
            size = np.std(forward(self.model)(x[:1000]), axis=0)
        scales = np.divide(wanted, size, out=np.ones_like(size), where=size > 0)
        self._log_scales.assign(np.log(scales) if self.settings.scaled else np.zeros_like(scales))

    def freeze(self, alive: Sequence[np.ndarray]) -> None:
        """Closes the gates of all other parameters for good."""
        for variable, array in zip(self._alive, alive, strict=True):
            variable.assign(tf.cast(array, tf.float32))

    def ranking(self) -> list[np.ndarray]:
        """The scores; those of parameters whose gates are closed for good come last."""
        return [
            np.where(alive.numpy() > 0, score.numpy(), -np.inf)
            for score, alive in zip(self.scores, self._alive, strict=True)
        ]

    def opened(self) -> Mask:
        """The gates that `use_gates` has set, as far as they are more open than closed."""
        return Mask([mask.numpy() > 0.5 for mask in self._masks])

    def use_masks(self, masks: Sequence[np.ndarray]) -> None:
        """Sets the model's masks."""
        for variable, mask in zip(self._masks, masks, strict=True):
            variable.assign(tf.cast(mask, tf.float32))

    def masks(self) -> list[np.ndarray]:
        """The model's masks, or gates, as they are."""
        return [mask.numpy() for mask in self._masks]

    def network(self, masks: Sequence[np.ndarray]) -> Callable[[np.ndarray], tf.Tensor]:
        """The model with these masks, to be judged before another search uses it.

        Args:
            masks: 0 and 1, or gates between.
        """
        compute = forward(self.model)

        def outputs(x: np.ndarray) -> tf.Tensor:
            self.use_masks(masks)
            return compute(x)

        return outputs

    def use_gates(self, controls: Controls) -> None:
        """Sets the model's masks to the gates without noise."""
        scores = self._centred(controls.sharpness, controls.density * self.size)
        self.use_masks(
            [
                self._relaxation.gates(score, controls.sharpness, 0.0) * alive
                for score, alive in zip(scores, self._alive, strict=True)
            ]
        )

    def __call__(
        self, x: np.ndarray, y: np.ndarray, order: np.ndarray, controls: Controls, seed: int = 0
    ) -> float:
        """Searches through the samples once; returns the mean loss, without the penalty.

        Args:
            x: samples ``(n, …)``.
            y: labels.
            order: permutation of the samples.
            controls: see `Controls`.
            seed: of the noise on the gates.
        """
        self._optimizer.learning_rate.assign(controls.learning_rate)
        numbers = [
            tf.constant(number, tf.float32)
            for number in (controls.sharpness, controls.pressure, controls.density)
        ]
        loss = float(self._run(x, y, order, *numbers, tf.constant(seed)))
        scores = self._centred(numbers[0], numbers[2] * self.size)
        self.openness = float(self._openness(scores, numbers[0]))
        return loss

    def _step(self, x, y, sharpness, pressure, density, seed):
        if self.settings.teacher:
            y = self._teacher_outputs(x)
        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as gate_tape:
            gate_tape.watch(self.scores)
            scores = self._centred(sharpness, density * self.size)
            gates = self._gates(scores, sharpness, seed)
            openness = self._openness(scores, sharpness)
        for mask, gate in zip(self._masks, gates, strict=True):
            mask.assign(gate)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([*self._masks, self._log_scales])
            outputs = self.model(x, training=False)
            if self.settings.normalised:
                outputs = normalised(outputs)
            loss = self._loss(y, outputs * tf.exp(self._log_scales))
        *by_mask, by_scale = tape.gradient(loss, [*self._masks, self._log_scales])
        slopes = gate_tape.gradient(gates, self.scores, output_gradients=by_mask)
        if self.settings.density != "capacity":
            closing = gate_tape.gradient(openness, self.scores)
            if self.settings.density == "balance":
                pressure = balanced_pressure(slopes, closing, openness, density)
            slopes = [s + pressure * c for s, c in zip(slopes, closing, strict=True)]
        self._optimizer.apply_gradients(
            zip([*slopes, by_scale * self.settings.scaled], self._variables, strict=True)
        )
        limit = self._relaxation.limit
        for score in self.scores if limit < np.inf else ():
            score.assign(tf.clip_by_value(score, -limit, limit))
        return loss

    def _gates(self, scores, sharpness, seed):
        gates = []
        for number, (score, alive) in enumerate(zip(scores, self._alive, strict=True)):
            place = tf.stack([seed * 1000 + number, tf.cast(self._optimizer.iterations, tf.int32)])
            noise = NOISES[self._relaxation.noise](score.shape, place)
            gates.append(self._relaxation.gates(score, sharpness, noise) * alive)
        return gates

    def _centred(self, sharpness, count):
        """The scores, for "capacity" less the threshold at which as many gates are open."""
        scores = [tf.convert_to_tensor(score) for score in self.scores]
        if self.settings.density != "capacity":
            return scores
        threshold = capacity_threshold(scores, sharpness, count, self._threshold)
        self._threshold.assign(threshold)
        return [score - threshold for score in scores]

    def _openness(self, scores, sharpness):
        """Mean over all parameters."""
        return tf.add_n(
            tf.reduce_sum(self._relaxation.openness(score, sharpness) * alive)
            for score, alive in zip(scores, self._alive, strict=True)
        ) / float(self.size)

    def _teacher_outputs(self, x):
        for mask in self._masks:
            mask.assign(tf.ones_like(mask))
        return self.model(x, training=False)

    def _loss(self, y, outputs):
        if self.settings.teacher:
            return TO_TEACHER[self.settings.kind](outputs, y)
        return LOSSES[self.settings.kind](y, outputs)


def gate_epoch(model: keras.Model, settings: GateSettings) -> GateEpoch:
    """The compiled epoch for models of this architecture, with this model's weights.

    Args:
        model: a host, or any model whose prunable weights have masks that it computes with.
        settings: see `GateSettings`.

    Returns:
        A `GateEpoch` around a model of its own, compiled once per process.

    Raises:
        ValueError: a prunable weight has no mask.
    """
    epoch = compiled(GateEpoch, model, settings)
    epoch.model.set_weights(model.get_weights())
    return epoch
