"""What TensorBoard finds in the log of a planted and of a found run."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

import pns_tf
import pns_tf.saving.tensorboard
from pns_tf.hosts.models import host_arrays
from pns_tf.masks import Mask
from pns_tf.saving.tensorboard import mask_image


def read(run) -> EventAccumulator:
    return EventAccumulator(str(run / "tensorboard"), size_guidance={"tensors": 0}).Reload()


@pytest.fixture(scope="module")
def log(helix_run) -> EventAccumulator:
    return read(helix_run)


@pytest.fixture(scope="module")
def planted():
    return pns_tf.plant("helix")


def values(log: EventAccumulator, tag: str) -> np.ndarray:
    (event,) = log.Tensors(tag)
    return tf.make_ndarray(event.tensor_proto)


def series(log: EventAccumulator, tag: str) -> dict[int, float]:
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in log.Tensors(tag)}


def image(log: EventAccumulator, tag: str) -> np.ndarray:
    width, height, png = values(log, tag)[:3]
    pixels = imread(io.BytesIO(png))
    assert pixels.shape[:2] == (int(height), int(width))
    return pixels


def test_nothing_is_missing_and_nothing_else_is_there(log):
    assert set(log.Tags()["tensors"]) == {
        "settings",
        "data",
        "ticket",
        *(f"metrics/{network}" for network in ("target", "ticket", "host")),
        *(f"_hparams_/session_{end}_info" for end in ("start", "end")),
        *(f"layer{i}/host_weights" for i in range(4)),
        *(f"layer{i}/planted_weights" for i in range(4)),
        *(f"planted_mask/layer{i}" for i in range(4)),
    }


def test_a_run_is_a_session_of_hparams_with_its_settings_alone(log):
    (event,) = log.Tensors("_hparams_/session_start_info")
    metadata = log.SummaryMetadata("_hparams_/session_start_info")
    start = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
    assert event.step == 0
    assert start.session_start_info.group_name == "helix-d5-w100-s0"
    settings = start.session_start_info.hparams
    assert settings["task"].string_value == "helix"
    assert settings["width"].number_value == 100
    assert not {"metrics ticket", "versions python", "parameters_written"} & settings.keys()


def test_the_settings_are_a_table(log):
    (text,) = values(log, "settings").reshape(-1)
    text = text.decode()
    assert text.startswith("| setting | value |\n| --- | --- |\n")
    for row in ('| task | "helix" |', "| depth | 5 |", "| width | 100 |", "| seed | 0 |"):
        assert row in text
    assert f'| versions tensorflow | "{tf.__version__}" |' in text


@pytest.mark.parametrize("layer", range(4))
def test_histograms_show_planted_weights_apart_from_the_others(log, planted, layer):
    kernel = host_arrays(planted.host)[0][layer]
    mask = planted.planted_masks.kernels[layer]
    for tag, weights in (("host_weights", kernel[~mask]), ("planted_weights", kernel[mask])):
        buckets = values(log, f"layer{layer}/{tag}")  # left edge, right edge, count
        assert buckets[:, 2].sum() == weights.size
        assert buckets[0, 0] == pytest.approx(weights.min(), rel=1e-5)
        assert buckets[-1, 1] == pytest.approx(weights.max(), rel=1e-5)


@pytest.mark.parametrize("layer", range(4))
def test_the_planted_mask_of_each_layer_is_an_image(log, planted, layer):
    pixels = image(log, f"planted_mask/layer{layer}")
    mask = planted.planted_masks.kernels[layer]
    zoom = np.array(pixels.shape[:2]) // mask.shape
    np.testing.assert_array_equal(
        pixels.reshape(*pixels.shape[:2]) > 0.5, np.kron(mask, np.ones(zoom))
    )


@pytest.mark.parametrize("tag", ["data", "ticket"])
def test_the_drawings_are_images(log, tag):
    pixels = image(log, tag)
    assert min(pixels.shape[:2]) > 200
    assert pixels.std() > 0.01


def test_the_graph_is_the_hosts(log):
    names = {
        node.name for node in tf.compat.v1.GraphDef.FromString(log.Graph().SerializeToString()).node
    }
    for layer in range(4):
        assert any(f"layer{layer}/MatMul" in name for name in names)


@pytest.mark.parametrize("shape", [(1, 1), (1, 100), (100, 3), (700, 50), (2000, 3000)])
def test_a_mask_image_loses_no_planted_entry(shape):
    rng = np.random.default_rng(0)
    for _ in range(5):
        mask = np.zeros(shape, bool)
        mask[tuple(rng.integers(shape))] = True
        pixels = mask_image(mask)
        assert pixels.dtype == np.uint8
        assert pixels.max() == 255
        assert max(pixels.shape) <= 640
        assert min(pixels.shape[:2]) >= 10
    assert mask_image(np.zeros(shape, bool)).max() == 0


def test_a_wide_host_is_logged_with_fewer_values(tmp_path, monkeypatch):
    monkeypatch.setattr(pns_tf.saving.tensorboard, "HISTOGRAM_VALUES", 1000)
    planted = pns_tf.plant("relu", depth=4, width=100)
    pns_tf.saving.tensorboard.log_planted(planted, {"task": "relu"}, {}, tmp_path, "relu")
    log = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0}).Reload()
    assert values(log, "layer1/host_weights")[:, 2].sum() <= 1000
    assert values(log, "layer1/planted_weights")[:, 2].sum() == 1


# The log of a search


def record_of(run) -> dict:
    return json.loads((run / "ticket.json").read_text(encoding="utf-8"))


def test_a_search_logs_the_loss_of_each_epoch(found_run):
    losses = series(read(found_run), "loss/training")
    assert losses == pytest.approx(dict(enumerate(record_of(found_run)["history"], start=1)))
    assert len(losses) == 2


def test_a_search_logs_its_metrics_and_those_of_each_layer(found_run):
    log, metrics = read(found_run), record_of(found_run)["metrics"]
    for name in ("planted", "before", "strong", "final", "recall", "effective_density"):
        assert series(log, f"metrics/{name}") == {0: pytest.approx(metrics[name])}
    for name in ("density", "precision", "recall", "f1", "jaccard"):
        layers = {layer: pytest.approx(metrics[f"{name}_layer{layer}"]) for layer in range(3)}
        assert series(log, f"metrics_by_layer/{name}") == layers


def test_a_search_logs_kept_weights_before_and_after_training_and_drawings(found_run):
    log = read(found_run)
    for layer, mask in enumerate(Mask.load(found_run / "masks.npz").kernels):
        before, after = (
            tf.make_ndarray(event.tensor_proto)
            for event in log.Tensors(f"kept_weights/layer{layer}")
        )
        assert before[:, 2].sum() == after[:, 2].sum() == mask.sum()
        assert not np.array_equal(before, after)
    for tag in ("overlap", "ticket"):
        assert min(image(log, tag).shape[:2]) > 200
    (text,) = values(log, "settings").reshape(-1)
    assert '| pruner | "snip" |' in text.decode()
    assert "history" not in text.decode()


@pytest.mark.slow
def test_edge_popup_logs_its_search_apart_from_the_training(popup_run):
    log, history = read(popup_run), record_of(popup_run)["history"]
    assert series(log, "loss/search") == pytest.approx({1: history[0], 2: history[1]})
    assert series(log, "loss/training") == pytest.approx({1: history[2]})
    assert series(log, "search/density") == pytest.approx({1: 0.5, 2: 0.25})
    masks = Mask.load(popup_run / "masks.npz")
    for name, mask in zip(masks.names, masks, strict=True):
        first, second = (
            tf.make_ndarray(event.tensor_proto) for event in log.Tensors(f"scores/{name}")
        )
        assert first[:, 2].sum() == second[:, 2].sum() == mask.size
        assert not np.array_equal(first, second)


@pytest.mark.slow
def test_a_collapsed_ticket_is_logged(tmp_path):
    planted = pns_tf.plant("circle", depth=6, width=30)
    found = pns_tf.seek(planted, "synflow", 0.01, samples=500, epochs=1)
    assert found.metrics["layer_collapse"] == 1.0
    pns_tf.saving.tensorboard.log_found(found, {}, {}, tmp_path / "tensorboard", "found")
    log = read(tmp_path)
    assert len(log.Tensors("kept_weights/layer2")) == 2
    assert series(log, "metrics/flow_collapse") == {0: 1.0}
