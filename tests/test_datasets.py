"""The tasks as TensorFlow Datasets hold the tasks' own samples."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tasks
from pns_tf import datasets


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("tensorflow_datasets"))


def load(name: str, data_dir: str, split: str, **options) -> tuple[np.ndarray, np.ndarray]:
    dataset = tfds.load(
        name, data_dir=data_dir, split=split, as_supervised=True, batch_size=-1, **options
    )
    return tfds.as_numpy(dataset)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["", "/noise_0", "/noise_0.1"])
@pytest.mark.parametrize("name", tasks.names())
def test_a_loaded_data_set_equals_the_tasks_data(name, config, data_dir):
    noise = float(config.removeprefix("/noise_")) if config else None
    data = tasks.get(name).data(samples=10_000, noise=noise, seed=0)
    for split in ("train", "test"):
        x, y = load(f"pns_{name}{config}", data_dir, split)
        np.testing.assert_array_equal(x, getattr(data, f"x_{split}"))
        np.testing.assert_array_equal(y, getattr(data, f"y_{split}"))


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_splits_features_and_a_config_for_each_noise_level(name, data_dir):
    task = tasks.get(name)
    builder = tfds.builder(f"pns_{name}", data_dir=data_dir)
    assert list(builder.builder_configs) == ["noise_0.01", "noise_0", "noise_0.001", "noise_0.1"]
    assert builder.builder_config.noise == task.noise
    assert str(builder.version) == "1.0.0"
    builder.download_and_prepare()
    assert {key: split.num_examples for key, split in builder.info.splits.items()} == {
        "train": 9000,
        "test": 1000,
    }
    x, y = builder.info.features["x"], builder.info.features["y"]
    assert (x.shape, x.np_dtype) == ((task.inputs,), np.float32)
    if task.kind == "classification":
        assert (y.shape, y.num_classes) == ((), task.outputs)
    else:
        assert (y.shape, y.np_dtype) == ((task.outputs,), np.float32)
    assert task.summary in builder.info.description


def test_what_was_prepared_once_loads_without_download(data_dir):
    first = load("pns_relu", data_dir, "test")
    again = load("pns_relu", data_dir, "test", download=False)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_noise_level_of_your_own_is_a_config(data_dir):
    options = {"config": datasets.NoiseConfig.of(0.03)}
    _, y = load("pns_relu", data_dir, "test", builder_kwargs=options)
    np.testing.assert_array_equal(y, tasks.get("relu").data(noise=0.03).y_test)


def test_nothing_is_downloaded(data_dir, monkeypatch):
    def no_network(*_, **__):
        raise AssertionError("tried to reach the network")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr("socket.getaddrinfo", no_network)
    x, _ = load("pns_helix/noise_0.001", data_dir, "test")
    assert x.shape == (1000, 1)
