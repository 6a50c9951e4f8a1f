"""What lies on input–output paths, and when a network has collapsed."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pns_tf.hosts.paths import effective_mask, flow_collapsed, neurons_on_paths
from pns_tf.masks import Mask

SIZES = (2, 3, 4, 2)


@st.composite
def masks(draw):
    parts = []
    for fan_in, fan_out in pairwise(SIZES):
        parts += [draw(arrays(bool, (fan_in, fan_out))), draw(arrays(bool, fan_out))]
    return Mask(parts)


def test_a_dead_end_and_a_neuron_without_input_are_on_no_path():
    into_dead_end = np.array([[1, 1, 0]])  # neuron 2 is fed by nothing, neuron 1 feeds nothing
    onwards = np.array([[1], [0], [1]])
    mask = Mask([into_dead_end, np.ones(3), onwards, np.ones(1)])
    assert [on.tolist() for on in neurons_on_paths(mask.kernels)] == [
        [True],
        [True, False, False],
        [True],
    ]
    effective = effective_mask(mask)
    assert effective[0].tolist() == [[True, False, False]]
    assert effective[1].tolist() == [True, False, False]
    assert effective[2].tolist() == [[True], [False], [False]]
    assert not flow_collapsed(mask)


def test_an_empty_layer_collapses_the_flow():
    mask = Mask([np.ones((2, 3)), np.ones(3), np.zeros((3, 2)), np.ones(2)])
    assert flow_collapsed(mask)
    assert effective_mask(mask).kept == 0


@given(masks(), st.integers(0, 2**32 - 1))
def test_parameters_off_all_paths_do_not_change_how_outputs_depend_on_inputs(mask, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.1, 1.0, array.shape) for array in mask]

    def slope(kept):
        """Outputs' change from one positive input to another; all units stay active."""
        outputs = []
        for x in (np.full(SIZES[0], 1.0), np.full(SIZES[0], 2.0)):
            for kernel, bias in zip(kept[::2], kept[1::2], strict=True):
                x = x @ kernel + bias
            outputs.append(x)
        return outputs[1] - outputs[0]

    full = slope([w * m for w, m in zip(weights, mask, strict=True)])
    effective = slope([w * m for w, m in zip(weights, effective_mask(mask), strict=True)])
    np.testing.assert_allclose(effective, full, atol=1e-12)
    assert flow_collapsed(mask) == bool(np.all(full == 0))


@given(masks())
def test_effective_masks_are_part_of_the_mask_and_final(mask):
    effective = effective_mask(mask)
    assert all((part <= whole).all() for part, whole in zip(effective, mask, strict=True))
    assert effective_mask(effective) == effective
