"""Strong tickets by gates: exactly as dense as asked for, of the host's own parameters."""

from itertools import pairwise

import numpy as np
import pytest
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

import pns_tf
import tasks
from pns_tf import pruners
from pns_tf.gates.hardening import filled, hardened
from pns_tf.hosts.chains import fully_connected
from pns_tf.hosts.layers import PlantedDense
from pns_tf.hosts.models import host_arrays
from pns_tf.hosts.paths import live_neurons, live_part, used_neurons
from pns_tf.masks import Mask
from pns_tf.measuring.evaluation import evaluate_strong
from pns_tf.recipe.search import SeekSettings
from pns_tf.training.loop import Loop
from tasks import InputError

QUICK = {
    "continuous_sparsification": {"epochs": 20},
    "hard_concrete": {"epochs": 20},
    "concrete_ticket_search": {"epochs": 20},
    "concrete_ticket_search_kl": {"epochs": 20},
    "gem_miner": {"epochs": 20, "freezes": 5},
    "pns": {"epochs": 40, "swap_rounds": 25},
}


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("circle", depth=3, width=30, seed=1)


@pytest.fixture(scope="module")
def data(planted):
    return planted.data(1000)


@pytest.fixture(scope="module")
def found(planted, data):
    """What each pruner finds at density 0.2, searched for once."""
    return {
        name: pns_tf.seek(planted, name, 0.2, data=data, epochs=1, options=options)
        for name, options in QUICK.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_exactly_the_density_asked_for_is_kept(found, name):
    mask = found[name].masks
    assert mask.kept == round(0.2 * mask.size)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_what_is_kept_are_the_hosts_own_parameters(found, name, planted):
    for ours, hosts in zip(host_arrays(found[name].pruned), host_arrays(planted.host), strict=True):
        for a, b in zip(ours, hosts, strict=True):
            assert a.tobytes() == b.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_the_loss_of_the_gates_and_their_density_fall(found, name):
    search, epochs = found[name].search, QUICK[name]["epochs"]
    assert len(search.history) == epochs + QUICK[name].get("swap_rounds", 0)
    assert len(search.densities) == epochs
    assert search.densities[-1] < search.densities[0]
    assert search.history[epochs // 2] < search.history[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_the_gap_between_soft_gates_and_the_hard_mask_is_reported(found, name):
    metrics = found[name].search.metrics
    assert 0 <= metrics["soft"] <= 1
    assert 0 <= metrics["soft_hard_gap"] <= 1
    if name != "pns":  # its swaps come after
        gap = abs(metrics["soft"] - found[name].metrics["strong"])
        assert metrics["soft_hard_gap"] == pytest.approx(gap)


@pytest.mark.slow
def test_pns_finds_the_strongest_ticket_and_owes_it_to_swaps_too(found):
    strong = {name: ticket.metrics["strong"] for name, ticket in found.items()}
    assert max(strong, key=strong.get) == "pns"
    losses = found["pns"].search.history
    assert losses[-1] < 0.95 * losses[QUICK["pns"]["epochs"] - 1]


@pytest.mark.slow
def test_the_same_seed_finds_the_same_ticket(planted, data, found):
    def again(seed):
        settings = SeekSettings(density=0.2)
        pruner = pruners.get("pns", **QUICK["pns"])
        return pruner.find(planted.host, data, settings, Loop(np.random.default_rng(seed))).mask

    first, second, other = again(3), again(3), again(4)
    assert first == second != other


@pytest.mark.slow
def test_pns_fits_a_relu_with_one_path():
    planted = pns_tf.plant("relu", depth=4, width=20)
    options = {"epochs": 30, "swap_rounds": 10}
    ticket = pns_tf.seek(planted, "pns", "baseline", samples=2000, epochs=0, options=options)
    assert ticket.masks.kept == 3
    assert ticket.metrics["strong"] < 1.5 * ticket.metrics["planted"]


@pytest.mark.slow
def test_a_wrapped_convolutional_network_is_searched_by_gates_and_sets_of_swaps():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 1))
    h = keras.layers.Conv2D(8, 3, activation="relu")(inputs)
    h = keras.layers.GlobalMaxPooling2D()(h)
    model = keras.Model(inputs, keras.layers.Dense(2)(h))
    never = tfmot.sparsity.keras.ConstantSparsity(0.5, begin_step=10**6)
    wrapped = pns_tf.prune(
        model, "magnitude", never, scope="local", biases=True, keep_pruned_weights=True
    )
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200).astype(np.int32)
    x = rng.normal(0, 0.1, (200, 6, 6, 1)).astype(np.float32)
    x[y == 0, 2, 2:5] -= 1.0  # a dark bar or a bright one
    x[y == 1, 2, 2:5] += 1.0
    pruner = pruners.get("pns", epochs=40, gate_batch_size=50, set_rounds=20)
    result = pruner.find(wrapped, tasks.Data(x, y, x, y), SeekSettings(density=0.3), Loop(rng))
    assert result.mask.kept == round(0.3 * result.mask.size)
    data = tasks.Data(x, y, x, y)
    soft, hard = (evaluate_strong(gates, "classification", data).metric for gates in result.gates)
    assert soft - abs(soft - hard) > 0.95
    assert len(result.history) == 40 + 20  # gates, then sets of swaps


