"""The loop that every search runs its epochs in shuffles, counts, tells, and stops divergence."""

import numpy as np
import pytest

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.models import build_host
from pns_tf.training.compiled import KEPT, compiled
from pns_tf.training.loop import Loop


def test_epochs_are_counted_through_the_stages_and_told_when_they_are_over():
    seen = []
    loop = Loop(np.random.default_rng(0), lambda *told: seen.append(told))
    losses = loop.run(2, lambda number: number / 2, [], lambda number: seen.append(number))
    losses += loop.run(1, lambda number: 9.0, [])
    assert seen == [1, (1, 0.5), 2, (2, 1.0), (3, 9.0)]
    assert losses == loop.history == [0.5, 1.0, 9.0]


def test_every_epoch_sees_every_sample_once_in_an_order_of_its_own():
    loop = Loop(np.random.default_rng(0))
    first, second = loop.shuffled(50), loop.shuffled(50)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()


def test_the_epoch_in_which_a_search_diverges_is_named():
    loop = Loop(np.random.default_rng(0))
    loop.run(2, lambda number: 1.0, [])
    with pytest.raises(InputError, match="training diverged: the loss of epoch 3 is inf"):
        loop.run(5, lambda number: float("inf"), [])
    assert len(loop.history) == 2


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["magnitude", "imp", "rigl", "iht", "tfmot"])
def test_every_training_that_diverges_says_so_in_the_same_words(pruner):
    planted = pns_tf.plant("relu", depth=3, width=8)
    options = {"learning_rate": 1e30} if pruner == "iht" else {}
    settings = {"learning_rate": 1e30, "epochs": 3, "samples": 200, "options": options}
    with pytest.raises(InputError, match=r"training diverged: the loss of epoch \d is (inf|nan)"):
        pns_tf.seek(planted, pruner, 0.5, **settings)


def test_an_epoch_is_made_once_and_no_kind_drives_out_another():
    made = []

    def first_kind(model, number):
        made.append(number)
        return model

    def second_kind(model, number):
        made.append(-number)
        return model

    host = build_host((1, 1))
    for number in range(1, KEPT + 1):
        epoch = compiled(first_kind, host, number)
        assert epoch is not host
        assert compiled(first_kind, host, number) is epoch
        compiled(second_kind, host, number)
    compiled(first_kind, host, 1)
    assert sorted(made) == [*range(-KEPT, 0), *range(1, KEPT + 1)]
