"""Searches are told nothing of the truth, and what they return is what was asked for."""

import dataclasses

import numpy as np
import pytest

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.models import host_arrays, masked_layers
from pns_tf.masks import Mask
from pns_tf.pruners import Pruner, make_pruner, own_seed
from pns_tf.pruners.handed_out import TrainingPart
from pns_tf.pruners.popup import HEADS
from pns_tf.pruners.result import SearchResult
from pns_tf.pruners.searcher import Searcher
from pns_tf.pruners.taken_back import most_kept
from pns_tf.recipe.search import SeekSettings
from pns_tf.seeking import MEASURED

FAST = {"samples": 300, "epochs": 1}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=4, width=30, seed=3)


class Largest(Pruner):
    """One of the user's own."""


def sought(planted, find, density=0.1, **settings):
    """What a searcher with this ``find(model, data, settings)`` comes to."""

    class Own(Searcher):
        def find(self, model, data, settings, loop):
            return find(model, data, settings)

    return pns_tf.seek(planted, Own(), density, seed=3, **(FAST | settings))


def mask_of(model, density):
    """The first parameters of each array."""
    arrays = [a for layer in masked_layers(model) for a in (layer.kernel, layer.bias)]
    masks = []
    for array in arrays:
        flat = np.zeros(np.size(array), bool)
        flat[: round(density * flat.size)] = True
        masks.append(flat.reshape(array.shape))
    return Mask(masks)


def trained(model, change):
    """The model's weights, those outside the mask changed."""
    weights = model.get_weights()
    return [change(w) if w.dtype == np.float32 and w.ndim == 2 else w for w in weights]


def test_a_ticket_denser_than_asked_is_refused(planted):
    def dense(model, data, settings):
        return SearchResult(mask_of(model, 1.0))

    with pytest.raises(InputError, match=r"'Own' keeps 1144 of 1144 parameters, .* allows for 115"):
        sought(planted, dense)


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.05, 0.1, 0.35, 0.5])
def test_rounding_each_array_by_itself_is_allowed(planted, density):
    found = sought(planted, lambda model, *_: SearchResult(mask_of(model, density)), density)
    assert found.masks.kept == mask_of(planted.host, density).kept


def test_one_parameter_more_than_rounding_gives_is_refused(planted):
    def one_more(model, data, settings):
        mask = mask_of(model, 0.1)
        mask[0][-1, -2:] = True
        return SearchResult(mask)

    allowed = most_kept(0.1, [array.size for array in planted.planted_masks])
    assert mask_of(planted.host, 0.1).kept <= allowed == 115
    with pytest.raises(InputError, match=r"keeps 116 of 1144 parameters, .* allows for 115"):
        sought(planted, one_more)


def test_a_mask_of_another_host_is_refused(planted):
    with pytest.raises(InputError, match=r"must return a Mask of the host's shapes .* got \["):
        sought(planted, lambda model, *_: SearchResult(Mask([np.ones((2, 2)), np.ones(2)])))


def test_trained_weights_outside_the_mask_are_refused(planted):
    def whole(model, data, settings):
        return SearchResult(mask_of(model, 0.1), weights=model.get_weights())

    with pytest.raises(InputError, match=r"weights that ignore its mask: \d+ outside it"):
        sought(planted, whole)


def test_trained_weights_may_be_masked_by_zeros_alone(planted):
    def zeroed(model, data, settings):
        mask = mask_of(model, 0.1)
        for layer, kernel, bias in zip(masked_layers(model), mask[::2], mask[1::2], strict=True):
            layer.kernel.assign(layer.kernel * kernel)
            layer.bias.assign(layer.bias * bias)
        return SearchResult(mask, weights=model.get_weights())

    found = sought(planted, zeroed)
    for layer, kept in zip(masked_layers(found.model), found.masks.kernels, strict=True):
        np.testing.assert_array_equal(layer.kernel_mask, kept)


