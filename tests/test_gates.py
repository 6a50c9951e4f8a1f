"""Gates on frozen weights: their gradients, their density, and what is left of them when hard."""

from itertools import pairwise

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st

from pns_tf.gates.density import PressureController, falling_density
from pns_tf.gates.epoch import (
    Controls,
    GateEpoch,
    GateSettings,
    gate_epoch,
)
from pns_tf.gates.losses import balanced_pressure, normalised, reverse_kl
from pns_tf.gates.relaxations import NOISES, RELAXATIONS, capacity_threshold
from pns_tf.hosts.models import host_from_arrays
from pns_tf.pruners.gate_searcher import GateSearcher
from pns_tf.recipe.search import SeekSettings
from pns_tf.tasks.task import Data
from pns_tf.training.loop import Loop
from tasks import InputError

SMOOTH = ["sigmoid", "concrete", "hard_concrete", "gaussian"]


def small_host(sizes=(2, 5, 4, 3), seed=0):
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=shape) for shape in pairwise(sizes)]
    return host_from_arrays(kernels, [rng.normal(size=n) for n in sizes[1:]])


def samples(kind, n=40, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2)).astype(np.float32)
    if kind == "classification":
        return x, (x[:, 0] > 0).astype(np.int32) + (x[:, 1] > 0)
    return x, np.stack([x[:, 0], x[:, 1], x[:, 0] * x[:, 1]], axis=1)


def gradient_of_a_step(epoch, x, y, controls):
    """What Adam is handed in one step on all samples, without noise."""
    handed = {}

    class Recorder:
        iterations = tf.constant(0)

        def apply_gradients(self, pairs):
            handed["gradients"] = [gradient.numpy() for gradient, _ in pairs]

    epoch._optimizer = Recorder()
    numbers = (controls.sharpness, controls.pressure, controls.density)
    epoch._step(x, y, *map(tf.constant, numbers), tf.constant(0))
    return handed["gradients"]


def loss_at(epoch, x, y, controls, scores):
    """Loss plus penalty with the gates of these scores."""
    for variable, score in zip(epoch.scores, scores, strict=True):
        variable.assign(score)
    epoch.use_gates(controls)
    loss = epoch._loss(y, epoch.model(x) * tf.exp(epoch._log_scales))
    return float(loss) + controls.pressure * float(
        epoch._openness(epoch.scores, controls.sharpness)
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize(
    ("relaxation", "density"), [("sigmoid", "capacity"), *((name, "penalty") for name in SMOOTH)]
)
def test_gate_gradients_are_those_of_finite_differences(kind, relaxation, density, monkeypatch):
    monkeypatch.setitem(NOISES, RELAXATIONS[relaxation].noise, lambda shape, seed: 0.0)
    x, y = samples(kind)
    epoch = GateEpoch(small_host(), GateSettings(kind, relaxation, density=density))
    rng = np.random.default_rng(2)
    within = 0.4 if relaxation in ("hard_concrete", "gaussian") else 3.0  # where nothing is clipped
    scores = [rng.uniform(-within, within, score.shape) for score in epoch.scores]
    epoch.start(scores, x, y)
    controls = Controls(sharpness=2.0, pressure=0.5 * (density == "penalty"), density=0.4)
    gradients = gradient_of_a_step(epoch, x, y, controls)
    # Small, to step over no kink of a ReLU; but a threshold is exact to 1e-5 only.
    step = 1e-2 if density == "capacity" else 2e-3
    near = 5e-3 * max(1.0, *(float(np.abs(gradient).max()) for gradient in gradients))
    for which in range(len(scores)):
        for place in np.ndindex(scores[which].shape):
            ends = []
            for sign in (1, -1):
                moved = [score.copy() for score in scores]
                moved[which][place] += sign * step
                ends.append(loss_at(epoch, x, y, controls, moved))
            slope = (ends[0] - ends[1]) / (2 * step)
            assert gradients[which][place] == pytest.approx(slope, rel=0.05, abs=near)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("noise", [-0.3, 0.0, 0.4])
def test_every_smooth_gate_has_the_gradient_it_says(name, noise):
    s = tf.Variable(np.linspace(-0.4, 0.35, 8).astype(np.float32))
    relaxation = RELAXATIONS[name]
    with tf.GradientTape() as tape:
        gates = relaxation.gates(s, 2.0, noise)
    gradient = tape.gradient(gates, s).numpy()
    ends = [relaxation.gates(s + sign * 1e-3, 2.0, noise).numpy() for sign in (1, -1)]
    np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / 2e-3, rtol=0.01, atol=2e-3)


