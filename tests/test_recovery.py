"""How a found mask is compared with the planted one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pns_tf
from pns_tf.hosts.models import host_arrays
from pns_tf.masks import Mask
from pns_tf.measuring.recovery import equivalent_recall, mask_metrics, overlap


def test_overlap_of_a_worked_case():
    planted = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    found = np.array([1, 0, 0, 0, 1, 0, 0, 0], bool)
    assert overlap(planted, found) == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 4, "f1": 1 / 3, "jaccard": 1 / 5}
    )


@pytest.mark.parametrize("side", ["planted", "found"])
def test_overlap_with_one_empty_side_is_zero(side):
    masks = {"planted": np.ones(3, bool), "found": np.ones(3, bool), side: np.zeros(3, bool)}
    assert set(overlap(**masks).values()) == {0.0}


def test_two_empty_masks_agree():
    assert set(overlap(np.zeros(3, bool), np.zeros(3, bool)).values()) == {1.0}


def test_the_planted_mask_itself_is_found_perfectly():
    mask = Mask([np.eye(3), np.ones(3), np.ones((3, 1)), np.zeros(1)])
    metrics = mask_metrics(mask, mask)
    for name in ("precision", "recall", "f1", "jaccard"):
        assert metrics[name] == metrics[f"{name}_layer0"] == metrics[f"{name}_layer1"] == 1.0
    assert metrics["density_kept"] == mask.density == metrics["effective_density"]
    assert metrics["layer_collapse"] == metrics["flow_collapse"] == 0.0


def test_layer_collapse_needs_an_empty_kernel_and_flow_collapse_only_a_cut():
    planted = Mask([np.ones((1, 2)), np.ones(2), np.ones((2, 1)), np.ones(1)])
    cut = Mask([np.array([[1, 0]]), np.ones(2), np.array([[0], [1]]), np.ones(1)])
    assert mask_metrics(planted, cut)["flow_collapse"] == 1.0
    assert mask_metrics(planted, cut)["layer_collapse"] == 0.0
    empty = Mask([np.zeros((1, 2)), np.ones(2), np.ones((2, 1)), np.ones(1)])
    assert mask_metrics(planted, empty)["layer_collapse"] == 1.0


def test_a_constant_neuron_that_moves_outputs_is_live_but_on_no_path():
    constant = Mask([np.zeros((1, 2)), np.array([0, 1]), np.ones((2, 1)), np.zeros(1)])
    metrics = mask_metrics(None, constant)
    assert metrics["effective_density"] == 0
    assert metrics["live_density"] == 2 / 7  # its bias and its outgoing weight


def random_host(rng, sizes):
    return (
        [rng.normal(size=shape) for shape in pairwise(sizes)],
        [rng.normal(size=size) for size in sizes[1:]],
    )


def random_mask(rng, sizes, density):
    shapes = [shape for pair in pairwise(sizes) for shape in (pair, pair[1:])]
    return Mask([rng.random(shape) < density for shape in shapes])


@given(
    seed=st.integers(0, 2**32 - 1),
    hidden=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    density=st.floats(0.1, 1.0),
)
def test_an_equivalent_ticket_elsewhere_is_recovered(seed, hidden, density):
    """The second half of the host's neurons is the first one, in another order and scaled."""
    rng = np.random.default_rng(seed)
    sizes, doubled = [2, *hidden, 3], [2, *(2 * size for size in hidden), 3]
    small, ticket = random_host(rng, sizes), random_mask(rng, sizes, density)
    order = [np.arange(2), *map(rng.permutation, hidden), np.arange(3)]
    scale = [np.ones(2), *(np.exp(rng.normal(size=size)) for size in hidden), np.ones(3)]
    kernels, biases = random_host(rng, doubled)
    planted, found = ([np.zeros(a.shape, bool) for a in (*kernels, *biases)] for _ in range(2))
    last = len(hidden)
    for layer, (kernel, bias) in enumerate(zip(*small, strict=True)):
        first = [np.arange(len(kernel)), np.arange(len(bias))]
        second = [
            order[layer] + (len(kernel) if layer else 0),
            order[layer + 1] + (len(bias) if layer < last else 0),
        ]
        scales = (scale[layer], scale[layer + 1])
        for rows, columns, factors in (
            (*first, (np.ones(len(kernel)), np.ones(len(bias)))),
            (*second, scales),
        ):
            place = planted if rows is first[0] else found
            kernels[layer][np.ix_(rows, columns)] = kernel / factors[0][:, None] * factors[1]
            if layer < last or place is planted:
                biases[layer][columns] = bias * factors[1]
            place[layer][np.ix_(rows, columns)] = ticket.kernels[layer]
            place[last + 1 + layer][columns] = ticket.biases[layer]

    def mask(arrays):
        return Mask.from_layers(arrays[: last + 1], arrays[last + 1 :])

    assert equivalent_recall(mask(planted), mask(found), kernels, biases) == 1


def test_a_neuron_of_another_sign_is_not_equivalent():
    planted = Mask([[[1, 0]], [0, 0], [[1], [0]], [0]])
    found = Mask([[[0, 1]], [0, 0], [[0], [1]], [0]])
    arrays = [np.array([[2.0, -3.0]]), np.ones((2, 1))], [np.ones(2), np.ones(1)]
    assert equivalent_recall(planted, found, *arrays) == 0
    assert equivalent_recall(planted, planted, *arrays) == 1


@pytest.mark.parametrize("task", ["circle", "helix"])
def test_a_random_ticket_of_another_host_has_little_in_common(task):
    planted = pns_tf.plant(task, depth=4, width=40)
    rng = np.random.default_rng(0)
    mask = Mask([rng.random(array.shape) < 0.05 for array in planted.planted_masks])
    arrays = host_arrays(planted.host)
    assert equivalent_recall(planted.planted_masks, mask, *arrays) < 0.4
    assert equivalent_recall(planted.planted_masks, planted.planted_masks, *arrays) == 1
