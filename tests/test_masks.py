"""A mask says which parameters belong to a ticket, and nothing else."""

import numpy as np
import pytest

from pns_tf.masks import Mask
from tasks import InputError


@pytest.fixture
def mask() -> Mask:
    return Mask.from_layers([np.eye(4), np.zeros((4, 1))], [np.array([1, 0, 0, 1]), np.ones(1)])


def test_a_mask_is_a_sequence_in_the_order_kernel_bias_of_each_layer(mask):
    assert mask.names == ("kernel0", "bias0", "kernel1", "bias1")
    assert [array.shape for array in mask] == [(4, 4), (4,), (4, 1), (1,)]
    assert all(array.dtype == bool for array in mask)
    assert [array.shape for array in mask.kernels] == [(4, 4), (4, 1)]
    assert [array.shape for array in mask.biases] == [(4,), (1,)]


def test_density_is_the_fraction_kept(mask):
    assert (mask.kept, mask.size) == (7, 25)
    assert mask.density == 7 / 25
    assert mask.weight_density == 4 / 20
    assert mask.densities == {"kernel0": 0.25, "bias0": 0.5, "kernel1": 0.0, "bias1": 1.0}


def test_the_mask_of_ones_keeps_everything(mask):
    assert Mask.ones_like(mask).density == 1


def test_masks_are_equal_if_they_keep_the_same_parameters(mask):
    other = [array.copy() for array in mask]
    assert Mask(other) == mask
    other[0][0, 1] = True
    assert Mask(other) != mask


@pytest.mark.parametrize("value", [0.5, 2, -1, np.nan])
def test_anything_but_zero_and_one_is_refused(value):
    with pytest.raises(InputError, match=f"mask 'bias0' must hold 0 and 1 only, got {value}"):
        Mask([np.ones((1, 2)), np.array([1, value])])


def test_equal_masks_are_written_as_equal_bytes_and_read_back(mask, tmp_path):
    mask.save(tmp_path / "a.npz")
    mask.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert Mask.load(tmp_path / "a.npz") == mask


@pytest.mark.parametrize("content", [b"", b"no mask", None])
def test_a_file_that_is_no_mask_is_refused(mask, content, tmp_path):
    path = tmp_path / "masks.npz"
    mask.save(path)
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)  # None: truncated
    with pytest.raises(InputError, match=r"masks\.npz' holds no mask"):
        Mask.load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no mask"):
        Mask.load(tmp_path / "masks.npz")
