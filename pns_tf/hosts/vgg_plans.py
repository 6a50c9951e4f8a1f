"""What VGG networks are made of. Needs no TensorFlow, so that commands can check it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pns_tf.checks import InputError, choice, integer, number

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
    shape: tuple[int, int, int],
    classes: int,
    width_multiplier: float,
) -> tuple[int | str, ...]:
    """The plan with the channels that a network has; arguments as for `pns_tf.hosts.vgg.build_vgg`.

    Raises:
        ValueError: unknown plan, a value out of range, or images that are too small to be pooled
            so often.

    Example:
        >>> check_plan((8, "M", 16), (8, 8, 3), classes=10, width_multiplier=0.5)
        (4, 'M', 8)
    """
    steps = PLANS[choice("host", plan, PLANS)] if isinstance(plan, str) else tuple(plan)
    factor = number("width_multiplier", width_multiplier, low=0.0, low_excluded=True)
    integer("classes", classes, minimum=1)
    if len(shape) != 3:
        raise InputError(f"an image shape is (rows, columns, channels), got {tuple(shape)}")
    for side in shape:
        integer("a side of the image shape", side, minimum=1)
    scaled = tuple(
        step if step == "M" else max(1, round(integer("channels", step, minimum=1) * factor))
        for step in steps
    )
    poolings = scaled.count("M")
    if min(shape[:2]) < 2**poolings:
        raise InputError(
            f"images of {shape[0]} × {shape[1]} are too small: {poolings} poolings need at least "
            f"{2**poolings} × {2**poolings}"
        )
    return scaled


@dataclass(frozen=True)
class ImageHost:
    """What decides the shape of a VGG host, and the images that it is for.

    Attributes:
        plan: "vgg16" or another of the plans.
        dataset: a TFDS data set of images with classes.
        shape: rows, columns and channels of its images.
        classes: how many there are.
        width_multiplier: of all channels.
    """

    plan: str
    dataset: str
    shape: tuple[int, int, int]
    classes: int
    width_multiplier: float = 1.0

    def __post_init__(self):
        check_plan(self.plan, self.shape, self.classes, self.width_multiplier)

    @property
    def network(self) -> dict:
        """Arguments of `pns_tf.hosts.vgg.build_vgg`."""
        return {
            "plan": self.plan,
            "shape": tuple(self.shape),
            "classes": self.classes,
            "width_multiplier": self.width_multiplier,
        }


def image_run_name(plan: str, dataset: str, width_multiplier: float, seed: int) -> str:
    """Folder name of a run in a VGG host.

    Example:
        >>> image_run_name("vgg16", "cifar10", 0.25, seed=0)
        'vgg16-cifar10-w0.25-s0'
    """
    return f"{plan}-{str(dataset).replace('/', '_')}-w{width_multiplier:g}-s{seed}"