@pytest.mark.parametrize("name", RELAXATIONS)
def test_gates_lie_between_0_and_1_and_open_with_the_score(name):
    scores = tf.constant(np.linspace(-0.5, 0.5, 101).astype(np.float32))
    gates = RELAXATIONS[name].gates(scores, 50.0, 0.0).numpy()
    assert np.all(np.diff(gates) >= 0)
    assert gates[0] == pytest.approx(0.0, abs=1e-6)
    assert gates[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["hard_concrete", "gaussian"])
def test_openness_is_how_often_a_gate_is_above_zero(name):
    relaxation = RELAXATIONS[name]
    scores = tf.repeat(tf.constant([-2.0, -0.5, 0.0, 0.7]), 20_000)
    noise = NOISES[relaxation.noise](scores.shape, [3, 4])
    above = tf.cast(relaxation.gates(scores, 1.5, noise) > 0, tf.float32).numpy()
    openness = relaxation.openness(scores, 1.5).numpy()
    np.testing.assert_allclose(
        above.reshape(4, -1).mean(axis=1), openness.reshape(4, -1).mean(axis=1), atol=0.012
    )


def test_the_rounded_gate_lets_the_gradient_straight_through():
    s = tf.Variable([-0.4, -0.1, 0.0, 0.3])
    with tf.GradientTape() as tape:
        gates = RELAXATIONS["step"].gates(s, 1.0, 0.0)
    assert gates.numpy().tolist() == [0, 0, 1, 1]
    assert tape.gradient(gates, s).numpy().tolist() == [1, 1, 1, 1]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 1000),
    st.floats(1, 200),
    st.floats(0.01, 0.99),
    st.sampled_from([0.0, 1.0, 5.0]),
    st.floats(-50, 50),
)
def test_gates_of_a_capacity_add_up_to_it(seed, sharpness, fraction, gap, near):
    """Also where most scores lie in two heaps far apart, and wherever the search begins."""
    rng = np.random.default_rng(seed)
    heaps = [rng.normal(size=n) + gap * rng.integers(0, 2, n) for n in (300, 20)]
    scores = [tf.constant(heap.astype(np.float32)) for heap in heaps]
    count = np.float32(fraction * 320)
    threshold = capacity_threshold(scores, np.float32(sharpness), count, np.float32(near))
    gates = [tf.sigmoid(sharpness * (score - threshold)) for score in scores]
    assert sum(float(tf.reduce_sum(gate)) for gate in gates) == pytest.approx(count, rel=1e-3)


class Steered(GateSearcher):
    """Continuous sparsification's gates, long enough on a small network to settle."""

    name = "steered"

    def schedule(self, openness, density):
        pressure = PressureController(density, ramp=0.5).after(openness, self.epochs)
        return Controls(1.0, pressure, learning_rate=0.05)


@pytest.mark.slow
def test_the_pressure_controller_leads_the_gates_near_the_density():
    host = small_host((2, 20, 20, 3))
    x, y = samples("classification", 512)
    searcher = Steered(epochs=150)
    loop = Loop(np.random.default_rng(0))
    epoch, _, densities = searcher.train_gates(host, Data(x, y, x, y), 0.2, loop)
    assert densities[10] > 0.3
    assert densities[-1] == pytest.approx(0.2, rel=0.15)
    assert epoch.opened().density == pytest.approx(0.2, rel=0.3)


def test_the_wanted_density_falls_exponentially_and_then_stays():
    on_the_way = [falling_density(0.005, progress, 0.8) for progress in (0, 0.4, 0.8, 1)]
    np.testing.assert_allclose(on_the_way, [0.5, 0.05, 0.005, 0.005])
    assert falling_density(0.7, 0.0, 0.8) == 0.7


@pytest.mark.parametrize(("openness", "sign"), [(0.5, 1), (0.1, 0), (0.01, -1)])
def test_balance_makes_both_gradients_as_long_and_turns_round_below_the_density(openness, sign):
    slopes, closing = [tf.constant([3.0, 0.0]), tf.constant([4.0])], [tf.constant([0.1, 0.0])] * 2
    pressure = float(balanced_pressure(slopes, closing, tf.constant(openness), tf.constant(0.1)))
    assert pressure * np.sqrt(0.02) == pytest.approx(5.0 * sign, abs=1e-4)


def test_reverse_kl_is_the_divergence_of_the_ticket_from_the_whole_network():
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.6, 0.3])
    ticket, whole = np.log(p)[None] + 5.0, np.log(q)[None] - 1.0
    assert float(reverse_kl(ticket, whole)) == pytest.approx(np.sum(p * np.log(p / q)))
    assert float(reverse_kl(whole, whole)) == pytest.approx(0.0, abs=1e-9)