def test_weights_that_a_search_left_out_stay_out(planted):
    """A search may use less than the mask that it returns: the network is the one it trained."""

    def narrower(model, data, settings):
        for layer, kernel, bias in zip(
            masked_layers(model), *[iter(mask_of(model, 0.05))] * 2, strict=True
        ):
            layer.kernel_mask.assign(kernel)
            layer.bias_mask.assign(bias)
        outputs.append(model(x).numpy())
        return SearchResult(mask_of(model, 0.1), weights=model.get_weights())

    outputs, x = [], np.linspace(-1, 1, 20, dtype=np.float32).reshape(10, 2)
    found = sought(planted, narrower)
    np.testing.assert_array_equal(found.model(x), outputs[0])


def test_weights_that_are_none_of_the_host_are_refused(planted):
    def short(model, data, settings):
        return SearchResult(mask_of(model, 0.1), weights=model.get_weights()[:-1])

    with pytest.raises(InputError, match=r"must return weights as model.get_weights\(\) gives"):
        sought(planted, short)


def test_a_head_that_knows_the_task_is_refused(planted):
    def solves(model, data, settings):
        return SearchResult(
            mask_of(model, 0.1), head=lambda outputs: planted.ticket(outputs[:, :2])
        )

    with pytest.raises(InputError, match=r"HEADS \(none, softmax, scale\) as head, got <function"):
        sought(planted, solves)
    allowed = sought(planted, lambda m, *_: SearchResult(mask_of(m, 0.1), head=HEADS["softmax"]))
    assert allowed.metrics["strong_unscaled"] <= 1


@pytest.mark.parametrize("name", MEASURED)
def test_a_search_does_not_say_how_good_it_is(planted, name):
    def boasting(model, data, settings):
        return SearchResult(mask_of(model, 0.1), metrics={name: 1.0})

    with pytest.raises(InputError, match=f"metrics that are measured: {name}"):
        sought(planted, boasting)


@pytest.mark.parametrize("given", ["planted", "its host"])
def test_a_search_gets_a_host_without_planted_masks(planted, given):
    def look(model, data, settings):
        seen.extend(w for w in model.get_weights() if w.dtype == bool)
        return SearchResult(mask_of(model, 0.1))

    seen, network = [], planted if given == "planted" else planted.host
    found = sought(network, look, data=planted.data(300))
    assert len(seen) == 6
    assert not any(mask.any() for mask in seen)
    for layer, kept in zip(masked_layers(found.model), planted.planted_masks.kernels, strict=True):
        np.testing.assert_array_equal(layer.planted_kernel_mask, kept)


@pytest.mark.parametrize("part", ["x_test", "y_test"])
def test_a_search_that_asks_for_the_test_set_is_told_so(planted, part):
    with pytest.raises(InputError, match=r"a search has no test set.*: use ._train"):
        sought(planted, lambda model, data, settings: getattr(data, part))


def test_training_data_hold_nothing_of_the_test_set_and_cannot_be_changed(planted):
    data = planted.data(300)
    part = TrainingPart(data)
    np.testing.assert_array_equal(part.x_train, data.x_train)
    with pytest.raises(ValueError, match="read-only"):
        part.y_train[:] = 0
    base = part.x_train
    while base.base is not None:
        base = base.base
    assert len(base) == len(data.x_train)


def test_a_pruner_of_ones_own_cannot_draw_the_host_again_from_its_seed(planted):
    def redraw(model, data, settings):
        kernels, _ = draw_host(planted.sizes, settings.seed, "normal")
        now = host_arrays(model)
        changed = [a != b for a, b in zip(kernels, now[0], strict=True)]
        shares.append(np.mean([mask.mean() for mask in changed]))
        return SearchResult(mask_of(model, 0.1))

    shares = []
    sought(planted, redraw)
    assert shares[0] > 0.99, "every parameter is another one, not the planted ones alone"


def test_only_pruners_that_come_along_have_the_seed_of_their_run():
    assert make_pruner(SeekSettings("random", seed=3)).seed == 3
    assert own_seed(3) == own_seed(3) != own_seed(4)
    own = SeekSettings("test_honest_search:Largest", seed=3)
    assert make_pruner(own).seed == own_seed(3)
    assert make_pruner(dataclasses.replace(own, options={"seed": 7})).seed == 7
