"""The rule of rankings: one for all tickets, planted or found, strong or weak.

- Every network is judged on 100,000 samples, drawn apart from the training data, after one
  positive scale per output that is fitted on training data.
- A strong ticket is the mask on the host's own parameters.
- A weak ticket is the mask trained from the host's own parameters by
  `pns_tf.training.last.last_training`. Of the parameters before and after its trainings those
  count that are best on the training data. So no ticket is spoilt by training.
- Beside it stands the ticket as its pruner's paper has it: trained as the run's settings say, or by
  the search itself.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tf_keras as keras

from pns_tf.checks import InputError
from pns_tf.hosts.compaction import compact
from pns_tf.measuring.evaluation import evaluate_strong, outputs
from pns_tf.recipe.hosts import Host
from pns_tf.recipe.planting import Planting
from pns_tf.recipe.run import Run
from pns_tf.seeding import generator
from pns_tf.tasks import Data
from pns_tf.tasks.kinds import Kind
from pns_tf.training.last import last_training

if TYPE_CHECKING:
    from pns_tf.found_ticket import FoundTicket
    from pns_tf.planting.planted import Planted

FRESH_SAMPLES = 100_000  # of a computed task, on which tickets are judged
FRESH_SEED = 1_000_003  # added to the seed: no run's own
# What `pns_tf.seek` measures on the paper's 1,000 samples, by the paper's rules.
BY_THE_PAPER = (
    *("before", "strong", "strong_unscaled", "final", "planted", "best_constant"),
    *("validation", "validation_strong", "validation_planted", "soft", "soft_hard_gap"),
)


def ranked_metrics(found: FoundTicket, planted: Planted, planting: Planting) -> dict[str, object]:
    """What a found ticket is worth in a ranking.

    Args:
        found: in the planted host.
        planted: that host.
        planting: what it was made of, with the noise of the data.

    Returns:
        ``strong`` and ``final``, the metrics of strong and weak ticket; ``final_published``, that
        of the weak ticket as its paper has it; ``planted`` and ``best_constant``, by the same rule;
        ``truth``, the planted ticket's weights and biases by all parameters; and of the last
        training ``last_rate``, ``last_epochs`` and ``last_seconds``.
    """
    data, kind = judging_data(planting), found.kind
    of_planted = _of_planted(planted, planting)
    if found.masks == planted.planted_masks:
        own = of_planted
    else:
        pruned = compact(found.pruned, padded=True).model
        own = _before_and_after_training(pruned, kind, data, planting.seed, found.search.head)
    return {
        "truth": planted.planted_masks.density,
        "planted": of_planted["strong"],
        "best_constant": kind.best_constant(data.y_train, data.y_test),
        "strong": own["strong"],
        "final": own["final"],
        "final_published": evaluate_strong(compact(found.model).model, kind, data).metric,
        **{name: own[name] for name in ("last_rate", "last_epochs", "last_seconds")},
    }


def check_ranked(run: Run) -> Planting:
    """The planting of a run that is to be ranked.

    Raises:
        ValueError: no ticket of a computed task is planted, so that no fresh samples can be drawn.
    """
    if run.planting is None or run.host.problem is None:
        raise InputError(
            f"only tickets of computed tasks are ranked, got {run.host.name} with {run.task}"
        )
    return run.planting


@functools.lru_cache(maxsize=2)
def judging_data(planting: Planting) -> Data:
    """The training data, on which scales are fitted, with samples that nobody has seen."""
    host, noise = planting.host, planting.noise
    data = host.data(planting.samples, noise, planting.seed)
    return Data(data.x_train, data.y_train, *fresh_samples(host, noise, planting.seed))


def fresh_samples(host: Host, noise: float | None, seed: int) -> tuple:
    """100,000 samples ``(x, y)`` of a computed task, on which no run has trained or been chosen."""
    drawn = host.data(10 * FRESH_SAMPLES, noise, seed + FRESH_SEED)
    return drawn.x_test, drawn.y_test


@functools.lru_cache(maxsize=2)
def _of_planted(planted: Planted, planting: Planting) -> dict[str, float]:
    """Metrics of the planted masks; the runs in one host follow one another."""
    data, kind = judging_data(planting), planted.kind
    assert kind is not None
    model = compact(planted.ticket, padded=True).model
    return _before_and_after_training(model, kind, data, planting.seed)


def _before_and_after_training(
    model: keras.Model, kind: Kind, data: Data, seed: int, head: Callable | None = None
) -> dict[str, float]:
    """Metrics of a strong ticket and of the weak one with the same masks.

    Args:
        model: the strong ticket; it stays as it is.
        kind: of the task.
        data: training data and fresh samples.
        seed: shuffles.
        head: what the strong ticket's outputs go through, if anything.
    """
    start = time.perf_counter()
    trained = last_training(model, data, generator(seed, "last training"))
    initial, fitted = model.get_weights(), []
    for weights in trained.weights:  # the initial ones first
        model.set_weights(weights)
        fitted.append(_fitted(model, kind, data))
    best = min(range(len(fitted)), key=lambda place: fitted[place][0])
    spent = time.perf_counter() - start
    model.set_weights(trained.weights[best])
    final = _judged(model, kind, data, fitted[best][1])
    model.set_weights(initial)
    if head is not None:
        strong = evaluate_strong(lambda x: head(model(x)), kind, data).metric
    else:
        strong = final if best == 0 else _judged(model, kind, data, fitted[0][1])
    return {
        "strong": strong,
        "final": final,
        "last_rate": trained.rate,
        "last_epochs": float(trained.epochs),
        "last_seconds": spent,
    }


def _fitted(model: keras.Model, kind: Kind, data: Data) -> tuple[float, np.ndarray]:
    """The error on the training data with the scales that fit best, and these."""
    train = outputs(model, data.x_train)
    scales = kind.fit_scales(train, data.y_train)
    return float(kind.error(kind.judge(train * scales, data.y_train))), scales


def _judged(model: keras.Model, kind: Kind, data: Data, scales: np.ndarray) -> float:
    """The metric on fresh samples."""
    return kind.judge(np.asarray(outputs(model, data.x_test), np.float64) * scales, data.y_test)
