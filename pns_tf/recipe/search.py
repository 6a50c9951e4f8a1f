"""What defines a search: declared once, for Python, the command line and the record."""

from __future__ import annotations

from dataclasses import dataclass, field

from pns_tf.checks import choice, integer, number, options_of

OPTIMIZERS = ("adam", "sgd")
SCHEDULES_LR = ("constant", "cosine")
# What the paper calls multishot: fields of `SeekSettings`.
MULTISHOT = {"rounds": 10, "round_epochs": 5}


@dataclass(frozen=True)
class SeekSettings:
    """Everything that decides what is found, apart from the planted host.

    Attributes:
        pruner: one that the command pruners lists, or module:Class or file.py:Class for one of
            your own.
        density: fraction of all parameters, biases counted, that the found ticket keeps, above 0
            and at most 1.
        rounds: 1 for singleshot, otherwise rounds of multishot (train, prune, rewind).
        round_epochs: training epochs of each multishot round.
        epochs: epochs of the final training.
        prune_rounds: steps in which one pruning reaches its density, scoring anew each time.
        schedule: of these steps, exponential or linear.
        scope: global for one threshold, local for one per weight array, ``None`` for the pruner's
            own: global for scores, local for edge_popup.
        samples: size of the data set, a tenth of it for testing.
        noise: noise level of the data, ``None`` for the task's own.
        learning_rate: of the optimizer, for Adam 0.001 is usual, for SGD 0.1.
        batch_size: samples in each training step.
        optimizer: of multishot and the final training, adam or sgd, the latter with momentum 0.9.
        schedule_lr: of the learning rate in each of these trainings, constant, or cosine, by which
            it falls to zero step by step.
        seed: scores, ties and shuffling follow from it.
        options: other settings of the pruner itself, as a dict, see the command pruners.
    """

    pruner: str = "synflow"
    density: float = 0.1
    rounds: int = 1
    round_epochs: int = 5
    epochs: int = 10
    prune_rounds: int = 1
    schedule: str = "exponential"
    scope: str | None = None
    samples: int = 10_000
    noise: float | None = None
    learning_rate: float = 1e-3
    batch_size: int = 32
    optimizer: str = "adam"
    schedule_lr: str = "constant"
    seed: int = 0
    options: dict = field(default_factory=dict)

    @property
    def total_epochs(self) -> int:
        """Training epochs with a pruner that gives scores, multishot rounds included."""
        return self.epochs + (self.rounds * self.round_epochs if self.rounds > 1 else 0)

    def __post_init__(self):
        from pns_tf.pruning.thresholds import SCHEDULES, SCOPES  # takes long to import

        number("density", self.density, low=0.0, high=1.0, low_excluded=True)
        for name, minimum in (
            ("rounds", 1),
            ("round_epochs", 1),
            ("epochs", 0),
            ("prune_rounds", 1),
            ("samples", 10),
            ("batch_size", 1),
            ("seed", 0),
        ):
            integer(name, getattr(self, name), minimum)
        options_of(self.options)
        number("learning_rate", self.learning_rate, low=0.0, low_excluded=True)
        choice("schedule", self.schedule, SCHEDULES)
        choice("optimizer", self.optimizer, OPTIMIZERS)
        choice("schedule_lr", self.schedule_lr, SCHEDULES_LR)
        if self.scope is not None:
            choice("scope", self.scope, SCOPES)
