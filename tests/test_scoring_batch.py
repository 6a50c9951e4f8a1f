"""The samples that are scored on: as many of each class, in the structure of the data."""

import numpy as np
import pytest
import tensorflow as tf
from scoring_samples import CLASSES, RNG, X

from pns_tf import pruners
from pns_tf.checks import InputError
from pns_tf.pruners import scoring_batch


class TestScoringBatch:
    def test_is_balanced_over_classes(self):
        x, y = np.arange(1000.0), np.repeat([0, 1, 2, 3], [700, 200, 80, 20])
        rows, labels = pruners.scoring_batch(x, y)
        assert np.bincount(labels).tolist() == [10, 10, 10, 10]
        assert len(set(rows)) == 40
        np.testing.assert_array_equal(y[rows.astype(int)], labels)

    def test_takes_all_of_a_rare_class(self):
        _, labels = pruners.scoring_batch(np.zeros(103), np.repeat([0, 1], [100, 3]))
        assert np.bincount(labels).tolist() == [10, 3]

    def test_takes_forty_random_samples_of_regression(self):
        y = np.linspace(0, 1, 500)[:, None]
        x, labels = pruners.scoring_batch(y * 2, y)
        assert labels.shape == (40, 1)
        np.testing.assert_array_equal(x, labels * 2)
        assert 0.3 < labels.mean() < 0.7

    def test_follows_the_seed(self):
        x, y = np.arange(500.0), np.arange(500) % 4
        draws = [pruners.scoring_batch(x, y, seed=seed)[0] for seed in (0, 0, 1)]
        np.testing.assert_array_equal(draws[0], draws[1])
        assert not np.array_equal(draws[0], draws[2])

    def test_refuses_samples_without_labels(self):
        with pytest.raises(InputError, match="got 3 and 2"):
            pruners.scoring_batch(np.ones(3), np.ones(2))


def test_ragged_and_sparse_samples_are_refused_by_name():
    ragged, sparse = tf.ragged.constant([[1], [2, 3]]), tf.sparse.eye(2)
    for x in (ragged, sparse):
        with pytest.raises(InputError, match="x is ragged or sparse"):
            scoring_batch(x, np.array([0, 1]))
    with pytest.raises(InputError, match="y is ragged or sparse"):
        scoring_batch(np.ones((2, 3)), ragged)


def test_one_hot_rows_are_classes():
    numbers = scoring_batch(X, CLASSES, 4)
    for dtype in (int, np.float32, bool):
        x, y = scoring_batch(X, np.eye(3, dtype=dtype)[CLASSES], 4)
        np.testing.assert_array_equal(x, numbers[0])
        np.testing.assert_array_equal(y.argmax(axis=1), numbers[1])


def test_label_maps_and_several_labels_are_drawn_as_they_come():
    maps = RNG.integers(0, 2, (40, 4, 4))
    x, y = scoring_batch(X, maps, 5, classes=2)
    assert (len(x), y.shape) == (10, (10, 4, 4))
    x, y = scoring_batch(X, RNG.integers(0, 2, (40, 6)), 5)
    assert y.shape == (20, 6)


def test_several_inputs_and_outputs_keep_their_structure():
    number = np.arange(40)
    x, y = scoring_batch([X, number], {"class": CLASSES, "number": number})
    np.testing.assert_array_equal(x[0], X[x[1]])
    np.testing.assert_array_equal(y["number"], x[1])
    x, y = scoring_batch({"a": X, "b": number}, CLASSES, 4)
    np.testing.assert_array_equal(y, x["b"] % 3)
    assert np.bincount(y).tolist() == [4, 4, 4]
    with pytest.raises(InputError, match="equally many samples"):
        scoring_batch([X, number[:-1]], CLASSES)


def test_a_data_set_gives_samples_of_each_class():
    number = np.arange(40)
    data = tf.data.Dataset.from_tensor_slices(((X, number), CLASSES, number / 40.0)).batch(7)
    (x, rows), y, weight = scoring_batch(data, samples_per_class=5)
    assert np.bincount(y).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(x, X[rows])
    np.testing.assert_array_equal(y, CLASSES[rows])
    np.testing.assert_allclose(weight, rows / 40)
    assert len(set(rows)) == 15
    again = scoring_batch(data, samples_per_class=5)[0][1]
    np.testing.assert_array_equal(rows, again)
    other = scoring_batch(data, samples_per_class=5, seed=1)[0][1]
    assert set(other) != set(rows)
    with pytest.raises(InputError, match="must end"):
        scoring_batch(data.repeat())
    with pytest.raises(InputError, match="must be batched"):
        scoring_batch(tf.data.Dataset.from_tensor_slices((X, CLASSES)))
    x, y = scoring_batch(tf.data.Dataset.from_tensor_slices((X, X)).batch(8), None, 5, 2)
    assert x.shape == (10, 5)
