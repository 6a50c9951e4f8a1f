"""The experiments that come with the project."""

from __future__ import annotations

import runpy
from dataclasses import replace
from typing import Any

from pns_tf.checks import InputError, choice, integer
from pns_tf.experiments.experiment import Experiment
from pns_tf.hosts.resnet import Resnet
from pns_tf.hosts.vgg import Vgg
from pns_tf.own_modules import load, reason
from pns_tf.planting.algorithm import baseline_density
from pns_tf.recipe.run import Run, grid
from pns_tf.recipe.search import MULTISHOT, SeekSettings

TASKS = ("circle", "helix", "relu")
SCORERS = ("random", "magnitude", "snip", "grasp", "synflow")
DENSITIES = ("baseline", 0.01, 0.1, 0.5, 1.0)
NOISE = (0.0, 0.001, 0.01, 0.1)
SEED = (0,)
VGG_DENSITIES = (0.01, 0.05, 0.1, 0.2, 0.5)
LEVELS = 5  # of edge-popup's annealing on images
TRANSFER_DENSITIES = (0.02, 0.05, 0.1, 0.2)
RANKING_SEED = 10_000  # settings are chosen with smaller ones
CIFAR10_IMAGES = 50_000  # for training


def _singleshot(depth: int) -> list[Run]:
    return grid(TASKS, SCORERS, DENSITIES, SEED, depth=depth)


def _multishot() -> list[Run]:
    popups = [("edge_popup", {}), ("edge_popup", {"anneal": True})]
    return [
        *grid(TASKS, SCORERS, DENSITIES, SEED, **MULTISHOT),
        *grid(TASKS, popups, DENSITIES, SEED),
    ]


def _noise() -> list[Run]:
    return [
        run
        for noise in NOISE
        for run in grid(["circle"], SCORERS, DENSITIES, SEED, depth=6, noise=noise, **MULTISHOT)
    ]


def _edge_popup() -> list[Run]:
    """Strong tickets: what the slips of the published code cost, and what a longer search gains."""
    densities = ("baseline", 0.01, 0.1, 0.5)
    variants: tuple[dict, ...] = (
        {"as_published": True},
        {"as_published": True, "anneal": True},
        {"zero_bias_scores": True},
        {"zero_bias_scores": True, "anneal": True},
        {},
        {"anneal": True},
    )
    pruners = [("edge_popup", options) for options in variants]
    runs = grid(TASKS, pruners, densities, SEED, epochs=0)
    runs += grid(
        TASKS, [("edge_popup", {"anneal": True})], densities, SEED, epochs=0, scope="global"
    )
    runs += grid(TASKS, ["edge_popup_scaled"], densities, SEED, epochs=0)
    return runs


def _edge_popup_ablation() -> list[Run]:
    """From annealed edge-popup to the scaled one, and what else might help."""
    longer, scaled, undecayed = {"epochs": 50}, {"scaled_loss": True}, {"weight_decay": 0.0}
    variants: tuple[dict, ...] = (
        {},
        scaled,
        longer,
        scaled | undecayed,
        longer | undecayed,
        scaled | longer | undecayed,
        scaled | longer | undecayed | {"learning_rate": 0.3},
    )
    pruners = [("edge_popup", {"anneal": True} | variant) for variant in variants]
    return grid(["helix", "relu"], [*pruners, "edge_popup_scaled"], [0.1, 0.5], SEED, epochs=0)


def _judged(runs: list[Run]) -> list[Run]:
    """The same runs, judged by the rule of rankings, on 100,000 fresh samples."""
    return [replace(run, ranked=True) for run in runs]


def _frontier() -> list[Run]:
    """The project's own searchers near the planted density."""
    strong = {"circle": 0.008, "helix": 0.03, "relu": 2 * baseline_density("relu", 5, 100)}
    weak = {"circle": 1, "helix": 2, "relu": 1}  # times the planted density
    runs = []
    for task in TASKS:
        runs += grid([task], ["pns"], [strong[task]], SEED, epochs=0)
        density = weak[task] * baseline_density(task, 5, 100)
        runs += grid([task], ["pns_weak"], [density], SEED, epochs=0)
    return _judged(runs)


