"""Second derivatives that TensorFlow lacks: of layers that resize images.

Resizing is linear in the image, and so is its gradient; the gradient of that is resizing again.
Importing this module registers them.
"""

from __future__ import annotations

import contextlib

import tensorflow as tf

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
