"""Pictures of constructed tickets show every ticket that was found, and what bounds say beside."""

import pandas as pd
import pytest

from pns_tf.constructing.figure import candidates_figure, frontier_figure
from pns_tf.detection.attack import attack_table
from pns_tf.detection.figure import detection_figure
from pns_tf.detection.settings import Attack
from pns_tf.detection.table import summary


def test_the_frontier_has_a_point_for_each_ticket_that_was_found():
    settings = [("circle", 6, 1000, "found", 500), ("circle", 6, 300, "found", 600)]
    settings += [("circle", 10, 1000, "found", 700), ("circle", 6, 100, "too narrow", None)]
    rows = pd.DataFrame(settings, columns=["task", "host_depth", "width", "outcome", "kept"])
    rows = rows.assign(target_depth=5, target_weights=108, metric=0.97, target=0.98)
    figure = frontier_figure(rows)
    over_width, over_depth = (figure.axes[number].lines[0] for number in (0, 3))
    assert over_width.get_xdata().tolist() == [1000, 300]
    assert over_width.get_ydata().tolist() == pytest.approx([500 / 108, 600 / 108])
    assert over_depth.get_xdata().tolist() == [6, 10]
    assert figure.axes[1].get_title() == "circle: accuracy"
    assert not figure.axes[2].lines


def test_candidates_stand_beside_the_bounds():
    rows = pd.DataFrame(
        {
            "part": "needed",
            "largest": ["1", "1", "all"],
            "epsilon": [0.05, 0.01, 0.125],
            "needed": [94, 444, 11],
            "needed_low": [91, 432, 11],
            "needed_high": [99, 466, 12],
        }
    )
    (axes,) = candidates_figure(rows).axes
    shown = {line.get_label(): line for line in axes.lines}
    assert shown["log₂(1/ε)"].get_ydata()[-1] == pytest.approx(2.32, abs=0.01)
    _, labels = axes.get_legend_handles_labels()
    assert "1 element at most" in labels
    assert "any number of elements" in labels


def test_hosts_that_nobody_wrote_into_are_drawn_like_planted_ones():
    table = attack_table(Attack("relu", 4, 20, "constructed", hosts=2, study=2))
    figure = detection_figure(summary(table))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["constructed"]
