"""Residual hosts: their shape, how they are pruned and trained, and the whole road of a ticket."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from test_images import DATA_DIR, needs_cifar
from test_streams import MODELS, mobile, scrambled
from test_vgg import images

import pns_tf
from pns_tf.checks import InputError
from pns_tf.hosts.compaction import compact
from pns_tf.hosts.drawing import draw_parameters
from pns_tf.hosts.graphs import wiring_of
from pns_tf.hosts.models import host_from_model, masked_layers, norm_layers, set_masks
from pns_tf.hosts.paths import effective_mask, flow_collapsed
from pns_tf.hosts.resnet import Resnet, build_resnet
from pns_tf.hosts.wiring import ADD, link
from pns_tf.masks import Mask
from pns_tf.pruning.thresholds import masks_from_scores
from pns_tf.recipe.run import Run
from pns_tf.recipe.search import SeekSettings
from pns_tf.training.checkpoints import kept_in
from pns_tf.training.host import train_host
from pns_tf.training.loop import Loop

SHAPE = (8, 8, 3)
X = np.random.default_rng(0).uniform(-1, 1, (20, *SHAPE)).astype(np.float32)
FAST = {"batch_size": 32, "epochs": 1}
SGD = {"optimizer": "sgd", "schedule_lr": "cosine", "learning_rate": 0.1}


def small(seed: int = 0, shortcut: str = "padding") -> keras.Model:
    return draw_parameters(build_resnet("resnet8", SHAPE, 4, 0.25, shortcut), seed)


@pytest.fixture(scope="module")
def data():
    return images()


# The network


@pytest.mark.parametrize(
    ("shortcut", "weights"),
    # He et al. count 0.27 million; a projection has 16 × 32 and 32 × 64 more
    [("padding", 268_336), ("projection", 270_896)],
)
def test_resnet20_has_the_weights_of_the_paper(shortcut, weights):
    host = Resnet("resnet20", shortcut=shortcut, shape=(32, 32, 3), classes=10)
    layers = masked_layers(host.build())
    assert sum(int(np.prod(layer.kernel.shape)) for layer in layers) == weights
    assert len(layers) == (20 if shortcut == "padding" else 22)
    multiplied = sum(
        int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output_shape[1:-1]))
        for layer in layers
    )
    assert host.multiplications == multiplied
    assert host.weights == weights - 2 * 9 * 16 - 640  # images of one channel, without logits


@pytest.mark.parametrize(
    ("settings_", "complaint"),
    [
        ({"plan": "resnet9"}, "plan"),
        ({"width_multiplier": 0}, "width_multiplier"),
        ({"shortcut": "none"}, "shortcut"),
    ],
)
def test_networks_that_cannot_be_are_refused(settings_, complaint):
    with pytest.raises(InputError, match=complaint):
        Resnet(**settings_)


def test_what_came_later_is_no_part_of_old_names():
    search = SeekSettings("snip", 0.1)
    assert not {"optimizer", "schedule_lr"} & Run(Resnet(), search).settings.keys()
    sgd = SeekSettings("snip", 0.1, optimizer="sgd", schedule_lr="cosine", learning_rate=0.1)
    assert Run(Resnet(), sgd).settings["optimizer"] == "sgd"
    assert Run.from_record(Run(Resnet(), sgd).settings).name == Run(Resnet(), sgd).name
    assert Run(Resnet(), sgd).folder == (
        "resnet20-cifar10-w1-s0-snip-0.1-learning_rate=0.1-optimizer=sgd-schedule_lr=cosine"
    )


# Masks


def test_a_sum_is_alive_as_long_as_one_of_its_branches():
    host = small()
    wiring, layers = wiring_of(host), masked_layers(host)
    masks = Mask.ones_like([w for layer in layers for w in (layer.kernel, layer.bias)])
    past = Mask([np.zeros_like(m) if i == 2 else m for i, m in enumerate(masks)])  # of block 1
    assert not flow_collapsed(past, wiring)
    effective = effective_mask(past, wiring)
    assert not effective[2].any()
    assert not effective[4].any()  # what it would feed
    assert effective[6].all()
    start = Mask([np.zeros_like(m) if i == 0 else m for i, m in enumerate(masks)])
    assert flow_collapsed(start, wiring)
    assert effective_mask(start, wiring).kept == 0


@pytest.mark.slow
@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    density=st.sampled_from([0.005, 0.02, 0.1, 1.0]),
    name=st.sampled_from([name for name in MODELS if name != "branched_vectors"]),
)
def test_a_compacted_network_with_branches_computes_the_same(seed, density, name):
    host = scrambled(MODELS[name](5), seed, density)
    cut = compact(host)
    np.testing.assert_allclose(cut.model(X), host(X), rtol=1e-4, atol=1e-5)
    names = [[layer.name for layer in masked_layers(model)] for model in (cut.model, host)]
    assert names[0] == names[1]


def test_channels_of_a_block_that_nothing_needs_are_cut():
    host = small()
    masks = [np.ones(w.shape) for x in masked_layers(host) for w in (x.kernel, x.bias)]
    masks[4][..., 1:, :] = 0  # of the first block only one inner channel is used
    set_masks(host, masks)
    cut = compact(host)
    assert [len(kept) for kept in cut.kept] == [3, 4, 1, 4, 8, 8, 16, 16, 4]
    assert cut.model.count_params() < host.count_params()


@pytest.mark.slow
def test_training_what_is_left_is_training_the_whole(data):
    host = small(1, "projection")
    rng = np.random.default_rng(0)
    weights = [w for x in masked_layers(host) for w in (x.kernel, x.bias)]
    set_masks(host, [rng.random(w.shape) < 0.15 for w in weights])
    start = host.get_weights()
    search = SeekSettings(batch_size=32, optimizer="sgd", schedule_lr="cosine", learning_rate=0.05)
    train_host(host, data, search, 2, Loop(np.random.default_rng(1)))
    compacted = host(data.x_test).numpy()
    host.set_weights(start)
    from pns_tf.training.epoch import train
    from pns_tf.training.optimizers import chosen_epoch

    epoch = chosen_epoch(host, data, search, 2)
    loop = Loop(np.random.default_rng(1))
    host.set_weights(train(epoch, start, data.x_train, data.y_train, 2, loop)[0])
    np.testing.assert_allclose(compacted, host(data.x_test), rtol=1e-2, atol=1e-3)


# Pruners


@pytest.mark.slow
@pytest.mark.parametrize("shortcut", ["padding", "projection"])
def test_synflow_leaves_every_sum_and_every_projection_alive(shortcut):
    """On a network that was never trained, in inference mode."""
    host = small(2, shortcut)
    wiring, rng = wiring_of(host), np.random.default_rng(0)
    pruner, layers = pns_tf.pruners.get("synflow"), masked_layers(host)
    mask = Mask.ones_like([w for layer in layers for w in (layer.kernel, layer.bias)])
    for step in range(1, 31):
        density = 0.05 ** (step / 30)
        mask = masks_from_scores(pruner.score(host), density, "global", within=mask, rng=rng)
        set_masks(host, mask)
    assert mask.density == pytest.approx(0.05, abs=1e-3)
    links = [link(kernel) for kernel in mask.kernels]
    fed, used = wiring.fed(links), wiring.used(links)
    for number, node in enumerate(wiring.nodes):
        if node.kind == ADD:
            assert (fed[number] & used[number]).any(), node.name
    past = [kernel for kernel in mask.kernels if kernel.shape[:2] == (1, 1)]
    assert len(past) == (2 if shortcut == "projection" else 0)
    assert all(kernel.any() for kernel in past)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pruner", "more"),
    [
        ("snip", SGD | {"augmented": True}),
        ("edge_popup", {"options": {"epochs": 1}}),
        ("tfmot", {}),
        ("rigl", {"options": {"epochs": 1}}),
        ("hard_concrete", {"options": {"epochs": 1}}),
    ],
)
def test_every_kind_of_pruner_seeks_in_a_residual_host(data, pruner, more):
    found = pns_tf.seek(small(3), pruner, 0.2, data=data, **{**FAST, **more})
    assert 0 < found.metrics["density_kept"] <= 0.2 + 1e-3
    assert np.isfinite(found.metrics["final"])
    assert 0 < found.metrics["effective_density"] <= found.metrics["live_density"]


@pytest.mark.parametrize("pruner", ["rigl", "imp", "tfmot", "pns_weak"])
def test_a_pruner_that_trains_in_its_own_way_does_not_take_an_optimizer(data, pruner):
    with pytest.raises(InputError, match="leave out optimizer, got 'sgd'"):
        pns_tf.seek(small(), pruner, 0.2, data=data, optimizer="sgd", epochs=2)


def test_an_optimizer_and_a_schedule_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match=r"optimizer.*adam"):
        SeekSettings(optimizer="adagrad")
    with pytest.raises(InputError, match=r"schedule_lr.*cosine"):
        SeekSettings(schedule_lr="linear")


@pytest.mark.slow
def test_a_stopped_training_goes_on_with_the_same_statistics(data, tmp_path):
    """Mean and variance of batch normalisation are part of what is kept."""

    def sought(watch=None):
        settings_ = {"epochs": 3, "batch_size": 32, "watch": watch}
        return pns_tf.seek(small(4), "magnitude", 0.5, data=data, **settings_)

    def stop(epoch, loss):
        if epoch == 2:
            raise KeyboardInterrupt

    whole = sought()
    with pytest.raises(KeyboardInterrupt), kept_in(tmp_path / "kept", {}):
        sought(stop)
    with kept_in(tmp_path / "kept", {}):
        again = sought()
    for a, b in zip(whole.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    statistics = norm_layers(again.model)[0].moving_mean.numpy()
    assert np.any(statistics)


# The road


SEEK = ["seek", "--host=resnet8", "--width_multiplier=0.25", "--samples=200", "--density=0.2"]
SHORT = ["--optimizer=sgd", "--schedule_lr=cosine", "--learning_rate=0.1", "--epochs=2"]
FOUND = (
    "resnet8-cifar10-w0.25-s0-synflow-0.2-epochs=2-learning_rate=0.1-optimizer=sgd"
    "-schedule_lr=cosine-augmented-samples=200"
)


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A folder with a found ticket and the host it is planted in."""
    from pns_tf.commands import main

    out, data_dir = tmp_path_factory.mktemp("saved_models"), f"--data_dir={DATA_DIR}"
    main([*SEEK, *SHORT, "--augmented", "--tflite", data_dir, f"--out={out}"])
    main(["plant", f"--ticket={out / FOUND}", "--samples=200", data_dir, f"--out={out}"])
    return out


