"""A search that is killed goes on from its last epoch, with the same numbers as undisturbed."""

import contextlib

import numpy as np
import pytest

import pns_tf
from pns_tf.training.checkpoints import kept_in, next_stage
from pns_tf.training.validation import Images
from tasks import InputError

SETTINGS = {"seed": 0}
MULTISHOT = {"rounds": 2, "round_epochs": 2, "epochs": 3}
POPUP = {"pruner": "edge_popup", "options": {"epochs": 5, "anneal": True}, "epochs": 2}
IMP = {"pruner": "imp", "options": {"fraction": 0.5, "rewind_epoch": 1}, "epochs": 3}


class Killed(Exception):
    """Stands for a power cut."""


def search(watch=None, pruner="snip", **settings):
    planted = pns_tf.plant("circle", depth=4, width=25)
    return pns_tf.seek(planted, pruner, 0.3, samples=300, watch=watch, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("settings", [MULTISHOT, POPUP, IMP], ids=["multishot", "popup", "imp"])
def test_a_killed_search_goes_on_with_the_same_numbers(settings, after, tmp_path):
    undisturbed = search(**settings)
    seen = []

    def killer(number, loss):
        seen.append(loss)
        if len(seen) == after:
            raise Killed

    with pytest.raises(Killed), kept_in(tmp_path / "kept", SETTINGS):
        search(killer, **settings)
    with kept_in(tmp_path / "kept", SETTINGS):
        again = search(**settings)
    assert again.masks == undisturbed.masks
    assert again.metrics == undisturbed.metrics
    assert again.history == undisturbed.history
    assert not (tmp_path / "kept").exists()


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
