"""What all families of networks on images share: their data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from pns_tf.checks import InputError, integer, text
from pns_tf.recipe.hosts import Host

if TYPE_CHECKING:
    from pns_tf.tasks import Data


@dataclass(frozen=True)
class ImageHost(Host):
    """A network for a data set of images with classes.

    Attributes:
        plan: the network of the family.
        dataset: with --host, images with classes, a data set of TensorFlow Datasets.
        width_multiplier: with --host, of all its channels.
        shape: rows, columns and channels of the images; ``None`` until it is looked up.
        classes: how many there are; the same.
    """

    looked_up = ("shape", "classes")
    on_images = True
    usual_samples = None

    plan: str = ""
    dataset: str = "cifar10"
    width_multiplier: float = 1.0
    shape: tuple[int, int, int] | None = None
    classes: int | None = None

    def __post_init__(self):
        text("dataset", self.dataset, "the name of a TensorFlow data set, such as cifar10")

    @classmethod
    def named(cls, name: str, **settings) -> Self:
        """The network of a plan's name."""
        return cls(plan=name, **settings)

    @property
    def name(self) -> str:
        """Of the plan."""
        return self.plan

    @property
    def task(self) -> str:
        """The data set."""
        return self.dataset

    def resolved(self, data_dir: str | None = None) -> Self:
        """The same for the images' shape and classes, looked up where they are not known."""
        if self.shape is not None and self.classes is not None:
            return self
        from pns_tf.images import image_set

        shape, classes = image_set(self.dataset, data_dir)
        return replace(self, shape=shape, classes=classes)

    def check_data(self, samples: int | None, noise: float | None, seed: int) -> None:
        """Raises ``InputError`` if there can be no such data."""
        if noise is not None:
            raise InputError(f"leave out noise: the images of {self.dataset} stay as they are")
        if samples is not None:
            integer("samples", samples, minimum=10)

    def samples(self, samples: int | None, data_dir: str | None = None) -> int:
        """How many images there are for training, held-out ones included."""
        from pns_tf.images import training_images

        return training_images(self.dataset, data_dir, samples)

    def data(
        self, samples: int | None, noise: float | None, seed: int, data_dir: str | None = None
    ) -> Data:
        """The images, see `pns_tf.images.load_images`; the same for every seed."""
        from pns_tf.images import load_images

        return load_images(self.dataset, data_dir, samples)

    def _known(self) -> tuple[tuple[int, int, int], int]:
        if self.shape is None or self.classes is None:
            raise InputError(f"{self.plan} needs the shape and classes of {self.dataset}")
        return self.shape, self.classes
