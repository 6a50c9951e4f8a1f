"""Wide hosts are searched in a part of them; what is found there is a ticket of the host."""

import numpy as np
import pytest

import pns_tf
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.pruners.partial import ROOM, search_in_part
from pns_tf.pruners.result import SearchResult
from pns_tf.recipe.search import SeekSettings
from pns_tf.training.loop import Loop

QUICK = {
    "pns": {"epochs": 10, "swap_rounds": 5, "widest": 15},
    "pns_weak": {
        "magnitude_rounds": 2,
        "magnitude_epochs": 2,
        "rounds": 2,
        "round_epochs": 2,
        "rewind_epochs": 2,
        "last_epochs": 40,
        "repairs": 0,
        "widest": 15,
    },
}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_the_ticket_is_as_dense_as_asked_for_and_lies_among_few_neurons(name, planted):
    found = pns_tf.seek(planted, name, 0.005, samples=800, epochs=0, options=QUICK[name])
    assert found.masks.kept == round(0.005 * found.masks.size)
    for kernel in found.masks.kernels[:-1]:
        assert kernel.any(axis=0).sum() <= 15
    for ours, hosts in zip(host_arrays(found.pruned), host_arrays(planted.host), strict=True):
        for a, b in zip(ours, hosts, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.slow
def test_the_trained_ticket_of_a_part_is_carried_into_the_host(planted):
    options = QUICK["pns_weak"]
    found = pns_tf.seek(planted, "pns_weak", 0.005, samples=800, options=options)
    pairs = zip(host_arrays(found.model)[0], host_arrays(planted.host)[0], strict=True)
    for (kernel, first), mask in zip(pairs, found.masks.kernels, strict=True):
        trained = kernel != first
        assert trained[mask].any()
        assert min(trained.any(axis=0).sum(), trained.any(axis=1).sum()) <= 15
    assert found.history[-1] < found.history[-options["last_epochs"]]


def seen_by_a_search(planted, density: float, widest: int):
    """The hidden widths and the number of parameters that a search is given."""
    seen = {}

    def find(model, data, settings, loop):
        seen["widths"] = {layer.units for layer in masked_layers(model)[:-1]}
        size = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        seen["count"] = settings.density * size
        masks = [np.zeros(w.shape, bool) for w in model.trainable_weights]
        return SearchResult(pns_tf.Mask(masks), densities=[1.0])

    loop = Loop(np.random.default_rng(0))
    settings = SeekSettings(density=density)
    result = search_in_part(find, widest, planted.host, planted.data(100), settings, loop)
    assert result.mask.size == planted.planted_masks.size
    return seen, result


def test_a_host_that_is_not_wider_is_searched_whole(planted):
    seen, result = seen_by_a_search(planted, 0.01, widest=60)
    assert seen["widths"] == {60}
    assert result.densities == [1.0]


def test_dense_tickets_get_a_wider_part(planted):
    size = planted.planted_masks.size
    for density, widths in ((0.005, {15}), (0.02, {30}), (0.5, {60})):
        seen, result = seen_by_a_search(planted, density, widest=15)
        assert seen["widths"] == widths
        assert seen["count"] == pytest.approx(round(density * size))
        assert result.densities[0] == 1.0 or result.densities[0] * size >= ROOM * seen["count"]
