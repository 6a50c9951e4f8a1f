"""Makes instances of hosts."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from pns_tf.hosts.graphs import chain
from pns_tf.hosts.layers import MaskedLayer
from pns_tf.hosts.models import host_arrays
from pns_tf.judging.arrays import digest
from pns_tf.judging.instance import FORMAT, Instance
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks import Data
from pns_tf.tasks.task import kind_of

TRAINING = ("epochs", "learning_rate", "batch_size")
OPTIMIZERS = {"adam": "Adam", "sgd": "SGD"}
LOSSES = {
    "classification": "softmax cross entropy of raw outputs",
    "regression": "mean squared error",
}


def instance_of(
    host: keras.Model, data: Data, densities: Sequence[float], task: str, settings: SeekSettings
) -> Instance:
    """What a pruner is given of a host and its data: no test part, no planted mask, no seed.

    Args:
        host: a chain of masked layers.
        data: of which the training part is taken.
        densities: those that a ticket is asked for at.
        task: its name.
        settings: how found tickets will be trained.
    """
    kernels, biases = host_arrays(host)
    arrays: dict[str, np.ndarray] = {}
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        arrays |= {f"kernel{layer}": kernel, f"bias{layer}": bias}
    x, y = data.x_train, data.y_train
    everything = arrays | {"x_train": x, "y_train": y}
    kind = kind_of(data)
    digests = {name: digest(array) for name, array in everything.items()}
    about = {
        "format": FORMAT,
        "id": hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:16],
        "task": task,
        "input_shape": list(host.input_shape[1:]),
        "outputs": int(host.output_shape[-1]),
        "layers": [_layer(layer) for layer in chain(host)],
        "loss": LOSSES[kind.name],
        "metric": kind.metric,
        "parameters": sum(array.size for array in arrays.values()),
        "densities": [float(density) for density in densities],
        "training": _training(settings),
        "shapes": {name: list(array.shape) for name, array in everything.items()},
        "digests": digests,
    }
    return Instance(arrays, x, y, about)


def _training(settings: SeekSettings) -> dict:
    """How tickets will be trained; a learning rate that stays as it is need not be said."""
    said = {"optimizer": OPTIMIZERS[settings.optimizer]}
    said |= {name: getattr(settings, name) for name in TRAINING}
    falling = settings.schedule_lr != "constant"
    return said | ({"schedule_lr": settings.schedule_lr} if falling else {})


def _layer(layer: keras.layers.Layer) -> dict:
    """Its type, and what it needs besides kernel and bias."""
    config = layer.get_config()
    if isinstance(layer, MaskedLayer):
        sides = {"strides", "padding"} & config.keys()
        activation = {"activation": config["activation"]}
        kind = "conv2d" if sides else "dense"
        return {"type": kind, **{name: _plain(config[name]) for name in sorted(sides)}} | activation
    kept = ("pool_size", "strides", "padding", "rate")
    words = {name: _plain(config[name]) for name in kept if config.get(name) is not None}
    return {"type": type(layer).__name__, **words}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def seek_settings(instance: Instance, **more) -> SeekSettings:
    """How an instance's tickets are trained."""
    training = dict(instance.about["training"])  # type: ignore[call-overload]
    training["optimizer"] = str(training["optimizer"]).lower()
    names = {field.name for field in dataclasses.fields(SeekSettings)}
    return SeekSettings(**{k: v for k, v in training.items() if k in names} | more)
