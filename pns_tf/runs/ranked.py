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

import tensorflow as tf
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
    data = judging_data(planting)
    judge = functools.partial(_metric, kind=found.kind, data=data)
    pruned = compact(found.pruned, padded=True).model
    if found.masks == planted.planted_masks:
        last = _of_planted(planted, planting)
    else:
        last = _weak(pruned, found.kind, data, planting.seed)
    head = found.search.head or tf.identity
    return {
        "truth": planted.planted_masks.density,
        "planted": _of_planted(planted, planting)["strong"],
        "best_constant": found.kind.best_constant(data.y_train, data.y_test),
        "strong": judge(lambda x: head(pruned(x))),
        "final": last["final"],
        "final_published": judge(compact(found.model).model),
        **{name: last[name] for name in ("last_rate", "last_epochs", "last_seconds")},
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
    weak = _weak(model, kind, data, planting.seed)
    return {"strong": _metric(model, kind, data), **weak}


def _weak(model: keras.Model, kind: Kind, data: Data, seed: int) -> dict[str, float]:
    start = time.perf_counter()
    trained = last_training(model, data, generator(seed, "last training"))
    initial = model.get_weights()

    def error(weights: list) -> float:
        model.set_weights(weights)
        train = outputs(model, data.x_train)
        scaled = train * kind.fit_scales(train, data.y_train)
        return float(kind.error(kind.judge(scaled, data.y_train)))

    model.set_weights(min(trained.weights, key=error))
    spent = time.perf_counter() - start
    metric = _metric(model, kind, data)
    model.set_weights(initial)
    return {
        "final": metric,
        "last_rate": trained.rate,
        "last_epochs": float(trained.epochs),
        "last_seconds": spent,
    }


def _metric(network: Callable, kind: Kind, data: Data) -> float:
    return evaluate_strong(network, kind, data).metric
