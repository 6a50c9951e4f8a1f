"""What a host is: one frozen dataclass for each family of networks. Needs no TensorFlow.

A family is one file with a subclass of `Host`, and one row of `FAMILIES`. Its methods that build
networks import TensorFlow when they are called.
"""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from pns_tf.checks import InputError, choice
from pns_tf.memory import WEIGHT, check_memory
from pns_tf.own_modules import load

if TYPE_CHECKING:
    import tf_keras as keras

    from pns_tf.planting.planted import Planted
    from pns_tf.recipe.planting import Planting
    from pns_tf.tasks import Data, Task

FULLY_CONNECTED = "fully_connected"
# Where each family is, and its networks as the flag --host names them.
FAMILIES = {
    "pns_tf.hosts.fully_connected:FullyConnected": (FULLY_CONNECTED,),
    "pns_tf.hosts.vgg:Vgg": ("vgg11", "vgg13", "vgg16", "vgg19"),
    "pns_tf.hosts.resnet:Resnet": ("resnet8", "resnet20", "resnet56"),
}
FRESH = "fresh host"  # stream of hosts that tickets are planted into, unlike the one of their own


@dataclass(frozen=True)
class Host(ABC):
    """What decides a host network and the data that it is for, apart from seed and noise.

    A subclass is a frozen dataclass whose fields are its settings; they stand in hashes, folder
    names and records. Those of the families that come along are flags of the command line. One of
    your own has its defaults there: give each of its sizes a class, or use it from Python.

    Attributes:
        always_said: settings of a `pns_tf.recipe.run.Run` that are part of its name even where they
            have their default; for families whose first results came before this was left out.
        looked_up: fields that `resolved` fills in, which are no flags.
        on_images: whether the data are images: read from disk, mirrored and shifted if that is
            asked for. Training takes long, so that runs follow one another, use all cores, and keep
            their state after each epoch.
        usual_samples: size of the data set unless another is asked for; ``None`` for all there are.

    Example:
        >>> host_named("vgg16", width_multiplier=0.25).title(seed=1)
        'vgg16-cifar10-w0.25-s1'
    """

    always_said: ClassVar[tuple[str, ...]] = ()
    looked_up: ClassVar[tuple[str, ...]] = ()
    on_images: ClassVar[bool] = False
    usual_samples: ClassVar[int | None] = 10_000

    @classmethod
    def named(cls, name: str, **settings) -> Host:
        """The family's network of this name; a family with one network only need not know it."""
        return cls(**settings)

    @property
    def name(self) -> str:
        """Of the network, as the flag --host has it."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @property
    def source(self) -> str:
        """The name whose code decides results: "module:NAME" if it is the user's own."""
        return self.name

    @property
    @abstractmethod
    def task(self) -> str:
        """What the data are, in rows and records."""

    @property
    def problem(self) -> Task | None:
        """The task whose target can be planted; ``None`` if a trained ticket has to be given."""
        return None

    @property
    def baseline(self) -> float | None:
        """Density of the task's planted ticket; ``None`` if there is no such ticket."""
        return None

    @property
    def own_noise(self) -> float | None:
        """Noise level of the data unless another is asked for; ``None`` if there is no such."""
        return None

    def title(self, seed: int) -> str:
        """First words of a folder's name."""
        words = [f"{key}={value}" for key, value in dataclasses.asdict(self).items()]
        return "-".join([self.name.replace(":", "."), *words, f"s{seed}"])

    @property
    def unusual(self) -> dict[str, object]:
        """Settings that are not the default and not in the `title`."""
        return {}

    @property
    def settings(self) -> dict[str, object]:
        """All settings, flat: names are columns of tables, sequences JSON."""
        return {
            key: json.dumps(value) if isinstance(value, list | tuple | dict) else value
            for key, value in dataclasses.asdict(self).items()
        }

    @property
    def record(self) -> dict[str, object]:
        """What ``ticket.json`` says of it."""
        return {"task": self.task, "host": {"plan": self.name, **dataclasses.asdict(self)}}

    def resolved(self, data_dir: str | None = None) -> Host:
        """The same with the fields that follow from its data set; may read it from disk.

        Raises:
            ValueError: there is no such data set, or it does not suit the network.
        """
        return self

    def check_memory(self) -> None:
        """Raises ``InputError`` if the network is larger than this machine's memory."""
        check_memory(f"{self.name} with {self.weights:.3g} weights", WEIGHT * self.weights)

    def check_buildable(self) -> None:
        """Raises ``InputError`` if there can be no such network on this machine."""
        self.check_memory()

    @property
    def weights(self) -> int:
        """How many the network has at least; 0 if that is not known before it is built."""
        return 0

    @abstractmethod
    def check_data(self, samples: int | None, noise: float | None, seed: int) -> None:
        """Raises ``InputError`` if there can be no such data; reads none from disk."""

    @abstractmethod
    def samples(self, samples: int | None, data_dir: str | None = None) -> int:
        """How many samples there are if so many are asked for, ``None`` for the usual number."""

    @abstractmethod
    def data(
        self, samples: int | None, noise: float | None, seed: int, data_dir: str | None = None
    ) -> Data:
        """The data that train and judge networks.

        Args:
            samples: how many, ``None`` for all.
            noise: noise level, ``None`` for the data's own.
            seed: what is random in the data follows from it.
            data_dir: where data sets lie.
        """

    @property
    @abstractmethod
    def multiplications(self) -> int:
        """What a sample costs, for estimates of time."""

    @abstractmethod
    def build(self) -> keras.Model:
        """The network, made of masked layers, its parameters not yet set."""

    def draw(self, seed: int, stream: str = "host") -> keras.Model:
        """The network with random parameters.

        Args:
            seed: non-negative integer.
            stream: another one gives other parameters for the same seed.
        """
        from pns_tf.hosts.drawing import draw_parameters

        return draw_parameters(self.build(), seed, stream)

    def plant(self, planting: Planting) -> Planted:
        """The host with the ticket of its own task planted in it; only if there is a `problem`."""
        raise InputError(f"in {self.name} a trained ticket is planted: pass ticket")


