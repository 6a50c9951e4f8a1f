"""Found tickets on disk: written from Python, read back, and trained on."""

import numpy as np
import pytest

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.models import masked_arrays

PLANTED = {"depth": 3, "width": 30}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", **PLANTED)


@pytest.fixture(scope="module")
def found(planted):
    return pns_tf.seek(planted, "snip", density=0.3, epochs=1, samples=500)


@pytest.fixture(scope="module")
def again(found, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found") / "circle"
    found.save(folder)
    return pns_tf.load_found(folder)


@pytest.mark.slow
def test_a_ticket_is_read_back_as_it_was_saved(found, again):
    assert again.masks == found.masks
    assert (again.metrics, again.history) == (found.metrics, found.history)
    assert (again.settings, again.kind) == (found.settings, found.kind)
    assert np.array_equal(again.scales, found.scales)
    x = np.random.default_rng(0).uniform(-1, 1, (20, 2)).astype("float32")
    assert np.array_equal(again.model(x), found.model(x))
    assert np.array_equal(again.pruned(x), found.pruned(x))


def test_a_ticket_that_is_trained_on_stays_as_sparse(planted, again):
    data = planted.data(500)
    model = again.model
    before = np.asarray(model(data.x_test))
    model.compile("adam", "mse")
    labels = np.eye(4, dtype="float32")[data.y_train]
    model.fit(data.x_train, labels, epochs=2, verbose=0)
    assert not np.array_equal(model(data.x_test), before)
    kernels, biases = masked_arrays(model)
    parameters = [array for pair in zip(kernels, biases, strict=True) for array in pair]
    for array, mask in zip(parameters, again.masks, strict=True):
        assert not array[~np.asarray(mask)].any()
    h = np.maximum(data.x_test @ kernels[0] + biases[0], 0) @ kernels[1] + biases[1]
    assert np.allclose(h, model(data.x_test), atol=1e-5)  # nothing else is computed with


def test_a_found_run_of_the_command_is_read_back(found_run):
    found = pns_tf.load_found(found_run)
    assert found.settings.pruner == "snip"
    assert found.masks.density == pytest.approx(0.3, abs=0.002)


def test_other_folders_are_no_found_tickets(tmp_path, helix_run):
    with pytest.raises(InputError, match="is no found ticket: expected a folder with a readable"):
        pns_tf.load_found(tmp_path)
    with pytest.raises(InputError, match=r"is no found ticket: its ticket\.json does not say"):
        pns_tf.load_found(helix_run)


def test_a_notebook_shows_lines_and_not_arrays(planted, found):
    assert repr(planted).startswith("Planted(task='circle', sizes=[2, 30, 4], seed=0")
    assert repr(found).startswith("FoundTicket(pruner='snip', kept=")
    for shown in (planted, found):
        assert len(repr(shown)) < 300
        assert shown._repr_html_().startswith("<table><caption>")
