"""Residual networks for CIFAR as hosts (He, Zhang, Ren & Sun 2016), with batch normalisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, choice, integer, number
from pns_tf.hosts.image_host import ImageHost

if TYPE_CHECKING:
    import tf_keras as keras

# Residual blocks in each of the three stages: a depth of 6 n + 2 layers with weights.
PLANS = {"resnet8": 1, "resnet20": 3, "resnet56": 9}
CHANNELS = (16, 32, 64)
SHORTCUTS = ("padding", "projection")  # options A and B of the paper


@dataclass(frozen=True)
class Block:
    """A residual block: two convolutions, and the shortcut past them.

    Attributes:
        sources: channels of its input.
        channels: of its output.
        strides: 2 where a stage begins with smaller images.
    """

    sources: int
    channels: int
    strides: int

    @property
    def changes(self) -> bool:
        """Whether the shortcut cannot pass its input as it is."""
        return self.strides > 1 or self.sources != self.channels


def blocks(plan: str, width_multiplier: float = 1.0) -> list[Block]:
    """The residual blocks of a network.

    Raises:
        ValueError: unknown plan, or a value out of range.

    Example:
        >>> blocks("resnet8", 0.5)[1]
        Block(sources=8, channels=16, strides=2)
    """
    factor = number("width_multiplier", width_multiplier, low=0.0, low_excluded=True)
    each = PLANS[choice("plan", plan, PLANS)]
    widths = [max(1, round(factor * channels)) for channels in CHANNELS]
    found, sources = [], widths[0]
    for stage, width in enumerate(widths):
        for number_in_stage in range(each):
            strides = 2 if stage and not number_in_stage else 1
            found.append(Block(sources, width, strides))
            sources = width
    return found


@dataclass(frozen=True)
class Resnet(ImageHost):
    """A residual network for a data set of images with classes.

    Attributes:
        plan: one of `PLANS`.
        shortcut: with a resnet host, what joins stages, one of padding, with channels of zeros
            (option A of He et al.), projection, a convolution of 1 × 1 (option B).

    Raises:
        ValueError: a value that cannot work.

    Example:
        >>> Resnet("resnet20", width_multiplier=0.5).title(seed=0)
        'resnet20-cifar10-w0.5-s0'
    """

    plan: str = "resnet20"
    shortcut: str = "padding"

    def __post_init__(self):
        super().__post_init__()
        blocks(self.plan, self.width_multiplier)
        choice("shortcut", self.shortcut, SHORTCUTS)

    def title(self, seed: int) -> str:
        """First words of a folder's name."""
        dataset = str(self.dataset).replace("/", "_")
        shortcut = "" if self.shortcut == "padding" else f"-{self.shortcut}"
        return f"{self.plan}{shortcut}-{dataset}-w{self.width_multiplier:g}-s{seed}"

    @property
    def weights(self) -> int:
        """How many the convolutions have, on images of one channel."""
        return sum(size for size, _ in self._convolutions(1))

    @property
    def multiplications(self) -> int:
        """For one image; the network must be `resolved`."""
        (rows, columns, channels), classes = self._known()
        last = blocks(self.plan, self.width_multiplier)[-1].channels
        return last * classes + sum(
            size * -(-rows // shrunk) * -(-columns // shrunk)
            for size, shrunk in self._convolutions(channels)
        )

    def _convolutions(self, channels: int) -> Iterator[tuple[int, int]]:
        """Entries of each kernel, and by how much the images are smaller there."""
        all_blocks, shrunk = blocks(self.plan, self.width_multiplier), 1
        yield 9 * channels * all_blocks[0].sources, shrunk
        for block in all_blocks:
            shrunk *= block.strides
            yield 9 * (block.sources + block.channels) * block.channels, shrunk
            if block.changes and self.shortcut == "projection":
                yield block.sources * block.channels, shrunk

    def build(self) -> keras.Model:
        """The network, its parameters not yet set; it must be `resolved`."""
        return build_resnet(self.plan, *self._known(), self.width_multiplier, self.shortcut)


def build_resnet(
    plan: str = "resnet20",
    shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    width_multiplier: float = 1.0,
    shortcut: str = "padding",
    name: str = "host",
) -> keras.Model:
    """Builds a residual network for small images; parameters not yet set.

    A convolution of 3 × 3 to 16 channels, three stages of residual blocks with 16, 32 and 64
    channels, the second and third beginning with steps of 2, global average pooling and one dense
    layer. Batch normalisation follows each convolution, a ReLU all but the last one of a block and
    each sum.

    Args:
        plan: "resnet8", "resnet20" or "resnet56".
        shape: rows, columns and channels of an image.
        classes: number of outputs.
        width_multiplier: of all channels, rounded, at least 1.
        shortcut: what joins stages: "padding" with channels of zeros, as many in front as behind
            (option A), or "projection" by a convolution of 1 × 1 (option B).
        name: the model's name.

    Returns:
        A functional model from ``(batch, *shape)`` to ``(batch, classes)``, raw logits.

    Raises:
        ValueError: unknown plan, or a value out of range.

    Example:
        >>> build_resnet("resnet8", width_multiplier=0.5).output_shape
        (None, 10)
    """
    import tf_keras as keras

    from pns_tf.hosts.layers import PadChannels, PlantedConv2D, PlantedDense

    choice("shortcut", shortcut, SHORTCUTS)
    integer("classes", classes, minimum=1)
    if len(shape) != 3:
        raise InputError(f"an image shape is (rows, columns, channels), got {tuple(shape)}")
    plans = blocks(plan, width_multiplier)
    count = 0

    def normalised(h, channels: int, size: int, strides: int):
        nonlocal count
        h = PlantedConv2D(channels, size, strides, name=f"layer{count}")(h)
        h = keras.layers.BatchNormalization(name=f"norm{count}")(h)
        count += 1
        return h

    def relu(h, name: str):
        return keras.layers.ReLU(name=name)(h)

    inputs = keras.Input(tuple(shape), name="x")
    h = relu(normalised(inputs, plans[0].sources, 3, 1), "relu0")
    for number_, block in enumerate(plans, start=1):
        past = h
        h = relu(normalised(h, block.channels, 3, block.strides), f"relu{number_}a")
        h = normalised(h, block.channels, 3, 1)
        if block.changes and shortcut == "projection":
            past = normalised(past, block.channels, 1, block.strides)
        elif block.changes:
            if block.strides > 1:
                past = keras.layers.AveragePooling2D(1, block.strides, name=f"every{number_}")(past)
            more = block.channels - block.sources
            past = PadChannels(more // 2, more - more // 2, name=f"pad{number_}")(past)
        h = relu(keras.layers.Add(name=f"add{number_}")([h, past]), f"relu{number_}b")
    h = keras.layers.GlobalAveragePooling2D(name="average")(h)
    return keras.Model(inputs, PlantedDense(classes, name=f"layer{count}")(h), name=name)
