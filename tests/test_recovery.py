"""How a found mask is compared with the planted one."""

import numpy as np
import pytest

from pns_tf.masks import Mask
from pns_tf.measuring.recovery import mask_metrics, overlap


def test_overlap_of_a_worked_case():
    planted = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    found = np.array([1, 0, 0, 0, 1, 0, 0, 0], bool)
    assert overlap(planted, found) == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 4, "f1": 1 / 3, "jaccard": 1 / 5}
    )


@pytest.mark.parametrize("side", ["planted", "found"])
def test_overlap_with_one_empty_side_is_zero(side):
    masks = {"planted": np.ones(3, bool), "found": np.ones(3, bool), side: np.zeros(3, bool)}
    assert set(overlap(**masks).values()) == {0.0}


def test_two_empty_masks_agree():
    assert set(overlap(np.zeros(3, bool), np.zeros(3, bool)).values()) == {1.0}


def test_the_planted_mask_itself_is_found_perfectly():
    mask = Mask([np.eye(3), np.ones(3), np.ones((3, 1)), np.zeros(1)])
    metrics = mask_metrics(mask, mask)
    for name in ("precision", "recall", "f1", "jaccard"):
        assert metrics[name] == metrics[f"{name}_layer0"] == metrics[f"{name}_layer1"] == 1.0
    assert metrics["density_kept"] == mask.density == metrics["effective_density"]
    assert metrics["layer_collapse"] == metrics["flow_collapse"] == 0.0


def test_layer_collapse_needs_an_empty_kernel_and_flow_collapse_only_a_cut():
    planted = Mask([np.ones((1, 2)), np.ones(2), np.ones((2, 1)), np.ones(1)])
    cut = Mask([np.array([[1, 0]]), np.ones(2), np.array([[0], [1]]), np.ones(1)])
    assert mask_metrics(planted, cut)["flow_collapse"] == 1.0
    assert mask_metrics(planted, cut)["layer_collapse"] == 0.0
    empty = Mask([np.zeros((1, 2)), np.ones(2), np.ones((2, 1)), np.ones(1)])
    assert mask_metrics(planted, empty)["layer_collapse"] == 1.0
