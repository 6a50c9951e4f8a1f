"""A strong ticket is made by masks alone: its host stays as drawn, its errors are bounded."""

import numpy as np
import pytest

import tasks
from pns_tf.checks import InputError
from pns_tf.constructing.certificate import certify, live_network, represented
from pns_tf.constructing.choosing import choose
from pns_tf.constructing.construction import build
from pns_tf.constructing.copies import CONSTANT
from pns_tf.constructing.descent import Wanted
from pns_tf.constructing.sensitivity import sensitivity
from pns_tf.constructing.shrinking import shrink
from pns_tf.constructing.stretching import stretched
from pns_tf.hosts.initializers import draw_host
from pns_tf.hosts.paths import live_part
from pns_tf.tasks import Target
from pns_tf.tasks.kinds import CLASSIFICATION, REGRESSION
from pns_tf.theory.difference import largest_difference

SIZES = [2, 60, 60, 60, 1]


def small_target() -> Target:
    """tent(x₁) − x₂ / 2 with one bias of each sign; depth 4."""
    kernels = [np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]), np.array([[1.0], [1.0], [0.5]])]
    return Target(
        [*kernels, np.array([[-0.7]])], [np.array([0.0, 0.0, 1.0]), np.array([-0.4]), np.ones(1)]
    )


@pytest.fixture(scope="module")
def host():
    return draw_host(SIZES, seed=0)


@pytest.fixture(scope="module")
def made(host):
    return build(small_target(), *host, tolerance=0.02)


def outputs(host, mask, scales, x):
    return Target(*live_network(*host, mask, scales))(x)


@pytest.mark.parametrize("name", tasks.names())
@pytest.mark.parametrize("depth", [3, 5])
@pytest.mark.parametrize("more", [1, 2, 4])
def test_a_stretched_target_computes_the_same(name, depth, more):
    target = tasks.get(name).target(depth)
    x = np.random.default_rng(0).uniform(-1, 1, (50, target.shape[0]))
    deep = stretched(target, len(target.kernels) + more)
    assert deep.depth == depth + more
    np.testing.assert_allclose(deep(x), target(x), atol=1e-12)


def test_a_ticket_computes_its_target_within_the_tolerance(host, made):
    x = np.random.default_rng(1).uniform(-1, 1, (2000, 2))
    wanted = small_target()(x)
    off = outputs(host, made.mask, made.scales, x) - wanted
    assert np.sqrt(np.mean(off**2) / np.mean(wanted**2)) < 0.025
    assert made.error <= 0.02


def test_nothing_is_written_into_the_host(host, made):
    drawn = draw_host(SIZES, seed=0)
    for before, now in zip(host[0] + host[1], drawn[0] + drawn[1], strict=True):
        assert before.tobytes() == now.tobytes()
    assert [mask.shape for mask in made.mask] == [
        array.shape for pair in zip(*host, strict=True) for array in pair
    ]


def test_each_neuron_in_use_is_a_copy_or_gives_a_constant(host, made):
    x = np.random.default_rng(2).uniform(-1, 1, (500, 2))
    h, a, sources = x, x, np.arange(2)
    for number, layer in enumerate(made.layers[:-1]):
        values = host[0][number][np.ix_(sources, layer.neurons)] * layer.masks
        h = np.maximum(h @ values + host[1][number][layer.neurons] * layer.bias_masks, 0)
        a = np.maximum(a @ made.target.kernels[number] + made.target.biases[number], 0)
        for column, j in enumerate(layer.of):
            if j == CONSTANT:
                np.testing.assert_allclose(h[:, column], layer.scales[column], rtol=1e-6)
            else:
                # Who reads a copy sets right what is off about it, so that it need not be exact.
                assert np.corrcoef(h[:, column], a[:, j])[0, 1] > 0.9
        sources = layer.neurons


def test_what_is_measured_lies_below_what_is_proven(host, made):
    found = certify(*host, made.mask, made.scales, small_target())
    assert 0 < found.measured <= found.proven < 10 * found.measured
    parts = represented(made, *host)
    assert found.measured <= parts.bound
    assert set(parts.neurons) <= set(range(4))
    exact = parts.errors[parts.layers == 0]
    np.testing.assert_allclose(exact, 0, atol=1e-7)


def test_the_bound_is_never_below_a_difference_of_random_networks():
    rng = np.random.default_rng(3)
    for _ in range(10):
        pair = [
            (
                [rng.normal(size=s) for s in ((2, 7), (7, 5), (5, 2))],
                [rng.normal(size=n) for n in (7, 5, 2)],
            )
            for _ in range(2)
        ]
        x = rng.uniform(-1, 1, (2000, 2))
        apart = np.abs(Target(*pair[0])(x) - Target(*pair[1])(x)).max(axis=0)
        bounds = [largest_difference(*pair, cells=cells) for cells in (16, 4096)]
        assert (apart <= bounds[1]).all()
        assert (bounds[1] <= bounds[0]).all()
        assert (bounds[1] < 2 * apart).all()


def test_shrinking_takes_parameters_and_keeps_within_the_tolerance(host, made):
    x = np.random.default_rng(4).uniform(-1, 1, (600, 2)).astype(np.float32)
    mask, scales = shrink(
        *host, made.mask, made.scales, small_target(), x, REGRESSION, tolerance=0.04
    )
    wanted = small_target()(x)
    off = outputs(host, mask, scales, x) - wanted
    assert mask.kept < made.mask.kept
    assert live_part(mask) == mask
    assert np.mean(off**2) <= 0.04**2 * np.mean(wanted**2) * 1.001


