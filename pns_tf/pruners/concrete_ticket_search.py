"""Concrete Ticket Search: the density by balanced gradients."""

from __future__ import annotations

from dataclasses import dataclass

from pns_tf.checks import flag, number
from pns_tf.gates.density import falling_density
from pns_tf.gates.epoch import Controls, GateSettings
from pns_tf.pruners.gate_searcher import GateSearcher

AIM_GAIN = 0.1  # how fast the density that is aimed at follows the one that is missed
LOWEST_AIM = 0.5


@dataclass
class ConcreteTicketSearch(GateSearcher):
    """Binary concrete gates on frozen weights; gradient balancing leads them to the density.

    In each step the gradient of the penalty on the mean probability is made as long as that of the
    loss (GradBalance), so that no λ has to be found.

    Args:
        epochs: of the search.
        learning_rate: of Adam on the scores.
        gate_batch_size: samples a step of the search.
        temperature: of the concrete distribution.
        ramp: the part of the search after which the density is to be reached.
        reverse_kl: stay close to the whole network's outputs instead of the labels, by the reverse
            Kullback–Leibler divergence (CTS-KL): for tickets that are to be trained.
    """

    epochs: int = 200
    learning_rate: float = 0.05
    temperature: float = 2 / 3
    ramp: float = 0.8
    reverse_kl: bool = False

    name = "concrete_ticket_search"
    reference = (
        "Arora & Teuscher, Winning the Lottery by Preserving Network Training Dynamics with "
        "Concrete Ticket Search, 2025, arXiv 2512.07142"
    )

    def __post_init__(self):
        super().__post_init__()
        number("temperature", self.temperature, 0.0, low_excluded=True)
        number("ramp", self.ramp, 0.0, 1.0, low_excluded=True)
        flag("reverse_kl", self.reverse_kl)

    def compiled_for(self, model, kind):
        return GateSettings(
            kind,
            relaxation="concrete",
            batch_size=self.gate_batch_size,
            density="balance",
            teacher=self.reverse_kl,
            scaled=not self.reverse_kl,
        )

    def schedule(self, openness, density):
        aim = 1.0  # the balance is a little above what is wanted, as the loss opens gates
        for number_, open_ in enumerate(openness):
            wanted = falling_density(density, number_ / self.epochs, self.ramp)
            aim = min(1.0, max(LOWEST_AIM, aim * (wanted / open_) ** AIM_GAIN))
        return Controls(
            sharpness=1 / self.temperature,
            density=wanted * aim,
            learning_rate=self.learning_rate,
        )


@dataclass
class ConcreteTicketSearchKL(ConcreteTicketSearch):
    """Concrete Ticket Search for trainable tickets: close to the whole network's outputs.

    Args:
        reverse_kl: stay close to the whole network's outputs instead of the labels.
    """

    reverse_kl: bool = True

    name = "concrete_ticket_search_kl"
