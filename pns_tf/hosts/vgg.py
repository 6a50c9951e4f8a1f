"""VGG networks as hosts (Simonyan & Zisserman 2015), without batch normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, choice, integer, number
from pns_tf.hosts.image_host import ImageHost

if TYPE_CHECKING:
    import tf_keras as keras


# Channels of each convolution; M pools.
PLANS = {
    name: tuple(int(word) if word != "M" else word for word in plan.split())
    for name, plan in {
        "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512",
        "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512",
        "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512",
        "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512",
    }.items()
}


def check_plan(
    plan: str | Sequence[int | str],
    shape: tuple[int, int, int] | None,
    classes: int | None,
    width_multiplier: float,
) -> tuple[int | str, ...]:
    """The plan with the channels that a network has; arguments as for `build_vgg`.

    Shape and classes that are not known yet are not checked.

    Raises:
        ValueError: unknown plan, a value out of range, or images that are too small to be pooled
            so often.

    Example:
        >>> check_plan((8, "M", 16), (8, 8, 3), classes=10, width_multiplier=0.5)
        (4, 'M', 8)
    """
    steps = PLANS[choice("host", plan, PLANS)] if isinstance(plan, str) else tuple(plan)
    factor = number("width_multiplier", width_multiplier, low=0.0, low_excluded=True)
    if classes is not None:
        integer("classes", classes, minimum=1)
    if shape is not None and len(shape) != 3:
        raise InputError(f"an image shape is (rows, columns, channels), got {tuple(shape)}")
    for side in shape or ():
        integer("a side of the image shape", side, minimum=1)
    scaled = tuple(
        step if step == "M" else max(1, round(integer("channels", step, minimum=1) * factor))
        for step in steps
    )
    poolings = scaled.count("M")
    if shape is not None and min(shape[:2]) < 2**poolings:
        raise InputError(
            f"images of {shape[0]} × {shape[1]} are too small: {poolings} poolings need at least "
            f"{2**poolings} × {2**poolings}"
        )
    return scaled


@dataclass(frozen=True)
class Vgg(ImageHost):
    """A VGG network for a data set of images with classes.

    Attributes:
        plan: one of `PLANS`, or channels of each convolution and "M" for each pooling.

    Raises:
        ValueError: a value that cannot work, or images too small to be pooled so often.

    Example:
        >>> Vgg("vgg16", "cifar10", 0.25).title(seed=0)
        'vgg16-cifar10-w0.25-s0'
    """

    always_said = ("augmented", "ticket")

    plan: str = "vgg16"

    def __post_init__(self):
        check_plan(self.plan, self.shape, self.classes, self.width_multiplier)
        super().__post_init__()

    def title(self, seed: int) -> str:
        """First words of a folder's name."""
        dataset = str(self.dataset).replace("/", "_")
        return f"{self.plan}-{dataset}-w{self.width_multiplier:g}-s{seed}"

    @property
    def weights(self) -> int:
        """How many the convolutions have, on images of one channel."""
        plan = check_plan(self.plan, None, None, self.width_multiplier)
        channels = [1, *(step for step in plan if not isinstance(step, str))]
        return sum(9 * a * b for a, b in pairwise(channels))

    @property
    def multiplications(self) -> int:
        """For one image; the network must be `resolved`."""
        shape, classes = self._known()
        rows, columns, channels = shape
        total = 0
        for step in check_plan(self.plan, self.shape, self.classes, self.width_multiplier):
            if isinstance(step, str):
                rows, columns = rows // 2, columns // 2
            else:
                total += rows * columns * 9 * channels * step
                channels = step
        return total + channels * classes

    def build(self) -> keras.Model:
        """The network, its parameters not yet set; it must be `resolved`."""
        return build_vgg(self.plan, *self._known(), self.width_multiplier)


def build_vgg(
    plan: str | Sequence[int | str] = "vgg16",
    shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width_multiplier: float = 1.0,
    name: str = "host",
) -> keras.Model:
    """Builds a VGG network; parameters not yet set.

    Convolutions of 3 × 3 padded by 1 with ReLU, max pooling of 2 × 2, global average pooling and
    one dense layer.

    Args:
        plan: "vgg11", "vgg13", "vgg16", "vgg19", or channels of each convolution and "M" for each
            pooling, such as ``(8, "M", 16)``.
        shape: rows, columns and channels of an image.
        classes: number of outputs.
        width_multiplier: of all channels in the plan, rounded, at least 1.
        name: the model's name.

    Returns:
        A functional model from ``(batch, *shape)`` to ``(batch, classes)``, raw logits.

    Raises:
        ValueError: unknown plan, a value out of range, or images that are too small to be pooled
            so often.

    Example:
        >>> build_vgg("vgg16", width_multiplier=0.25).count_params() < 3e6
        True
    """
    import tf_keras as keras

    from pns_tf.hosts.layers import PlantedConv2D, PlantedDense

    channels = check_plan(plan, shape, classes, width_multiplier)
    inputs = h = keras.Input(tuple(shape), name="x")
    layer = 0
    for step in channels:
        if isinstance(step, str):
            h = keras.layers.MaxPooling2D(name=f"pool{layer}")(h)
        else:
            h = PlantedConv2D(step, 3, activation="relu", name=f"layer{layer}")(h)
            layer += 1
    h = keras.layers.GlobalAveragePooling2D(name="average")(h)
    return keras.Model(inputs, PlantedDense(classes, name=f"layer{layer}")(h), name=name)


def vgg_host(
    plan: str | Sequence[int | str] = "vgg16",
    shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width_multiplier: float = 1.0,
    seed: int = 0,
    stream: str = "host",
) -> keras.Model:
    """A VGG host with random parameters; arguments as for `build_vgg` and `draw_parameters`.

    Example:
        >>> host = vgg_host((8, "M", 16), shape=(8, 8, 3), classes=4, seed=1)
        >>> host(np.ones((1, 8, 8, 3), np.float32)).shape
        TensorShape([1, 4])
    """
    from pns_tf.hosts.drawing import draw_parameters

    return draw_parameters(build_vgg(plan, shape, classes, width_multiplier), seed, stream)
