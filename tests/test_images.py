"""Images through TensorFlow Datasets, normalised, held out and augmented."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pns_tf.images import image_set, load_images
from pns_tf.training.augmentation import BLACK, SHIFT, augment
from tasks import InputError

SHARED = Path(__file__).parents[2] / "shared" / "data" / "tensorflow_datasets"
DATA_DIR = Path(os.environ.get("PNS_DATA_DIR", SHARED))
needs_cifar = pytest.mark.skipif(
    not (DATA_DIR / "cifar10").is_dir(),
    reason=f"no CIFAR-10 in {DATA_DIR}: PNS_DATA_DIR says where it is",
)


@needs_cifar
def test_cifar_is_normalised_and_the_first_tenth_of_its_training_part_held_out():
    import tensorflow_datasets as tfds

    assert image_set("cifar10", str(DATA_DIR)) == ((32, 32, 3), 10)
    data = load_images("cifar10", str(DATA_DIR), samples=200)
    raw = tfds.load("cifar10", data_dir=DATA_DIR, split="train[:200]", download=False)
    raw = [(sample["image"], sample["label"]) for sample in raw.as_numpy_iterator()]
    x = np.concatenate([data.x_validation, data.x_train])
    np.testing.assert_array_equal(
        np.concatenate([data.y_validation, data.y_train]), [y for _, y in raw]
    )
    np.testing.assert_allclose(x, [(image / 255 - 0.5) / 0.5 for image, _ in raw], atol=1e-6)
    assert len(data.x_validation) == 20
    assert len(data.x_test) == 200
    assert (x.dtype, data.y_train.dtype) == (np.float32, np.int32)


@pytest.mark.slow
@needs_cifar
def test_more_samples_than_there_are_are_all_of_them():
    data = load_images("cifar10", str(DATA_DIR), samples=10_001)
    assert len(data.x_test) == 10_000
    assert len(data.x_train) + len(data.x_validation) == 10_001


@needs_cifar
def test_training_and_test_set_differ():
    data = load_images("cifar10", str(DATA_DIR), samples=50)
    assert not np.array_equal(data.x_test[:45], data.x_train)


def test_a_data_set_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="no TensorFlow data set 'cifar'"):
        image_set("cifar")


def test_a_data_set_without_classes_is_refused():
    with pytest.raises(InputError, match="must have images and labels, got"):
        load_images("coco")


def test_images_of_different_sizes_are_refused():
    with pytest.raises(InputError, match=r"images of\s+shape \(None, None, 3\)"):
        image_set("cats_vs_dogs")


def test_too_few_samples_are_refused():
    with pytest.raises(InputError, match="samples must be an integer of at least 10"):
        load_images("cifar10", samples=5)


# Augmentation

X = np.random.default_rng(0).uniform(-1, 1, (200, 6, 7, 2)).astype(np.float32)


def variants(image: np.ndarray) -> np.ndarray:
    """All images that augmentation can make of one."""
    rows, columns, _ = image.shape
    found = []
    for mirrored in (image, image[:, ::-1]):
        frame = ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0))
        padded = np.pad(mirrored, frame, constant_values=BLACK)
        found += [
            padded[r : r + rows, c : c + columns]
            for r in range(2 * SHIFT + 1)
            for c in range(2 * SHIFT + 1)
        ]
    return np.array(found)


def test_augmentation_mirrors_and_shifts_all_ways_equally_often():
    chosen = []
    for image, augmented in zip(X, augment(X, (0, 1)).numpy(), strict=True):
        same = (variants(image) == augmented).all(axis=(1, 2, 3))
        assert same.any()
        chosen.append(np.argmax(same))
    mirrored, shift = np.divmod(chosen, (2 * SHIFT + 1) ** 2)
    assert 70 < mirrored.sum() < 130
    for moved in np.divmod(shift, 2 * SHIFT + 1):
        assert set(moved) == set(range(2 * SHIFT + 1))


def test_the_seed_decides_how_images_are_augmented():
    first, again, other = (augment(X, seed).numpy() for seed in ((0, 1), (0, 1), (0, 2)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert augment(tf.constant(X), (0, 1)).shape == X.shape


def test_images_of_several_sizes_are_augmented_in_one_process():
    for side in (6, 9, 12):
        images = np.full((5, side, side + 1, 3), 0.5, np.float32)
        moved = augment(images, (0, side)).numpy()
        assert moved.shape == images.shape
        assert set(np.unique(moved)) <= {-1.0, 0.5}


def test_without_internet_one_line_says_how_to_prepare_the_data(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise OSError("network is unreachable")

    monkeypatch.setattr("socket.create_connection", unreachable)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    with pytest.raises(InputError) as error:
        load_images("cifar10", str(tmp_path))
    said = str(error.value)
    assert "tfds.builder('cifar10', data_dir='DIR').download_and_prepare()" in said
    assert "pass --data_dir=DIR" in said
    assert "\n" not in said