@pytest.mark.slow
@needs_cifar
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_a_residual_ticket_is_found_trained_planted_exported_and_read_back(out):
    from pns_tf.hosts.forward import forward
    from pns_tf.images import load_images
    from pns_tf.saving.exporting import load_planted
    from pns_tf.saving.trained import load_trained

    x = load_images("cifar10", str(DATA_DIR), samples=50).x_test
    trained = forward(load_trained(out / FOUND))(x)
    served = tf.saved_model.load(str(out / FOUND / "trained")).serve(x)
    np.testing.assert_allclose(served, trained, rtol=1e-3, atol=1e-4)
    folder = out / "resnet8-cifar10-w0.25-s0-planted-samples=200"
    planted = tf.saved_model.load(str(folder / "ticket")).serve(x)
    assert np.abs(planted - trained).max() <= 1e-3 * np.abs(trained).max()
    again = load_planted(folder)
    np.testing.assert_allclose(
        forward(again.ticket)(x) / again.scales, planted, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(again.target(x), planted, rtol=1e-3, atol=1e-4)
    record = json.loads((folder / "ticket.json").read_text())
    assert record["metrics"]["ticket"] == pytest.approx(record["metrics"]["target"], abs=0.011)
    assert (folder / "ticket.png").exists()


@pytest.mark.slow
@needs_cifar
@pytest.mark.parametrize("name", ["resnet20", "mobile"])
def test_planting_keeps_the_logits_of_real_images(name):
    from pns_tf.images import load_images

    x = load_images("cifar10", str(DATA_DIR), samples=20).x_test

    def network(width):
        return (
            build_resnet("resnet20", width_multiplier=width / 16)
            if name == "resnet20"
            else (mobile_for(width))
        )

    target = scrambled(network(4), 1, density=0.2)
    planted = pns_tf.plant(target, host=draw_parameters(host_from_model(network(8)), 2))
    wanted = target(x).numpy()
    ticket = planted.ticket(x).numpy() / planted.scales
    assert np.abs(ticket - wanted).max() <= 1e-3 * np.abs(wanted).max()


def mobile_for(width: int) -> keras.Model:
    """The same layers for larger images."""
    return mobile(width, (32, 32, 3))
