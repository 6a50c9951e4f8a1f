"""A search that is killed goes on from its last epoch, with the same numbers as undisturbed."""

import contextlib

import numpy as np
import pytest

import pns_tf
from pns_tf.pruners import pns_weak
from pns_tf.training import checkpoints
from pns_tf.training.checkpoints import kept_in, next_stage
from pns_tf.training.loop import Loop
from pns_tf.training.validation import Images
from tasks import InputError

SETTINGS = {"seed": 0}
GATES = {"epochs": 5, "gate_batch_size": 64}
# Every kind of search, short, but with all its parts.
SEARCHES = {
    "snip": {"rounds": 2, "round_epochs": 2, "epochs": 3},
    "edge_popup": {"options": {"epochs": 5, "anneal": True}, "epochs": 2},
    "imp": {"options": {"fraction": 0.5, "rewind_epoch": 1}, "epochs": 3},
    "rigl": {"options": {"epochs": 4, "interval": 3}, "epochs": 2},
    "iht": {"options": {"epochs": 4}, "epochs": 2},
    "tfmot": {"options": {"frequency": 5}, "epochs": 5},
    "continuous_sparsification": {"options": GATES, "epochs": 2},
    "concrete_ticket_search": {"options": GATES, "epochs": 2},
    "gem_miner": {"options": {**GATES, "freezes": 4}, "epochs": 2},
    "pns": {"options": {**GATES, "swap_rounds": 5}, "epochs": 2},
    "pns_weak": {
        "options": {
            "magnitude_rounds": 2,
            "magnitude_epochs": 2,
            "rounds": 3,
            "round_epochs": 2,
            "rewinds": 1,
            "rewind_epochs": 2,
            "last_epochs": 3,
            "repairs": 1,
            "repair_rounds": 2,
        },
    },
}


class Killed(Exception):
    """Stands for a power cut."""


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch):
    monkeypatch.setattr(checkpoints, "EVERY", 0.0)


def search(watch=None, pruner="snip", **settings):
    planted = pns_tf.plant("circle", depth=3, width=25)
    return pns_tf.seek(planted, pruner, 0.3, samples=300, watch=watch, **settings)


@pytest.fixture
def executed(monkeypatch):
    """Grows by one with every epoch, or round of swaps, that is computed."""
    epochs, run = [], Loop.run

    def counting(loop, count, step, *others, **named):
        def counted(number):
            epochs.append(number)
            return step(number)

        return run(loop, count, counted, *others, **named)

    monkeypatch.setattr(Loop, "run", counting)
    return epochs


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_a_killed_search_goes_on_with_the_same_numbers(name, tmp_path, executed, monkeypatch):
    monkeypatch.setattr(pns_weak, "LOST", 0.0)  # so that it repairs, too
    settings = {"pruner": name, **SEARCHES[name]}
    undisturbed = search(**settings)
    total, told = len(executed), []
    executed.clear()

    def killer(number, loss):
        if number == len(undisturbed.history) // 2:
            raise Killed

    with pytest.raises(Killed), kept_in(tmp_path / "kept", SETTINGS):
        search(killer, **settings)
    before = len(executed)
    with kept_in(tmp_path / "kept", SETTINGS):
        again = search(lambda *epoch: told.append(epoch), **settings)
    assert 0 < before < total
    assert len(executed) == total  # none is computed twice
    assert told == list(enumerate(undisturbed.history, start=1))
    assert again.history == undisturbed.history
    assert again.masks == undisturbed.masks
    assert again.metrics == undisturbed.metrics
    assert again.search.densities == undisturbed.search.densities
    for a, b in zip(again.weights, undisturbed.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "kept").exists()


@pytest.mark.slow
def test_finished_epochs_are_not_trained_again(tmp_path, monkeypatch):
    from pns_tf.training.epoch import CompiledEpoch

    def stop_after_three(number, loss):
        if number == 3:
            raise Killed

    with pytest.raises(Killed), kept_in(tmp_path / "kept", SETTINGS):
        search(stop_after_three, epochs=5)
    trained = []
    call = CompiledEpoch.__call__
    monkeypatch.setattr(CompiledEpoch, "__call__", lambda *given: trained.append(1) or call(*given))
    told = []
    with kept_in(tmp_path / "kept", SETTINGS):
        search(lambda number, loss: told.append(number), epochs=5)
    assert (len(trained), told) == (2, [1, 2, 3, 4, 5])


@pytest.mark.slow
@pytest.mark.parametrize(("every", "computed"), [(0.0, 4 + 1), (1e9, 4 + 3)])
def test_short_epochs_are_not_all_kept_but_every_finished_stage_is(
    every, computed, tmp_path, executed, monkeypatch
):
    monkeypatch.setattr(checkpoints, "EVERY", every)
    settings = {"rounds": 2, "round_epochs": 1, "epochs": 3}
    undisturbed = search(**settings)

    def stop_in_the_last_stage(number, loss):
        if number == 4:
            raise Killed

    executed.clear()
    with pytest.raises(Killed), kept_in(tmp_path / "kept", SETTINGS):
        search(stop_in_the_last_stage, **settings)
    with kept_in(tmp_path / "kept", SETTINGS):
        again = search(**settings)
    assert len(executed) == computed
    assert again.history == undisturbed.history
    assert again.metrics == undisturbed.metrics


@pytest.mark.slow
def test_accuracies_on_held_out_images_are_kept(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((60, 8, 8, 3), np.float32), rng.integers(0, 3, 60)
    data = Images(x[:20], y[:20], x[20:40], y[20:40], x[40:], y[40:])
    host = pns_tf.vgg_host((8, "M", 16), shape=(8, 8, 3), classes=3)

    def stop_after_two(number, loss):
        if number == 2:
            raise Killed

    found = pns_tf.seek(host, "magnitude", 0.5, data=data, epochs=3)
    with pytest.raises(Killed), kept_in(tmp_path / "kept", SETTINGS):
        pns_tf.seek(host, "magnitude", 0.5, data=data, epochs=3, watch=stop_after_two)
    with kept_in(tmp_path / "kept", SETTINGS):
        again = pns_tf.seek(host, "magnitude", 0.5, data=data, epochs=3)
    assert again.validation == found.validation
    assert np.isfinite(again.validation).all()
    assert len(again.validation) == 3


def test_what_other_settings_have_left_behind_does_not_count(tmp_path):
    def restored(seed: int) -> list[float]:
        """What a search finds at its start; it is killed after one epoch."""
        with contextlib.suppress(Killed), kept_in(tmp_path / "kept", {"seed": seed}):
            stage = next_stage()
            found = stage.restore([], np.random.default_rng(0))
            stage.save([], np.random.default_rng(0), [0.5])
            raise Killed
        return found

    assert [restored(seed) for seed in (0, 0, 1, 0)] == [[], [0.5], [], []]


def test_outside_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search(epochs=1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to"), kept_in(tmp_path / "file" / "x", {}):
        pass
