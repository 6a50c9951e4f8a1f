"""TF-MOT's pruning wrapper, with masks that come from a callback instead of magnitudes."""

from __future__ import annotations

import inspect

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.keras.utils import smart_cond
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl import Pruning
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import (
    PruneLowMagnitude,
    collect_prunable_layers,
)

from pns_tf.checks import InputError
from pns_tf.pruning.prunable import layer_weights, owner_of, weight_name


@keras.utils.register_keras_serializable(package="pns_tf")
class PruneBySaliency(PruneLowMagnitude):
    """Wraps a layer so that its weights can be pruned by any pruner.

    `pns_tf.prune` puts it around the layers of a model, and the callback `UpdateMasks` sets its
    masks; TF-MOT's tools treat it like their own wrapper.

    Args:
        layer: a layer that TF-MOT knows, or one with ``get_prunable_weights``.
        pruning_schedule: TF-MOT's ``PruningSchedule``.
        biases: prune the bias of a stock layer too.
        keep_pruned_weights: compute with weight ⊙ mask but leave the pruned weights as they are, so
            that the ticket can be rewound. Their gradient is zero. By default they become zero in
            the layer itself, as in TF-MOT.
        **kwargs: as for ``keras.layers.Wrapper``.

    Example:
        >>> schedule = tfmot.sparsity.keras.ConstantSparsity(0.9, begin_step=0)
        >>> layer = PruneBySaliency(keras.layers.Dense(2), schedule, biases=True)
    """

    _NO_CALLBACK = (
        "pns_tf: model.fit needs the callback pns_tf.tfmot.prune.UpdateMasks to prune this model"
    )

    def __init__(self, layer, pruning_schedule, biases=False, keep_pruned_weights=False, **kwargs):
        super().__init__(layer, pruning_schedule, **kwargs)
        self.biases = biases
        self.keep_pruned_weights = keep_pruned_weights

    def build(self, input_shape):
        # As TF-MOT's, but each weight's mask has a name of its own (two masks of one name cannot
        # be written to an .h5 file), and biases are among the weights on request.
        keras.layers.Wrapper.build(self, input_shape)
        self.prunable_weights = layer_weights(self.layer, self.biases)
        self.pruning_vars = []
        for weight in self.prunable_weights:
            name = weight_name(self.layer, weight).replace("/", "_")
            mask = self._add_state(f"{name}_mask", weight.shape, "ones", _dtype(weight))
            threshold = self._add_state(f"{name}_threshold", [], "zeros", _dtype(weight))
            self.pruning_vars.append((weight, mask, threshold))
        steps = keras.initializers.Constant(-1)  # until training begins
        self.pruning_step = self._add_state("pruning_step", [], steps, tf.int64)
        self.pruning_obj = _SaliencyPruning(self)

    def _add_state(self, name, shape, initializer, dtype):
        return self.add_weight(
            name,
            shape=shape,
            initializer=initializer,
            dtype=dtype,
            trainable=False,
            aggregation=tf.VariableAggregation.MEAN,
        )

    def call(self, inputs, training=None, **kwargs):
        # As TF-MOT's, but the callback counts the steps and sets the masks.
        if training is None:
            training = keras.backend.learning_phase()

        def check_callback():
            return tf.debugging.assert_positive(self.pruning_step, message=self._NO_CALLBACK)

        smart_cond(training, check_callback, tf.no_op)
        if "training" in inspect.signature(self.layer.call).parameters:
            kwargs["training"] = training
        if self.keep_pruned_weights:
            return self._call_masked(inputs, **kwargs)
        self.pruning_obj.weight_mask_op()
        return self.layer.call(inputs, **kwargs)

    def _call_masked(self, inputs, **kwargs):
        places = [owner_of(self.layer, weight) for weight, _, _ in self.pruning_vars]
        if None in places:
            raise InputError(
                f"layer {self.layer.name!r} cannot keep its pruned weights: expected every "
                "prunable weight to be an attribute of the layer"
            )
        try:
            for (owner, name), (weight, mask, _) in zip(places, self.pruning_vars, strict=True):
                object.__setattr__(owner, name, weight * mask)  # past Keras's tracking
            # Not self.layer.call: while a SavedModel is written, Keras puts a tf.function there,
            # and a trace of it made elsewhere would hold the unmasked weights.
            return type(self.layer).call(self.layer, inputs, **kwargs)
        finally:
            for (owner, name), (weight, _, _) in zip(places, self.pruning_vars, strict=True):
                object.__setattr__(owner, name, weight)

    def get_config(self):
        config = {"biases": self.biases, "keep_pruned_weights": self.keep_pruned_weights}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config):
        # An .h5 file has its layers looked up by class name, under which no registered class of
        # this project or the user's is known.
        inner = config["layer"]
        known = keras.utils.get_registered_object(inner.get("registered_name"))
        with keras.utils.custom_object_scope({inner["class_name"]: known} if known else {}):
            return super().from_config(config)


class _SaliencyPruning(Pruning):
    """TF-MOT's operations on masks, without its update by magnitude."""

    def __init__(self, wrapper: PruneBySaliency):
        super().__init__(
            training_step_fn=lambda: wrapper.pruning_step,
            pruning_vars=wrapper.pruning_vars,
            pruning_schedule=wrapper.pruning_schedule,
            block_size=(1, 1),
            block_pooling_type="AVG",
        )
        self._keep_pruned_weights = wrapper.keep_pruned_weights

    def conditional_mask_update(self):
        return tf.no_op()

    def weight_mask_op(self):
        return tf.no_op() if self._keep_pruned_weights else super().weight_mask_op()


def saliency_wrappers(model: keras.Model) -> list[PruneBySaliency]:
    """The model's `PruneBySaliency` layers, nested models included."""
    return [layer for layer in collect_prunable_layers(model) if isinstance(layer, PruneBySaliency)]


def apply_masks(model: keras.Model) -> None:
    """Multiplies the masks of all pruning wrappers into their weights.

    Needed before TF-MOT's ``strip_pruning`` if the model was wrapped with ``keep_pruned_weights``.

    Example:
        >>> apply_masks(model)
        >>> small = tfmot.sparsity.keras.strip_pruning(model)
    """
    for layer in collect_prunable_layers(model):
        for weight, mask, _ in layer.pruning_vars:
            weight.assign(weight * mask)


def _dtype(weight: tf.Variable) -> tf.DType:
    # Under a mixed precision policy a variable reports the dtype it is cast to.
    return getattr(weight, "true_dtype", weight.dtype)
