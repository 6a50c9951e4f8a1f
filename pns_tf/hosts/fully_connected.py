"""Fully connected hosts of the computed tasks: the paper's, in which their targets are planted.

Flags of commands are made from the class: what takes long to import is imported where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pns_tf.checks import InputError, choice, integer
from pns_tf.memory import WEIGHT, check_memory
from pns_tf.recipe.hosts import FULLY_CONNECTED, Host
from pns_tf.recipe.names import run_name

if TYPE_CHECKING:
    import tf_keras as keras

    from pns_tf import tasks
    from pns_tf.masks import Mask
    from pns_tf.planting.planted import Planted
    from pns_tf.recipe.planting import Planting

MOST_LAYERS = 1000  # a ticket of relu is too small for float32 after 65


@dataclass(frozen=True)
class FullyConnected(Host):
    """A ReLU network with a linear last layer, all hidden layers equally wide.

    Attributes:
        task: what the ticket solves, one that the command tasks lists, or module:NAME for your own.
        depth: neuron layers of the host, input and output counted, at least 3.
        width: neurons in each hidden layer of the host.
        init: how the host is drawn, one of normal, zero_biases, uniform.

    Raises:
        ValueError: a value that cannot work, or a target that does not fit the host.

    Example:
        >>> FullyConnected("circle", depth=3, width=50).title(seed=0)
        'circle-d3-w50-s0'
    """

    always_said = ("hide_biases", "code")

    task: str = "circle"
    depth: int = 5
    width: int = 100
    init: str = "normal"

    def __post_init__(self):
        from pns_tf.hosts.initializers import INITIALIZERS

        choice("init", self.init, INITIALIZERS)

    @property
    def name(self) -> str:
        """Of the network, as the flag --host has it."""
        return FULLY_CONNECTED

    @property
    def source(self) -> str:
        """The task's name: its code decides results."""
        return self.task

    @property
    def problem(self) -> tasks.Task:
        """The task whose target is planted."""
        from pns_tf import tasks

        return tasks.get(self.task)

    @property
    def baseline(self) -> float:
        """Planted weights / host weights, biases not counted."""
        from pns_tf.planting.algorithm import baseline_density

        return baseline_density(self.task, self.depth, self.width)

    @property
    def own_noise(self) -> float:
        """Noise level of the task's data."""
        return self.problem.noise

    def title(self, seed: int) -> str:
        """First words of a folder's name."""
        return run_name(self.task, self.depth, self.width, seed)

    @property
    def unusual(self) -> dict[str, object]:
        """How the host is drawn, if not as usual."""
        return {} if self.init == "normal" else {"init": self.init}

    @property
    def record(self) -> dict[str, object]:
        """What ``ticket.json`` says of it."""
        return self.settings

    def check_data(self, samples: int | None, noise: float | None, seed: int) -> None:
        """Raises ``InputError`` if there can be no such data."""
        self.data(samples, noise, seed)

    def samples(self, samples: int | None, data_dir: str | None = None) -> int:
        """So many samples as are asked for: they are computed."""
        return 10_000 if samples is None else samples

    def data(
        self, samples: int | None, noise: float | None, seed: int, data_dir: str | None = None
    ) -> tasks.Data:
        """The task's data; see `pns_tf.tasks.Task.data`."""
        return self.problem.data(self.samples(samples), noise, seed)

    @property
    def sizes(self) -> list[int]:
        """Neurons in each layer, input first."""
        from pns_tf.hosts.initializers import host_sizes

        return host_sizes(self.problem.inputs, self.problem.outputs, self.depth, self.width)

    @property
    def weights(self) -> int:
        """How many there are, biases not counted."""
        ends = self.problem.inputs + self.problem.outputs
        depth, width = integer("depth", self.depth, 3), integer("width", self.width, 1)
        return ends * width + (depth - 3) * width**2

    @property
    def multiplications(self) -> int:
        """One for each weight."""
        return self.weights

    def check_memory(self) -> None:
        """Raises ``InputError`` if the network is larger than this machine's memory."""
        network = f"a network of depth {self.depth} and width {self.width}"
        check_memory(network, WEIGHT * self.weights)

    def check_buildable(self) -> None:
        """Raises ``InputError`` if the network is too large, or so deep that no signal survives."""
        self.check_memory()
        if self.depth > MOST_LAYERS:
            raise InputError(
                f"depth must be at most {MOST_LAYERS}, got {self.depth}: a ticket becomes too "
                "small for float32 long before"
            )

    def build(self) -> keras.Model:
        """The network, its parameters not yet set."""
        from pns_tf.hosts.models import build_host

        return build_host(self.sizes)

    def draw(self, seed: int, stream: str = "host") -> keras.Model:
        """The network with random parameters, those that a ticket of this seed is planted in."""
        from pns_tf.hosts.initializers import draw_host
        from pns_tf.hosts.models import set_parameters

        host = self.build()
        set_parameters(host, *draw_host(self.sizes, seed, self.init))
        return host

    def planted_mask(self, planting: Planting) -> Mask:
        """Where its task's target is planted; without a model, in milliseconds."""
        from pns_tf.hosts.initializers import draw_host
        from pns_tf.masks import Mask
        from pns_tf.planting.algorithm import plant_arrays

        planted = plant_arrays(
            self.problem.target(self.depth),
            *draw_host(self.sizes, planting.seed, self.init),
            hide=planting.hide,
            hide_biases=planting.hide_biases,
            epsilon=planting.epsilon,
            seed=planting.seed,
        )
        return Mask.from_layers(planted.kernel_masks, planted.bias_masks)

    def plant(self, planting: Planting) -> Planted:
        """The host with its task's target planted in it."""
        from pns_tf.planting.planted import plant

        return plant(
            self.task,
            self.depth,
            self.width,
            planting.seed,
            init=self.init,
            hide=planting.hide,
            hide_biases=planting.hide_biases,
            epsilon=planting.epsilon,
        )