def _frontier_shapes() -> list[Run]:
    """The same in hosts of other shapes."""
    runs = []
    for depth, width in ((3, 100), (10, 100), (6, 1000)):
        planted = baseline_density("circle", depth, width)
        host = {"depth": depth, "width": width}
        runs += grid(["circle"], ["pns"], [1.5 * planted], SEED, epochs=0, **host)
        runs += grid(["circle"], ["pns_weak"], [planted], SEED, epochs=0, **host)
    return _judged(runs)


def _frontier_nearer() -> list[Run]:
    """The same at the densities that are aimed at, sparser than those of the frontier."""
    runs = []
    for task, pruner, times in (
        ("circle", "pns", 1.0),
        ("helix", "pns", 3.0),
        ("circle", "pns_weak", 0.6),
        ("helix", "pns_weak", 1.5),
    ):
        density = times * baseline_density(task, 5, 100)
        runs += grid([task], [pruner], [density], SEED, epochs=0)
    return _judged(runs)


def _pns_ablation() -> list[Run]:
    """The two searchers without one of their parts, or with other settings."""
    strong: tuple[dict, ...] = (
        {},
        {"swap_rounds": 0},
        {"epochs": 1},
        {"epochs": 300},
        {"swap_rounds": 150},
        {"wake": False},
        {"sharpness": 20.0},
        {"learning_rate": 0.05},
    )
    weak: tuple[dict, ...] = (
        {},
        {"swaps": 0},
        {"margin": 1.0},
        {"signs": False},
        {"rewinds": 0},
        {"signs": False, "rewinds": 0},
        {"repairs": 0},
        {"rounds": 20},
        {"last_epochs": 100},
    )
    runs = []
    for task, density, times in (("circle", 0.008, 1), ("helix", 0.03, 2)):
        runs += grid([task], [("pns", options) for options in strong], [density], SEED, epochs=0)
        planted = times * baseline_density(task, 5, 100)
        runs += grid([task], [("pns_weak", options) for options in weak], [planted], SEED, epochs=0)
    return _judged(runs)


