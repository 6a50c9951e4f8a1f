"""All that is known of the pruners without TensorFlow: one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pns_tf.checks import InputError, choice

# A weak ticket is one that is good once it is trained; papers do not agree from where on.
WEAK_FROM = {
    "host": "the host's own parameters",
    "early": "parameters after an early epoch of dense training, to which it is rewound",
    "search": "those that the search has trained, never rewound",
}


@dataclass(frozen=True)
class PrunerRow:
    """What runs, estimates and pictures know of a pruner; the class says the rest.

    Attributes:
        name: what the user types.
        place: "module:Class"; loaded at first use.
        version: part of the names of its runs, raised when equal settings come to give other
            results; ``None`` as long as they never have.
        effort: of its search with its own settings, in epochs of training.
        epochs: default of its option of that name, if the effort grows with it.
        widest: default of its option of that name, if it has one: of wider layers so many neurons
            are searched.
        weak_from: which parameters a weak ticket's reported training begins with, see `WEAK_FROM`;
            ``None`` for what only the search itself can say.
        trains: whether its search ends with a trained ticket, so that there is a weak one without
            any epoch after it.
        style: colour and marker in pictures, no other pruner's; ``None`` for those of the user's
            own, to which each picture gives one.
    """

    name: str
    place: str
    version: int | None = None
    effort: float = 0.0
    epochs: int | None = None
    widest: int | None = None
    style: tuple[str, str] | None = None
    weak_from: str | None = "host"
    trains: bool = False

    def effort_with(self, options: dict) -> float:
        """The effort with these options of the pruner.

        Example:
            >>> PRUNERS["edge_popup"].effort_with({"epochs": 20})
            66.0
        """
        if self.epochs is None:
            return self.effort
        return self.effort * options.get("epochs", self.epochs) / self.epochs

    def searched_width(self, width: int, options: dict) -> int:
        """Neurons of a layer of ``width`` that take part in the search."""
        return width if self.widest is None else min(width, options.get("widest", self.widest))


# Colours of Okabe and Ito: told apart by colour-blind readers.
ROWS = (
    PrunerRow("random", "pns_tf.pruners.random_scores:Random", style=("#7f7f7f", "o")),
    PrunerRow("magnitude", "pns_tf.pruners.magnitude:Magnitude", style=("#e69f00", "s")),
    PrunerRow("snip", "pns_tf.pruners.snip:Snip", style=("#56b4e9", "^")),
    PrunerRow("grasp", "pns_tf.pruners.grasp:Grasp", style=("#cc79a7", "v")),
    PrunerRow("synflow", "pns_tf.pruners.synflow:Synflow", style=("#009e73", "D")),
    PrunerRow(
        "edge_popup",
        "pns_tf.pruners.edge_popup:EdgePopup",
        effort=33,
        epochs=10,
        style=("#0072b2", "P"),
    ),
    PrunerRow(
        "edge_popup_scaled",
        "pns_tf.pruners.edge_popup:EdgePopupScaled",
        effort=165,
        epochs=50,
        style=("#332288", "*"),
    ),
    PrunerRow(
        "tfmot",
        "pns_tf.pruners.stock_tfmot:StockTFMOT",
        trains=True,
        effort=460,
        weak_from="search",
        style=("#882255", "h"),
    ),
    PrunerRow(
        "imp",
        "pns_tf.pruners.imp:IterativeMagnitudePruning",
        trains=True,
        effort=300,
        weak_from="early",
        style=("#b15928", "<"),
    ),
    PrunerRow(
        "imp_lr",
        "pns_tf.pruners.imp:LearningRateRewinding",
        trains=True,
        effort=300,
        weak_from="search",
        style=("#d9a066", ">"),
    ),
    PrunerRow(
        "rigl",
        "pns_tf.pruners.rigl:Rigl",
        trains=True,
        effort=230,
        epochs=50,
        weak_from="search",
        style=("#8a8a00", "p"),
    ),
    PrunerRow(
        "set",
        "pns_tf.pruners.rigl:Set",
        trains=True,
        effort=130,
        epochs=50,
        weak_from="search",
        style=("#d6c800", "X"),
    ),
    PrunerRow("force", "pns_tf.pruners.force:Force", effort=66, style=("#3f6fd8", "d")),
    PrunerRow(
        "iterative_snip", "pns_tf.pruners.force:IterativeSnip", effort=66, style=("#9db8f2", "8")
    ),
    PrunerRow(
        "iht",
        "pns_tf.pruners.iht:IterativeHardThresholding",
        trains=True,
        effort=460,
        epochs=50,
        weak_from="search",
        style=("#5c2a0e", "H"),
    ),
    PrunerRow(
        "continuous_sparsification",
        "pns_tf.pruners.continuous_sparsification:ContinuousSparsification",
        version=3,
        effort=560,
        epochs=200,
        style=("#6a3d9a", "v"),
    ),
    PrunerRow(
        "hard_concrete",
        "pns_tf.pruners.hard_concrete:HardConcrete",
        version=3,
        effort=1150,
        epochs=200,
        style=("#b07cd8", "D"),
    ),
    PrunerRow(
        "concrete_ticket_search",
        "pns_tf.pruners.concrete_ticket_search:ConcreteTicketSearch",
        version=3,
        effort=1150,
        epochs=200,
        style=("#0f6b80", "s"),
    ),
    PrunerRow(
        "concrete_ticket_search_kl",
        "pns_tf.pruners.concrete_ticket_search:ConcreteTicketSearchKL",
        version=3,
        effort=1800,
        epochs=200,
        style=("#7be0e8", "o"),
    ),
    PrunerRow(
        "gem_miner",
        "pns_tf.pruners.gem_miner:GemMiner",
        version=3,
        effort=1300,
        epochs=400,
        style=("#000000", "P"),
    ),
    PrunerRow(
        "pns",
        "pns_tf.pruners.pns:PlantNSeek",
        version=8,
        effort=450,
        widest=100,
        style=("#e0007a", "*"),
    ),
    PrunerRow(
        "pns_weak",
        "pns_tf.pruners.pns_weak:PlantNSeekWeak",
        trains=True,
        version=9,
        effort=500,
        widest=200,
        style=("#ff7fbf", "X"),
    ),
)
PRUNERS = {row.name: row for row in ROWS}
ORACLE = "oracle"  # in runs that are ranked: the planted masks themselves, which no search may see
# What is known of a pruner of the user's own; from version 1 on it does not get the host's seed.
OWN = PrunerRow("", "", version=1, weak_from=None, trains=True)


def check_name(pruner: object) -> str:
    """Returns the name of a pruner that comes along, or "module:Class", which is not looked up.

    Raises:
        ValueError: neither; the message names the choices.

    Example:
        >>> check_name("snip"), check_name("mine.py:Best")
        ('snip', 'mine.py:Best')
    """
    if ":" in str(pruner):
        return str(pruner)
    if str(pruner).endswith(".py"):
        raise InputError(
            f"pruner {pruner!r} needs the name of its class or function: {pruner}:MyPruner"
        )
    return choice("pruner", pruner, PRUNERS)


def row_of(pruner: str) -> PrunerRow:
    """The row of a pruner; for "module:Class" one that knows nothing."""
    return PRUNERS.get(pruner, OWN)


def weak_from(pruner: str, trained: bool, options: Mapping[str, object] | None = None) -> str:
    """Where the weak ticket of a run begins, a key of `WEAK_FROM`.

    Args:
        pruner: its name.
        trained: whether the search has returned trained weights, which says it for one of the
            user's own.
        options: the pruner's; those of imp say where it rewinds to.

    Example:
        >>> weak_from("rigl", trained=True), weak_from("my_module:Mine", trained=False)
        ('search', 'host')
    """
    known, options = row_of(pruner).weak_from, options or {}
    if known == "early" and options.get("rewind") == "learning_rate":
        return "search"
    if known == "early" and options.get("rewind_epoch") == 0:
        return "host"
    return known if known is not None else "search" if trained else "host"