def test_normalised_outputs_have_unit_size_however_small_they_were():
    outputs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    for size in (1e-30, 1.0, 1e30):
        found = normalised(tf.constant(outputs * np.float32(size))).numpy()
        assert np.mean(found**2) == pytest.approx(1.0, rel=1e-5)
        np.testing.assert_allclose(found, outputs / np.sqrt(np.mean(outputs**2)), rtol=1e-4)


def test_normalised_outputs_have_the_gradient_of_outputs_at_that_size():
    outputs = tf.constant(np.random.default_rng(1).normal(size=(20, 4)).astype(np.float32) * 1e-20)
    weights = tf.constant(np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = tf.reduce_sum(normalised(outputs) * weights)
    size = 1e-20 * np.sqrt(np.mean((outputs.numpy() * 1e20) ** 2))
    np.testing.assert_allclose(tape.gradient(loss, outputs).numpy(), weights / size, rtol=1e-4)


def test_outputs_of_zero_stay_zero_and_have_a_gradient_of_zero():
    outputs = tf.zeros((5, 3))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        found = normalised(outputs)
        loss = tf.reduce_sum(found * tf.random.normal((5, 3)))
    assert not found.numpy().any()
    assert not tape.gradient(loss, outputs).numpy().any()


def test_normalised_gates_do_not_see_the_size_of_the_signal():
    x, y = samples("classification")
    found = []
    for size in (1.0, 1e-12):
        host = small_host()
        for weight in host.layers[-1].weights[:2]:
            weight.assign(weight * size)
        settings = GateSettings("classification", density="capacity", normalised=True)
        epoch = GateEpoch(host, settings)
        epoch.start([np.zeros(score.shape) for score in epoch.scores], x, y)
        for _ in range(3):
            epoch(x, y, np.arange(40, dtype=np.int32), Controls(density=0.3))
        found.append(np.concatenate([score.numpy().ravel() for score in epoch.scores]))
    assert np.abs(found[0]).max() > 0.01
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


@pytest.mark.slow
def test_closed_gates_stay_closed_and_rank_last():
    x, y = samples("regression")
    epoch = GateEpoch(small_host(), GateSettings("regression"))
    epoch.start([np.zeros(score.shape) for score in epoch.scores], x, y)
    alive = [np.ones(score.shape, bool) for score in epoch.scores]
    alive[0][0, 0] = alive[3][2] = False
    epoch.freeze(alive)
    before = [score.numpy() for score in epoch.scores]
    epoch(x, y, np.arange(40, dtype=np.int32), Controls(pressure=1.0))
    epoch.use_gates(Controls())
    assert epoch.model.layers[1].kernel_mask.numpy()[0, 0] == 0.0
    assert epoch.scores[0].numpy()[0, 0] == before[0][0, 0]
    assert epoch.scores[0].numpy()[1, 1] != before[0][1, 1]
    ranking = np.concatenate([array.ravel() for array in epoch.ranking()])
    assert np.isneginf(ranking).sum() == 2


def test_outputs_are_sized_like_the_labels_before_the_search_starts():
    x, y = samples("regression")
    epoch = GateEpoch(small_host(), GateSettings("regression"))
    epoch.start([np.zeros(score.shape) for score in epoch.scores], x, y)
    outputs = epoch.model(x).numpy() * np.exp(epoch._log_scales.numpy())
    np.testing.assert_allclose(outputs.std(axis=0), y.std(axis=0), rtol=1e-4)


def test_weights_without_masks_are_refused():
    model = keras.Sequential([keras.layers.Dense(2, input_shape=(3,), name="plain")])
    with pytest.raises(InputError, match="got none for plain/kernel, plain/bias"):
        gate_epoch(model, GateSettings("regression"))


def test_a_searcher_without_a_schedule_says_so():
    x, y = samples("classification")
    with pytest.raises(InputError, match="has no schedule"):
        GateSearcher().find(
            small_host(),
            Data(x, y, x, y),
            SeekSettings(density=0.5),
            Loop(np.random.default_rng(0)),
        )


@pytest.mark.slow
def test_a_search_that_diverges_is_stopped():
    x, y = samples("regression")
    data = Data(x, np.full_like(y, np.nan), x, y)
    with pytest.raises(InputError, match="training diverged: the loss of epoch 1 is nan"):
        Steered(epochs=2).train_gates(small_host(), data, 0.5, Loop(np.random.default_rng(0)))
