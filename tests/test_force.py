"""FORCE and iterative SNIP: connection sensitivity in small steps."""

import numpy as np
import pytest

import pns_tf
from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.hosts.models import same_architecture, set_masks
from pns_tf.pruners.batch import scoring_batch
from pns_tf.pruning.thresholds import global_masks
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeding import generator
from pns_tf.seeking import seek
from pns_tf.training.loop import Loop

FAST = {"samples": 500, "epochs": 0}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


def test_iterative_snip_is_snip_in_as_many_pruning_rounds(planted):
    snip = seek(planted, "snip", 0.05, prune_rounds=8, **FAST)
    iterative = pruners.get("iterative_snip", rounds=8).find(
        same_architecture_and_weights(planted.host),
        planted.data(500),
        SeekSettings("iterative_snip", density=0.05),
        Loop(generator(0, "ties")),  # the stream that breaks ties when seeking
    )
    assert iterative.mask == snip.masks


def same_architecture_and_weights(host):
    model = same_architecture(host, "copy")
    model.set_weights(host.get_weights())
    return model


@pytest.mark.parametrize("scope", ["global", "local"])
def test_force_keeps_exactly_the_density_asked_for(planted, scope):
    found = seek(planted, "force", 0.037, scope=scope, options={"rounds": 5}, **FAST)
    count = sum(round(0.037 * m.size) for m in found.masks)
    assert found.masks.kept == (round(0.037 * found.masks.size) if scope == "global" else count)


def test_force_scores_what_is_pruned_and_lets_it_return(planted):
    data = planted.data(500)
    x, y = scoring_batch(data.x_train, data.y_train, classes=4)
    model = same_architecture_and_weights(planted.host)
    settings = SeekSettings("force", density=0.04)
    found = pruners.get("force", rounds=2).find(
        model, data, settings, Loop(np.random.default_rng(0))
    )

    set_masks(model, [np.ones_like(mask) for mask in found.mask])
    rng = np.random.default_rng(0)
    first = global_masks(pruners.get("snip").score(model, x, y), 0.2, rng=rng)
    set_masks(model, first)
    second = global_masks(pruners.get("snip").score(model, x, y), 0.04, rng=rng)
    assert found.mask == second
    returned = sum(int(np.sum(b & ~a)) for a, b in zip(first, second, strict=True))
    assert returned > 0


def test_options_that_cannot_work_are_named():
    with pytest.raises(InputError, match="rounds of force must be an integer of at least 1, got 0"):
        pruners.get("force", rounds=0)
    with pytest.raises(InputError, match="'resurrect' of pruner 'iterative_snip' must be of type"):
        pruners.get("iterative_snip", resurrect=3)