def test_a_ticket_is_filled_up_with_what_computes_nothing():
    mask = Mask([[[1, 0, 0]], [0, 0, 0], [[1], [0], [0]], [0]])
    full = filled(mask, 5, np.random.default_rng(0))
    assert full.kept == 5
    assert [neurons.tolist() for neurons in live_neurons(full)] == [[0], [0], [0]]
    assert full[0][0, 0]
    assert full[2][0, 0]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_what_computes_nothing_changes_no_output(seed, density):
    """Whether nothing uses a neuron, or nothing feeds it."""
    rng = np.random.default_rng(seed)
    sizes = (2, 6, 6, 6, 3)
    shapes = [shape for fan_in, n in pairwise(sizes) for shape in ((fan_in, n), (n,))]
    mask = Mask([rng.random(shape) < density for shape in shapes])
    values = [rng.normal(size=shape) for shape in shapes]
    unused = [~used for used in used_neurons(mask)[1:]]
    room = sum(
        int((~kernel[:, idle]).sum() + (~bias[idle]).sum())
        for kernel, bias, idle in zip(mask.kernels, mask.biases, unused, strict=True)
    )
    full = filled(mask, mask.kept + room, rng)
    x = rng.normal(size=(20, 2))
    np.testing.assert_array_equal(outputs(values, full, x), outputs(values, mask, x))
    np.testing.assert_array_equal(outputs(values, live_part(mask), x), outputs(values, mask, x))


def outputs(values, mask, x):
    for number in range(0, len(values), 2):
        x = np.maximum(x, 0) if number else x
        x = x @ (values[number] * mask[number]) + values[number + 1] * mask[number + 1]
    return x


def test_open_gates_without_a_part_in_the_outputs_go_first():
    opened = Mask([[[1, 1]], [0, 0], [[1], [0]], [0]])  # the second neuron leads nowhere
    scores = [np.array([[1.0, 5.0]]), np.zeros(2) - 1, np.array([[1.0], [-1]]), np.array([-1.0])]
    rng = np.random.default_rng(0)
    ticket = hardened(scores, opened, scores, 2, rng, without_branches=True)
    assert ticket == Mask([[[1, 0]], [0, 0], [[1], [0]], [0]])
    assert hardened(scores, opened, scores, 3, rng, without_branches=True) == opened
    branched = hardened(scores, opened, scores, 2, rng, without_branches=False)
    assert branched[0][0, 1]


def test_gates_that_are_closed_stay_closed_if_others_do_no_harm():
    opened = Mask([[[1, 0, 0]], [0, 0, 0], [[1], [0], [0]], [0]])
    scores = [np.array([[5.0, -1, -1]]), np.zeros(3) - 1, np.array([[5.0], [-1], [-1]]), [-0.1]]
    values = [np.ones((1, 3)), np.array([3.0, 1, 1]), np.ones((3, 1)), np.array([0.2])]

    def ticket(count, without_branches=True):
        rng = np.random.default_rng(0)
        return hardened(scores, opened, values, count, rng, without_branches=without_branches)

    assert ticket(1).kept == 1
    assert ticket(6).kept == 6
    assert not ticket(3)[3][0]  # the bias of the output
    assert not ticket(6)[3][0]
    assert not ticket(7)[1][0]  # the bias of the live neuron
    assert ticket(3, without_branches=False)[3][0]


def test_where_opening_a_gate_does_harm_the_smallest_value_does_least():
    opened = Mask([[[1, 0, 0]], [0, 0, 0], [[1], [0], [0]], [0]])  # four of the others are idle
    scores = [np.array([[5.0, -1, -1]]), np.zeros(3) - 1, np.array([[5.0], [-1], [-1]]), [-0.1]]
    for bias, other in ((0.1, 0.3), (-0.3, 0.1)):
        values = [np.ones((1, 3)), np.array([other, 1, 1]), np.ones((3, 1)), np.array([bias])]
        rng = np.random.default_rng(0)
        ticket = hardened(scores, opened, values, 7, rng, without_branches=True)
        assert ticket[3][0] == (abs(bias) < other)
        assert ticket[1][0] == (abs(bias) > other)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pns", {"epochs": 0}, "epochs of pns must be an integer of at least 1, got 0"),
        ("pns", {"swap_rounds": -1}, "swap_rounds must be an integer of at least 0, got -1"),
        ("continuous_sparsification", {"sharpness": 0.5}, "sharpness must be a number of at"),
        ("hard_concrete", {"gates": "soft"}, "unknown gates 'soft'"),
        ("hard_concrete", {"temperature": 0.0}, "temperature must be a number above 0"),
        ("concrete_ticket_search", {"ramp": 1.5}, "ramp must be a number above 0 and at most 1"),
        ("gem_miner", {"freezes": 0}, "freezes must be an integer of at least 1, got 0"),
    ],
)
def test_bad_options_are_refused_by_name(name, options, message):
    with pytest.raises(InputError, match=message):
        pruners.get(name, **options)


def test_swaps_are_for_stacks_of_dense_layers_with_relu_between_them(planted):
    assert fully_connected(planted.host)
    stock = keras.Sequential([keras.layers.Dense(2, input_shape=(3,))])
    assert not fully_connected(stock)
    inputs = keras.Input((3,))
    tanh = keras.Model(inputs, PlantedDense(2)(PlantedDense(4, activation="tanh")(inputs)))
    assert not fully_connected(tanh)