def names() -> list[str]:
    """The networks that come along, as the flag --host names them."""
    return [name for row in FAMILIES.values() for name in row]


def families() -> list[type[Host]]:
    """All that come along."""
    return [family(row[0]) for row in FAMILIES.values()]


def settings_of_hosts() -> list[str]:
    """Names of all settings that hosts of the families that come along have, each once."""
    fields = [field.name for kind in families() for field in dataclasses.fields(kind)]
    return list(dict.fromkeys(fields))


def host_flags(kind: type[Host]) -> list[str]:
    """Those of a family's fields that are flags of commands."""
    hidden = (*kind.looked_up, "plan")  # the plan is what the flag --host says
    return [field.name for field in dataclasses.fields(kind) if field.name not in hidden]


def family(name: str) -> type[Host]:
    """The family of a network.

    Args:
        name: one of `names`, or "module:Class" for a family of your own.

    Raises:
        ValueError: unknown name (the message names the choices), or no `Host` there.

    Example:
        >>> family("vgg16").__name__
        'Vgg'
    """
    if ":" in str(name):
        own = load("host", name)
        if not (isinstance(own, type) and issubclass(own, Host)):
            raise InputError(f"host {name!r} must be a subclass of pns_tf.Host, got {own!r}")
        return own
    choice("host", name, names())
    place = next(place for place, row in FAMILIES.items() if name in row)
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def host_named(name: str, **settings) -> Host:
    """The host of a network's name and settings.

    Raises:
        ValueError: unknown name, or a value that cannot work.

    Example:
        >>> host_named("fully_connected", task="circle", depth=3).title(seed=0)
        'circle-d3-w100-s0'
    """
    return family(name).named(name, **settings)


def host_of_record(record: Mapping) -> Host:
    """Reads the host of a ``ticket.json``, or of a run's row, where its settings are not nested.

    What an old record does not say was the default.
    """
    said = record.get("host", record)
    name = said.get("plan", FULLY_CONNECTED)
    kind = family(name)
    fields = {field.name for field in dataclasses.fields(kind)} - {"plan"}
    settings = {key: _value(value) for key, value in said.items() if key in fields}
    return kind.named(name, **settings)


def _value(said: object) -> object:
    """A sequence is JSON in tables, and a list in JSON."""
    if isinstance(said, str) and said.startswith("["):
        said = json.loads(said)
    return tuple(said) if isinstance(said, list) else said