def test_relu_takes_one_parameter_a_layer():
    made = build(tasks.get("relu").target(4), *draw_host([1, 12, 12, 12, 1], seed=1))
    assert [int(mask.sum()) for mask in made.mask] == [1, 0, 1, 0, 1, 0, 1, 0]
    assert made.error < 1e-7


def test_neurons_of_which_none_can_be_tried_are_no_choice():
    wanted = Wanted(
        signals=np.ones((4, 1)),
        pools=[np.array([0])],
        ideal=np.ones((4, 1)),
        worth=np.ones(4),
        prices=np.ones(1),
        price=0.0,
        largest=1,
        linear=False,
    )
    assert not len(choose(wanted, -np.ones((1, 3)), 2, 8, np.random.default_rng(0)).neurons)


def test_a_seed_gives_one_ticket(host, made):
    assert build(small_target(), *host, tolerance=0.02).mask == made.mask


def test_an_exact_choice_is_found_among_many():
    rng = np.random.default_rng(6)
    signals = np.abs(rng.normal(size=(300, 8)))
    features = rng.uniform(0, 1, (300, 2))
    signals = np.hstack([features[:, :1] * [1, 2, 3, 4], features[:, 1:] * [1, 2, 3, 4]])
    offered = rng.normal(size=(8, 40))
    offered[:, 17] = 9.0
    offered[[1, 6, 7], 17] = [0.5, -0.25, -0.125]  # 1 × first − 1.25 × second
    wanted = Wanted(
        signals,
        [np.arange(4), np.arange(4, 8)],
        features * [1.0, -1.25],
        np.ones(300),
        np.ones(8),
        price=1e-9,
        largest=2,
        linear=True,
    )
    best = choose(wanted, offered, 1, 8, rng)
    assert best.neurons.tolist() == [17]
    assert np.flatnonzero(best.masks[0]).tolist() == [1, 6, 7]
    assert best.scales[0] == pytest.approx(1.0)
    assert best.errors[0] < 1e-12


@pytest.mark.parametrize("kind", [CLASSIFICATION, REGRESSION])
def test_sensitivity_predicts_what_an_error_of_an_output_costs(kind):
    target = tasks.get("circle").target(5)
    x = np.random.default_rng(7).uniform(-1, 1, (400, 2))
    found = sensitivity(target, x, kind)
    if kind is REGRESSION:
        power = np.sum(np.mean(target(x) ** 2, axis=0))
        np.testing.assert_allclose(found.weights[-1], 1 / power)
        return
    p = np.exp(target(x) - target(x).max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(
        found.weights[-1] / found.weights[-1].max(), 4 * p * (1 - p), atol=1e-3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"copies": 60}, "copies=60 makes .* subsets of at most 5, .* fit"),
        ({"copies": 0}, "copies must be an integer of at least 1, got 0"),
        ({"tolerance": 0.0}, "tolerance must be a number above 0"),
        ({"largest_subset": True}, "largest_subset must be an integer"),
    ],
)
def test_what_cannot_work_is_refused(host, change, message):
    with pytest.raises(InputError, match=message):
        build(small_target(), *host, **change)


def test_hosts_that_cannot_hold_the_ticket_are_refused_by_name():
    target = small_target()
    with pytest.raises(InputError, match="depth 4, so the host needs at least 5, got 4"):
        build(target, *draw_host([2, 50, 50, 1]))
    with pytest.raises(InputError, match=r"init=zero_biases: they give no constants"):
        build(target, *draw_host(SIZES, init="zero_biases"))
    with pytest.raises(InputError, match=r"width 10 is too small: .* at least width 11"):
        build(target, *draw_host([2, 10, 10, 10, 1]))
    with pytest.raises(InputError, match=r"candidates run out in layer ., where the best copy"):
        build(target, *draw_host([2, 12, 12, 12, 1]), tolerance=1e-5)
    with pytest.raises(InputError, match="2 inputs and 1 outputs, the host 3 and 1"):
        build(target, *draw_host([3, 50, 50, 50, 1]))
    with pytest.raises(InputError, match="not finite"):
        Target([np.full((1, 1), np.nan)], [np.zeros(1)])


def test_zero_biases_do_where_the_target_has_none():
    made = build(tasks.get("relu").target(3), *draw_host([1, 20, 20, 1], init="zero_biases"))
    assert made.error < 1e-7


def test_neurons_that_are_passed_on_keep_the_size_of_biases():
    sizes = [1, *[80] * 8, 1]
    for seed in range(3):
        kernels, biases = draw_host(sizes, seed)
        made = build(tasks.get("relu").target(3), kernels, biases)
        usual = np.cumprod([kernel.std() for kernel in kernels])[-2]
        assert np.abs(np.log(made.layers[-2].scales / usual)).max() < 0.2


def test_constants_come_from_a_later_layer_where_the_first_has_no_biases():
    kernels, biases = draw_host(SIZES, seed=0)
    biases[0][:] = 0
    made = build(small_target(), kernels, biases, tolerance=0.02)
    assert not made.mask.biases[0].any()
    assert made.layers[1].bias_masks[made.layers[1].of == CONSTANT].all()
    assert made.error <= 0.02
