"""Seeking: how pruners are run on a planted host, and what is said about the ticket they find."""

import dataclasses

import numpy as np
import pytest

import pns_tf
import tasks
from pns_tf.hosts.models import host_arrays
from pns_tf.masks import Mask
from pns_tf.pruners.base import Pruner
from pns_tf.seeking import seek
from tasks import InputError

FAST = {"samples": 500, "epochs": 1}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


class PlantedFirst(Pruner):
    """Knows the answer: scores the planted ticket highest."""

    answer = None

    def calculate_scores(self, network, x, y):
        return [mask.astype(np.float32) for mask in self.answer]


@pytest.mark.parametrize("pruner", ["random", "magnitude", "snip", "grasp", "synflow"])
@pytest.mark.parametrize("density", [0.5, 0.037])
def test_every_pruner_keeps_exactly_the_density_asked_for(planted, pruner, density):
    found = seek(planted, pruner, density, **FAST)
    assert found.masks.kept == round(density * found.masks.size)
    assert found.metrics["density_kept"] == found.masks.density
    assert found.metrics["density_asked"] == density


def test_a_pruner_that_knows_the_answer_recovers_the_whole_ticket(planted):
    pruner = PlantedFirst()
    pruner.answer = planted.planted_masks
    found = seek(planted, pruner, planted.planted_masks.density, **FAST)
    assert found.masks == planted.planted_masks
    assert found.metrics["f1"] == found.metrics["jaccard"] == 1.0


def test_the_planted_ticket_is_strong_once_its_outputs_are_rescaled():
    planted = pns_tf.plant("helix", depth=4, width=40)
    pruner = PlantedFirst()
    pruner.answer = planted.planted_masks
    found = seek(planted, pruner, planted.planted_masks.density, epochs=0)
    assert found.metrics["strong"] == pytest.approx(found.metrics["planted"], rel=1e-3)
    assert found.metrics["strong"] < 2e-4 < 0.1 < found.metrics["before"]


def test_the_strong_ticket_is_the_host_itself_under_the_found_mask(planted):
    found = seek(planted, "snip", 0.2, **FAST)
    for ours, hosts in zip(host_arrays(found.pruned), host_arrays(planted.host), strict=True):
        for a, b in zip(ours, hosts, strict=True):
            np.testing.assert_array_equal(a, b)
    masks = [
        np.asarray(mask)
        for layer in found.pruned.layers[1:]
        for mask in (layer.kernel_mask, layer.bias_mask)
    ]
    assert Mask(masks) == found.masks


def test_training_moves_kept_parameters_only(planted):
    found = seek(planted, "magnitude", 0.2, **FAST)
    trained, initial = host_arrays(found.model), host_arrays(found.pruned)
    for after, before, mask in zip(trained[0], initial[0], found.masks.kernels, strict=True):
        np.testing.assert_array_equal(after[~mask], before[~mask])
        assert np.any(after[mask] != before[mask])


