"""TF-MOT's pruning wrapper, with masks that come from a callback instead of magnitudes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.keras.utils import smart_cond
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_impl import Pruning
from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import (
    PruneLowMagnitude,
    collect_prunable_layers,
)
from tf_keras.src.utils.layer_utils import CallFunctionSpec
from tf_keras.src.utils.tf_inspect import getfullargspec
from tf_keras.src.utils.tf_utils import maybe_init_scope

from pns_tf.checks import InputError
from pns_tf.pruning.layer_weights import owners_of, parts


@keras.utils.register_keras_serializable(package="pns_tf")
class PruneBySaliency(PruneLowMagnitude):
    """Wraps a layer so that its weights can be pruned by any pruner.

    `pns_tf.prune` puts it around the layers of a model, and the callback `UpdateMasks` sets its
    masks; TF-MOT's tools treat it like their own wrapper. The layer is called as without a wrapper:
    it gets sequence masks if it takes them, hands them on, and computes in its own precision.

    Args:
        layer: a layer with weights that can be pruned, see `pns_tf.pruning.layer_weights.parts`.
        pruning_schedule: TF-MOT's ``PruningSchedule``.
        biases: prune the bias of a stock layer too.
        keep_pruned_weights: compute with weight ⊙ mask but leave the pruned weights as they are, so
            that the ticket can be rewound. Their gradient is zero. By default they become zero in
            the layer itself, as in TF-MOT.
        **kwargs: as for ``keras.layers.Wrapper``.

    Attributes:
        saliency: what the masks are computed from; ``None`` if `pns_tf.prune` did not make it, or
            if it was loaded from disk.

    Example:
        >>> schedule = tfmot.sparsity.keras.ConstantSparsity(0.9, begin_step=0)
        >>> layer = PruneBySaliency(keras.layers.Dense(2), schedule, biases=True)
    """

    _NO_CALLBACK = "pns_tf: model.fit needs the callback pns_tf.UpdateMasks to prune this model"

    def __init__(self, layer, pruning_schedule, biases=False, keep_pruned_weights=False, **kwargs):
        # Masks and products are computed in the precision that the weights are stored in.
        kwargs["dtype"] = layer.variable_dtype
        with _supported(layer):
            super().__init__(layer, pruning_schedule, **kwargs)
        self._autocast = False  # the layer casts its inputs itself
        self.supports_masking = layer.supports_masking
        self.biases = biases
        self.keep_pruned_weights = keep_pruned_weights
        self.saliency = None

    def _init_call_fn_args(self, expects_training_arg=None):
        """Keras is told that this takes what the layer takes, and ``training``."""
        spec = getfullargspec(self.layer.call)
        self._hands_training_on = "training" in spec.args + spec.kwonlyargs or bool(spec.varkw)
        if not self._hands_training_on:
            spec = spec._replace(
                kwonlyargs=[*spec.kwonlyargs, "training"],
                kwonlydefaults={**(spec.kwonlydefaults or {}), "training": None},
            )
        self._call_spec = CallFunctionSpec(spec, self._call_context_args)
        if expects_training_arg is not None:
            self._call_spec.expects_training_arg = expects_training_arg

    def build(self, input_shape):
        keras.layers.Wrapper.build(self, input_shape)
        if all(layer.built for layer in self.layer._flatten_layers()):
            self._add_masks()
        # Otherwise, as in attention, the layer makes its weights when it is first called.

    def _add_masks(self):
        # As TF-MOT's, but each weight's mask has a name of its own (two masks of one name cannot
        # be written to an .h5 file), and biases are among the weights on request.
        found = parts(self.layer, self.biases)
        self.prunable_weights = [part.variable for part in found]
        self.pruning_vars = []
        for part in found:
            name, dtype = part.name.replace("/", "_"), _dtype(part.variable)
            mask = self._add_state(f"{name}_mask", part.variable.shape, "ones", dtype)
            threshold = self._add_state(f"{name}_threshold", [], "zeros", dtype)
            self.pruning_vars.append((part.variable, mask, threshold))
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
            # Equal on all devices; integers have no mean.
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def call(self, inputs, *args, **kwargs):
        # As TF-MOT's, but the callback counts the steps and sets the masks, and the layer is called
        # as Keras calls it, with all that belongs to a call.
        training = None
        if self._call_spec.arg_was_passed("training", args, kwargs):
            training = self._call_spec.get_arg_value("training", args, kwargs)
        if training is None:
            training = keras.backend.learning_phase()
        if not self._hands_training_on:
            kwargs.pop("training", None)
        if not self._call_spec.full_argspec.varargs:
            # By name: recurrent layers, called, have another order than their call has.
            names = [name for name in self._call_spec.full_argspec.args if name != "self"][1:]
            given = zip(names, args, strict=False)
            kwargs |= {name: value for name, value in given if value is not None}
            args = ()
        if self.pruning_obj is None:
            outputs = self.layer(inputs, *args, **kwargs)
            with maybe_init_scope(self):
                self._add_masks()
            return outputs

        def check_callback():
            return tf.debugging.assert_positive(self.pruning_step, message=self._NO_CALLBACK)

        smart_cond(training, check_callback, tf.no_op)
        if self.keep_pruned_weights:
            with self._masked():
                return self.layer(inputs, *args, **kwargs)
        self.pruning_obj.weight_mask_op()
        return self.layer(inputs, *args, **kwargs)

    @contextlib.contextmanager
    def _masked(self) -> Iterator[None]:
        """Puts weight ⊙ mask where the layer has its weights."""
        places = []
        for weight, mask, _ in self.pruning_vars:
            owners = owners_of(self.layer, weight)
            if len(owners) != 1:
                raise InputError(
                    f"layer {self.layer.name!r} cannot keep its pruned weights: expected every "
                    f"prunable weight to be an attribute of one layer, got {len(owners)} for "
                    f"{weight.name}"
                )
            places.append((*owners[0], weight, mask))
        # While a SavedModel is written, Keras puts a tf.function in place of each layer's call, and
        # a trace of it made elsewhere would hold the unmasked weights.
        calls = [
            (layer, vars(layer).pop("call"))
            for layer in self.layer._flatten_layers()
            if "call" in vars(layer)
        ]
        try:
            for owner, name, weight, mask in places:
                product = tf.cast(weight * mask, owner.compute_dtype or weight.dtype)
                object.__setattr__(owner, name, product)  # past Keras's tracking
            yield
        finally:
            for owner, name, weight, _ in places:
                object.__setattr__(owner, name, weight)
            for layer, call in calls:
                object.__setattr__(layer, "call", call)

    def compute_mask(self, inputs, mask=None):
        return self.layer.compute_mask(inputs, mask)

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        if save_type == "savedmodel" and self._makes_weights_late():
            raise InputError(
                f"layer {self.layer.name!r} makes its weights when it is first called, and would "
                "come back from a SavedModel with others: save as .keras or .h5, or after "
                "strip_pruning"
            )
        return super()._trackable_children(save_type, **kwargs)

    def _makes_weights_late(self) -> bool:
        """Whether a layer made of the same config has no weights before it is called."""
        if len(list(self.layer._flatten_layers())) == 1:
            return False
        fresh = type(self.layer).from_config(self.layer.get_config())
        fresh.build(self._build_input_shape)
        return not all(layer.built for layer in fresh._flatten_layers())

    def reset_states(self, *args, **kwargs):
        """Forgets the state of a recurrent layer."""
        self.layer.reset_states(*args, **kwargs)

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
        self._frozen: list[tf.Variable | None] | None = None
        self.held_by = None  # the training function that holds pruned weights

    def frozen_values(self) -> list[tf.Variable | None]:
        """A variable for each weight that holds what pruned entries stay at; `None` for zero."""
        if self._frozen is None:
            self._frozen = [
                tf.Variable(weight, trainable=False) if self._keep_pruned_weights else None
                for weight, _, _ in self._pruning_vars
            ]
        return self._frozen

    def conditional_mask_update(self):
        return tf.no_op()

    def weight_mask_op(self):
        # Devices that assign within their step may wait for each other in different orders; what is
        # pruned is held at zero after each step anyway, see `pns_tf.tfmot.holding`.
        if self._keep_pruned_weights or tf.distribute.has_strategy():
            return tf.no_op()
        return super().weight_mask_op()


def saliency_wrappers(model: keras.Model) -> list[PruneBySaliency]:
    """The model's `PruneBySaliency` layers, nested models included, each once."""
    layers = {id(layer): layer for layer in collect_prunable_layers(model)}
    return [layer for layer in layers.values() if isinstance(layer, PruneBySaliency)]


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


@contextlib.contextmanager
def _supported(layer: keras.layers.Layer) -> Iterator[None]:
    """Lets TF-MOT's wrapper take a layer of which it does not know what can be pruned."""
    if hasattr(layer, "get_prunable_weights"):
        yield
        return
    layer.get_prunable_weights = lambda: [part.variable for part in parts(layer)]
    try:
        yield
    finally:
        del layer.get_prunable_weights


def _dtype(weight: tf.Variable) -> tf.DType:
    # Under a mixed precision policy a variable reports the dtype it is cast to.
    return getattr(weight, "true_dtype", weight.dtype)