def _vgg16(
    width_multiplier: float = 1.0, epochs: int = 10, samples: int = CIFAR10_IMAGES
) -> list[Run]:
    """Weak tickets by multishot pruning; then edge-popup, where synflow's sparsest is planted.

    Args:
        width_multiplier: of all channels.
        epochs: of the final training and of edge-popup, half as many in each multishot round.
        samples: training images, a tenth of them held out.
    """
    integer("epochs", epochs, minimum=1)
    host = Vgg("vgg16", "cifar10", width_multiplier, shape=(32, 32, 3), classes=10)
    host.check_data(samples, None, 0)
    samples = min(samples, CIFAR10_IMAGES)
    multishot: dict[str, Any] = {
        "rounds": 10,
        "round_epochs": max(epochs // 2, 1),
        "epochs": epochs,
    }
    weak = {
        (pruner, density): Run(host, SeekSettings(pruner, density, samples=samples, **multishot))
        for density in VGG_DENSITIES
        for pruner in SCORERS
    }
    planted = weak["synflow", min(VGG_DENSITIES)]
    anneal = {"anneal": True, "epochs": epochs, "levels": min(LEVELS, epochs)}
    strong = [
        Run(
            host,
            SeekSettings("edge_popup", density, epochs=0, options=anneal, samples=samples),
            ticket=planted,
        )
        for density in VGG_DENSITIES
    ]
    return [*weak.values(), *strong]


def _transfer(width_multiplier: float = 0.5, epochs: int = 10, samples: int = 5_000) -> list[Run]:
    """Weak tickets of a small residual network, by every pruner that takes minutes.

    Args:
        width_multiplier: of all channels.
        epochs: of the final training, and of searches that count them.
        samples: training images, a tenth of them held out.
    """
    integer("epochs", epochs, minimum=1)
    host = Resnet("resnet8", "cifar10", width_multiplier, shape=(32, 32, 3), classes=10)
    host.check_data(samples, None, 0)
    samples = min(samples, CIFAR10_IMAGES)
    multishot = {"rounds": 5, "round_epochs": max(epochs // 5, 1)}
    counted = {"epochs": epochs}
    ways: list[tuple[str, dict, dict]] = [
        *((name, {}, {}) for name in SCORERS),
        *((name, {}, multishot) for name in ("magnitude", "snip", "synflow")),
        ("synflow", {}, {"prune_rounds": 100}),
        *((name, {}, {}) for name in ("force", "iterative_snip", "tfmot")),
        *((name, counted, {}) for name in ("edge_popup", "rigl", "set", "iht")),
        *((name, {"fraction": 0.5}, {}) for name in ("imp", "imp_lr")),
    ]
    return [
        Run(
            host,
            SeekSettings(
                pruner,
                density,
                epochs=epochs,
                batch_size=64,
                samples=samples,
                options=options,
                **search,
            ),
        )
        for density in TRANSFER_DENSITIES
        for pruner, options, search in ways
    ]


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment("figure3", "singleshot pruning", _singleshot(depth=5), seeds=25),
        Experiment("figure4", "multishot pruning and edge-popup", _multishot()),
        Experiment("figure5", "VGG16 on CIFAR-10", _vgg16(), seeds=3, remake=_vgg16),
        Experiment("figure6", "singleshot pruning at depth 3", _singleshot(depth=3), seeds=25),
        Experiment("figure7", "singleshot pruning at depth 5", _singleshot(depth=5), seeds=25),
        Experiment("figure8", "singleshot pruning at depth 10", _singleshot(depth=10), seeds=25),
        Experiment(
            "figure9",
            "singleshot pruning at width 1000",
            grid(["circle"], SCORERS, DENSITIES, SEED, depth=6, width=1000),
        ),
        Experiment(
            "figure10",
            "synflow with 100 pruning rounds",
            grid(["circle"], ["synflow"], DENSITIES, SEED, depth=6, prune_rounds=100),
        ),
        Experiment("figure11", "multishot pruning under label noise", _noise()),
        Experiment(
            "figure12",
            "multishot pruning layer by layer",
            grid(["circle"], SCORERS, DENSITIES, SEED, scope="local", **MULTISHOT),
        ),
        Experiment("edge_popup", "strong tickets by edge-popup", _edge_popup()),
        Experiment(
            "edge_popup_ablation",
            "what makes edge-popup fail on regression",
            _edge_popup_ablation(),
        ),
        Experiment(
            "frontier",
            "how sparse tickets the project's own searchers find",
            _frontier(),
            first_seed=RANKING_SEED,
        ),
        Experiment(
            "frontier_shapes",
            "the same in hosts of other shapes",
            _frontier_shapes(),
            seeds=3,
            first_seed=RANKING_SEED,
        ),
        Experiment(
            "frontier_nearer",
            "the same at sparser densities, at which they are to arrive",
            _frontier_nearer(),
            first_seed=RANKING_SEED,
        ),
        Experiment(
            "pns_ablation",
            "what pns and pns_weak owe to each of their parts",
            _pns_ablation(),
            seeds=5,
            first_seed=RANKING_SEED,
        ),
        Experiment(
            "transfer",
            "whether the ranking of pruners on computed tasks holds on CIFAR-10",
            _transfer(),
            seeds=3,
            remake=_transfer,
            first_seed=RANKING_SEED,
        ),
    )
}


def find(name: str | None) -> Experiment:
    """Returns an experiment by its name, or the ``EXPERIMENT`` of a Python file.

    Args:
        name: one of `EXPERIMENTS`, a file, or "module:NAME" for another name than ``EXPERIMENT``.

    Raises:
        ValueError: there is none of that name (the message names the choices), or the file does
            not define one.
    """
    if isinstance(name, str) and ":" in name:
        experiment = load("experiment", name)
        return _checked_own(f"experiment {name!r}", experiment)
    if name is None or not str(name).endswith(".py"):
        return EXPERIMENTS[choice("experiment", name, EXPERIMENTS)]
    try:
        experiment = runpy.run_path(str(name))["EXPERIMENT"]
    except (Exception, SystemExit) as error:  # whatever the user's file raises
        raise InputError(f"{name} cannot be loaded: {reason(error)}") from error
    return _checked_own(f"EXPERIMENT in {name}", experiment)


def _checked_own(where: str, experiment: object) -> Experiment:
    """Returns an experiment of the user's own, unless it would be taken for one of these."""
    if not isinstance(experiment, Experiment):
        raise InputError(f"{where} must be an Experiment, got {experiment!r}")
    namesake = {name.lower(): known for name, known in EXPERIMENTS.items()}.get(
        experiment.name.lower()
    )
    if namesake is not None and experiment != namesake:
        raise InputError(
            f"{where} needs a name of its own: {experiment.name!r} is one of the catalogue's"
        )
    return experiment