def test_seeking_leaves_the_planted_host_as_it_was(planted):
    before = planted.host.get_weights()
    seek(planted, "grasp", 0.3, **FAST)
    for a, b in zip(planted.host.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_multishot_trains_prunes_and_rewinds(planted):
    found = seek(planted, "magnitude", 0.1, rounds=3, round_epochs=2, **FAST)
    assert len(found.history) == 3 * 2 + 1
    assert found.masks.kept == round(0.1 * found.masks.size)
    for a, b in zip(host_arrays(found.pruned)[0], host_arrays(planted.host)[0], strict=True):
        np.testing.assert_array_equal(a, b)
    singleshot = seek(planted, "magnitude", 0.1, **FAST)
    assert found.masks != singleshot.masks  # it is the trained magnitudes that count


@pytest.mark.slow
def test_many_pruning_rounds_prevent_layer_collapse_by_synflow():
    planted = pns_tf.plant("circle", depth=6, width=30)
    once = seek(planted, "synflow", 0.02, **FAST)
    often = seek(planted, "synflow", 0.02, prune_rounds=100, **FAST)
    assert once.metrics["flow_collapse"] == 1.0
    assert often.metrics["flow_collapse"] == 0.0
    assert often.masks.kept == once.masks.kept


def test_local_scope_gives_every_array_the_same_density(planted):
    found = seek(planted, "snip", 0.1, scope="local", **FAST)
    assert [int(m.sum()) for m in found.masks] == [round(0.1 * m.size) for m in found.masks]


@pytest.mark.slow
def test_stock_tfmot_prunes_each_array_as_its_schedule_asks(planted):
    found = seek(planted, "tfmot", 0.1, samples=1000, epochs=3)
    assert [int(m.sum()) for m in found.masks] == [max(round(0.1 * m.size), 1) for m in found.masks]
    assert len(found.history) == 3
    trained, _ = host_arrays(found.model)
    for kernel, mask in zip(trained, found.masks.kernels, strict=True):
        assert np.all(kernel[~mask] == 0)


@pytest.mark.parametrize(
    ("pruner", "setting", "value"),
    [("tfmot", "rounds", 2), ("pns", "scope", "local"), ("iht", "schedule", "linear")],
)
def test_a_setting_that_a_searcher_does_not_heed_is_refused(planted, pruner, setting, value):
    refused = f"'{pruner}' goes its own way: leave out {setting}, got {value!r}"
    with pytest.raises(InputError, match=refused):
        seek(planted, pruner, 0.1, **{setting: value})


@pytest.mark.parametrize("pruner", ["snip", "pns"])
def test_a_density_that_keeps_nothing_is_refused(planted, pruner):
    with pytest.raises(InputError, match=r"keep at least one of the host's \d+ .*, got 1e-05"):
        seek(planted, pruner, 1e-5)


def test_data_of_another_kind_than_the_planted_task_are_refused(planted):
    data = tasks.get("helix").data(100)
    with pytest.raises(InputError, match="be for classification, got labels for regression"):
        seek(planted, "snip", 0.1, data=data)


def test_what_a_pruner_trains_itself_is_not_augmented_and_that_is_said():
    host = pns_tf.vgg_host((8, "M", 16), shape=(8, 8, 3), classes=3)
    x, y = np.zeros((4, 8, 8, 3), np.float32), np.arange(4) % 3
    data = tasks.Data(x, y, x, y)
    with pytest.raises(InputError, match="'rigl' goes its own way: leave out augmented, got True"):
        seek(host, "rigl", 0.5, data=data, augmented=True)


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["random", "synflow", "tfmot"])
def test_the_same_seed_finds_the_same_ticket(planted, pruner):
    first, second = (seek(planted, pruner, 0.3, seed=5, **FAST) for _ in range(2))
    assert first.masks == second.masks
    assert first.metrics == second.metrics
    assert first.history == second.history


def test_another_seed_finds_another_random_ticket(planted):
    assert seek(planted, "random", 0.3, seed=1, **FAST).masks != (
        seek(planted, "random", 0.3, seed=2, **FAST).masks
    )


def test_baseline_stands_for_the_planted_density(planted):
    found = seek(planted, "random", "baseline", **FAST)
    assert found.metrics["density_asked"] == planted.density


def test_a_target_of_ones_own_is_sought_with_ones_own_data():
    target = tasks.Target([np.ones((1, 2)), np.ones((2, 1))], [np.zeros(2), np.zeros(1)])
    planted = pns_tf.plant(target, width=20)
    data = tasks.get("relu").data(300)
    found = seek(planted, "magnitude", 0.5, data=data, epochs=2)
    assert found.kind == "regression"
    assert found.metrics["planted"] < 1e-3
    with pytest.raises(InputError, match="no task to draw data from"):
        seek(planted, "magnitude", 0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"density": 0}, "density must be a number above 0 and at most 1, got 0"),
        ({"density": 1.5}, "density must be .* got 1.5"),
        ({"pruner": "synflw"}, "unknown pruner 'synflw': choose from random, .*did you mean"),
        ({"rounds": 0}, "rounds must be an integer of at least 1, got 0"),
        ({"scope": "layer"}, "unknown scope 'layer': choose from global, local"),
        ({"schedule": "cubic"}, "unknown schedule 'cubic': choose from exponential, linear"),
        ({"options": {"temprature": 3}}, "unknown option of pruner 'synflow' 'temprature'"),
        ({"learning_rate": -1.0}, "learning_rate must be a number above 0, got -1.0"),
    ],
)
def test_settings_that_cannot_work_are_named(planted, arguments, message):
    with pytest.raises(InputError, match=message):
        seek(planted, **arguments)


@pytest.mark.parametrize("name", ["x_train", "y_test"])
def test_data_with_nan_are_refused(name):
    planted = pns_tf.plant("relu", depth=3, width=10)
    data = planted.data(100)
    array = getattr(data, name).copy()
    array[7] = np.nan
    with pytest.raises(InputError, match=f"{name} holds NaN or infinity in row 7"):
        seek(planted, "random", data=dataclasses.replace(data, **{name: array}))


def test_scores_that_are_nan_name_pruner_and_layer(planted):
    pruner = PlantedFirst()
    pruner.answer = [
        np.full(m.shape, np.nan if i == 2 else 0) for i, m in enumerate(planted.planted_masks)
    ]
    with pytest.raises(InputError, match="'PlantedFirst' scores layer1/kernel with NaN"):
        seek(planted, pruner, 0.5, **FAST)
