"""Second derivatives that TensorFlow lacks: of layers that resize images, and of variances.

Resizing is linear in the image, and so is its gradient; the gradient of that is resizing again.
Importing this module registers them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import nn_impl

RESIZINGS = {
    "ResizeNearestNeighborGrad": tf.raw_ops.ResizeNearestNeighbor,
    "ResizeBilinearGrad": tf.raw_ops.ResizeBilinear,
    "ResizeBicubicGrad": tf.raw_ops.ResizeBicubic,
}


def _register(name: str, resize) -> None:
    def second_derivative(op, gradient):
        resized = resize(
            images=gradient,
            size=tf.shape(op.inputs[0])[1:3],
            align_corners=op.get_attr("align_corners"),
            half_pixel_centers=op.get_attr("half_pixel_centers"),
        )
        return [resized, None]

    with contextlib.suppress(KeyError):  # TensorFlow may have it by now
        tf.RegisterGradient(name)(second_derivative)


for _name, _resize in RESIZINGS.items():
    _register(_name, _resize)


@contextlib.contextmanager
def of_variances() -> Iterator[None]:
    """Within this, ``tf.nn.moments`` has the right second derivative, as normalisations need.

    It holds the mean constant inside the variance, which leaves the first derivative as it is, but
    not the second.
    """
    before = nn_impl.array_ops
    nn_impl.array_ops = _WithoutStops(before)
    try:
        yield
    finally:
        nn_impl.array_ops = before


class _WithoutStops:
    """A module whose ``stop_gradient`` stops nothing."""

    def __init__(self, module: Any):
        self._module = module

    def __getattr__(self, name: str):
        return tf.identity if name == "stop_gradient" else getattr(self._module, name)
